import { z } from 'zod'
import { gradeOf } from '../grading/gradeOf.js'
import type { Grade } from '../grading/problem.js'
import type { RewardFunction } from './reward.js'
import type { CorrectnessOptions } from './options.js'
import { rewardOptions } from './rewardOptions.js'
import { option } from '../options/schema.js'

/** Options of {@link correctness} besides weight and timeout. */
export const correctnessOptions = {
  lenient: option(z.boolean(), false, 'Takes the last number when the answer is not in the form asked for.'),
}

/** Rewards a right answer with 1, anything else with 0, by the problem's own grader or {@link grade}. */
export function correctness(options: CorrectnessOptions = {}): RewardFunction {
  const [common, { lenient }] = rewardOptions('correctness', correctnessOptions, options)
  return {
    ...common,
    judges: 'correctness',
    asksGrader: true,
    score({ completion, prompt, meta: { problem } }) {
      const pay = ({ correct, correctLenient }: Grade): number => ((lenient ? correctLenient : correct) ? 1 : 0)
      const result = gradeOf(completion, problem, prompt)
      return result instanceof Promise ? result.then(pay) : pay(result)
    },
  }
}
