import { z } from 'zod'
import { gradeOf } from '../../grading/gradeOf.js'
import type { RewardFunction } from '../reward.js'
import type { CosineScaledOptions } from '../options.js'
import { rewardOptions } from '../rewardOptions.js'
import { option } from '../../options/schema.js'

/** Options of {@link cosineScaled} besides weight and timeout. */
export const cosineScaledOptions = {
  maxCompletionLength: z.int().positive().describe("Tokens at which the schedule ends: the run's maxCompletionLength."),
  minValueWrong: option(z.number(), -1, 'Of a wrong answer of no length.'),
  maxValueWrong: option(z.number(), -0.5, 'Of a wrong answer of the full length.'),
  minValueCorrect: option(z.number(), 0.5, 'Of a right answer of the full length.'),
  maxValueCorrect: option(z.number(), 1, 'Of a right answer of no length.'),
  lenient: option(z.boolean(), false, 'Takes right answers that are not in the form asked for.'),
}

/**
 * Correctness scaled by length along a cosine, from arXiv 2502.03373, appendix C.1; as TRL's get_cosine_scaled_reward:
 * low + (high − low) / 2 · (1 + cos(π · |y| / L)), |y| in tokens and at most L. Right answers go from `maxValueCorrect` (short)
 * to `minValueCorrect` (long), wrong ones from `minValueWrong` (short) to `maxValueWrong` (long).
 */
export function cosineScaled(options: CosineScaledOptions): RewardFunction {
  const [common, { maxCompletionLength: longest, lenient, ...values }] = rewardOptions(
    'cosine_scaled',
    cosineScaledOptions,
    options,
  )
  const { minValueWrong, maxValueWrong, minValueCorrect, maxValueCorrect } = values
  return {
    ...common,
    asksGrader: true,
    async score({ completion, ids, prompt, meta: { problem } }) {
      const { correct, correctLenient } = await gradeOf(completion, problem, prompt)
      const cosine = Math.cos(Math.PI * Math.min(1, ids.length / longest))
      const [low, high] = (lenient ? correctLenient : correct)
        ? [minValueCorrect, maxValueCorrect]
        : [maxValueWrong, minValueWrong]
      return low + 0.5 * (high - low) * (1 + cosine)
    },
  }
}
