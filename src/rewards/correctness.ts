import { gradeOf } from '../grading/gradeOf.js'
import type { Grade } from '../grading/problem.js'
import type { RewardFunction, RewardOptions } from './reward.js'
import { rewardWeight } from './reward.js'

/** Options of {@link correctness}. */
export interface CorrectnessOptions extends RewardOptions {
  /** Takes the last number when the answer is not in the form asked for. Defaults to false. */
  lenient?: boolean
}

/** Rewards a right answer with 1, anything else with 0, by the problem's own grader or {@link grade}. */
export function correctness(options: CorrectnessOptions = {}): RewardFunction {
  const { lenient = false } = options
  return {
    name: 'correctness',
    judges: 'correctness',
    asksGrader: true,
    weight: rewardWeight('correctness', options),
    score({ completion, prompt, meta: { problem } }) {
      const pay = ({ correct, correctLenient }: Grade): number => ((lenient ? correctLenient : correct) ? 1 : 0)
      const result = gradeOf(completion, problem, prompt)
      return result instanceof Promise ? result.then(pay) : pay(result)
    },
  }
}
