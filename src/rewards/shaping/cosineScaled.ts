import { ConfigError } from '../../errors.js'
import { gradeOf } from '../../grading/gradeOf.js'
import type { RewardFunction, RewardOptions } from '../reward.js'
import { rewardWeight } from '../reward.js'

/** Options of {@link cosineScaled}. */
export interface CosineScaledOptions extends RewardOptions {
  /** Tokens at which the schedule ends: the run's maxCompletionLength. */
  maxCompletionLength: number
  /** Of a wrong answer of no length. Defaults to -1. */
  minValueWrong?: number
  /** Of a wrong answer of the full length. Defaults to -0.5. */
  maxValueWrong?: number
  /** Of a right answer of the full length. Defaults to 0.5. */
  minValueCorrect?: number
  /** Of a right answer of no length. Defaults to 1. */
  maxValueCorrect?: number
  /** Takes right answers that are not in the form asked for. Defaults to false. */
  lenient?: boolean
}

/**
 * Correctness scaled by length along a cosine, from arXiv 2502.03373, appendix C.1; as TRL's get_cosine_scaled_reward:
 * low + (high − low) / 2 · (1 + cos(π · |y| / L)), |y| in tokens and at most L. Right answers go from `maxValueCorrect` (short)
 * to `minValueCorrect` (long), wrong ones from `minValueWrong` (short) to `maxValueWrong` (long).
 */
export function cosineScaled(options: Partial<CosineScaledOptions>): RewardFunction {
  const {
    minValueWrong = -1,
    maxValueWrong = -0.5,
    minValueCorrect = 0.5,
    maxValueCorrect = 1,
    lenient = false,
  } = options
  const { maxCompletionLength: longest = NaN } = options
  if (!Number.isSafeInteger(longest) || longest < 1) {
    throw new ConfigError(`cosine_scaled: maxCompletionLength is ${longest}; it must be a number of tokens above 0`)
  }
  return {
    name: 'cosine_scaled',
    asksGrader: true,
    weight: rewardWeight('cosine_scaled', options),
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
