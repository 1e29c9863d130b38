import { z } from 'zod'
import type { Grade } from '../../grading/problem.js'
import { parseArithmetic } from '../../grading/reasoning/arithmetic.js'
import { readArithmeticTokens } from '../../grading/reasoning/arithmeticTokens.js'
import { findCalculations } from '../../grading/reasoning/calculations.js'
import type { Calculation } from '../../grading/reasoning/calculations.js'
import { gradeOf } from '../../grading/gradeOf.js'
import type { RewardFunction } from '../reward.js'
import type { PartialCreditOptions } from '../options.js'
import { rewardOptions } from '../rewardOptions.js'
import { option } from '../../options/schema.js'

/** Options of {@link partialCredit} besides weight and timeout. */
export const partialCreditOptions = {
  lenientCredit: option(z.number(), 0.5, 'For a right answer that is not in the form asked for.'),
  stepCredit: option(
    z.number(),
    0.3,
    "For a wrong answer whose way came to all intermediate results of the problem's solution.",
  ),
  methodCredit: option(
    z.number(),
    0,
    "For a wrong answer that writes down the calculations of the problem's solution, whatever it makes of them: what an " +
      'examiner gives for the method.',
  ),
  requireAllSteps: option(
    z.boolean(),
    false,
    "Gives neither to a completion with fewer or more calculations than the problem's solution, so that stopping after the " +
      'first one does not pay.',
  ),
}

/**
 * Pays 1 for a right answer in the right form, `lenientCredit` for one in another form, and for a wrong one the sum of two parts: up to
 * `stepCredit` for the share of the results in the problem's worked solution that the completion also calculates, and calculates right;
 * up to `methodCredit` for the share that its calculations would come to (`12 - 4 = 9` would come to 8), slips carried forward
 * (`9 * 2` after it would come to 16). Further calculations lower the shares, so that listing many does not pay.
 */
export function partialCredit(options: PartialCreditOptions = {}): RewardFunction {
  const [common, { lenientCredit, stepCredit, methodCredit, requireAllSteps }] = rewardOptions(
    'partial_credit',
    partialCreditOptions,
    options,
  )
  return {
    ...common,
    asksGrader: true,
    async score({ completion, prompt, meta: { problem } }) {
      const { correct, correctLenient }: Grade = await gradeOf(completion, problem, prompt)
      if (correct) return 1
      if (correctLenient) return lenientCredit
      const solution = findCalculations(problem.solution ?? '')
      const found = findCalculations(completion)
      if (solution.length === 0 || (requireAllSteps && found.length !== solution.length)) return 0
      const expected = new Set(solution.map(({ claimed }) => claimed))
      const share = (results: readonly number[]): number =>
        [...new Set(results)].filter((result) => expected.has(result)).length / Math.max(expected.size, found.length)
      const calculatedRight = found.filter(({ correct }) => correct).map(({ claimed }) => claimed)
      return stepCredit * share(calculatedRight) + methodCredit * share(meantResults(found, expected))
    },
  }
}

/**
 * What calculations would come to if each were right. One that goes on with an earlier wrong result may also stand for the same one with
 * the right result: that is taken where it is among the `expected` ones.
 */
function meantResults(calculations: readonly Calculation[], expected: ReadonlySet<number>): number[] {
  const meantBy = new Map<number, number>()
  return calculations.map(({ expression, claimed, value }) => {
    const tokens = readArithmeticTokens(expression).map((token) =>
      token.kind === 'number' ? { ...token, value: meantBy.get(token.value) ?? token.value } : token,
    )
    const carried = parseArithmetic(tokens, 0)?.value ?? value
    const meant = expected.has(carried) ? carried : value
    meantBy.set(claimed, meant)
    return meant
  })
}
