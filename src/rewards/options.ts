// Made from schemas by `npm run generate`: change it there.

import type { RewardOptions } from './reward.js'

/** Options of the reward `correctness`. */
export interface CorrectnessOptions extends RewardOptions {
  /** Takes the last number when the answer is not in the form asked for. Defaults to false. */
  readonly lenient?: boolean | undefined
}

/** Options of the reward `format`. */
export interface FormatOptions extends RewardOptions {
  /**
   * The form to pay for, whatever the problem asks for. Defaults to the answerForm of the problem; for a problem
   * without one, to any that its grader takes.
   */
  readonly style?: 'gsm8k' | 'think' | 'boxed' | 'code' | 'bare' | undefined
  /** Tag of the reasoning in the form think. Defaults to "think". */
  readonly reasoningTag?: string | undefined
  /** Tag of the answer in the form think. Defaults to "answer". */
  readonly answerTag?: string | undefined
}

/** Options of the reward `partial_credit`. */
export interface PartialCreditOptions extends RewardOptions {
  /** For a right answer that is not in the form asked for. Defaults to 0.5. */
  readonly lenientCredit?: number | undefined
  /** For a wrong answer whose way came to all intermediate results of the problem's solution. Defaults to 0.3. */
  readonly stepCredit?: number | undefined
  /**
   * For a wrong answer that writes down the calculations of the problem's solution, whatever it makes of them: what an
   * examiner gives for the method. Defaults to 0.
   */
  readonly methodCredit?: number | undefined
  /**
   * Gives neither to a completion with fewer or more calculations than the problem's solution, so that stopping after
   * the first one does not pay. Defaults to false.
   */
  readonly requireAllSteps?: boolean | undefined
}

/** Options of the reward `reasoning_steps`. */
export interface ReasoningStepsOptions extends RewardOptions {
  /** So many different steps are paid in full. Defaults to 3. */
  readonly targetSteps?: number | undefined
}

/** Options of the reward `step_arithmetic`. */
export interface StepArithmeticOptions extends RewardOptions {
  /** For each wrong calculation; together not below -1. Defaults to -0.5. */
  readonly penalty?: number | undefined
}

/** Options of the reward `efficiency`. */
export interface EfficiencyOptions extends RewardOptions {
  /** Characters that an answer needs. Defaults to the length of the problem's worked solution, or 400 without one. */
  readonly neededLength?: number | undefined
  /** So many times the needed length is still paid in full. Defaults to 1.5. */
  readonly slack?: number | undefined
}

/** Options of the reward `language_consistency`. */
export interface LanguageConsistencyOptions extends RewardOptions {
  /** A script of Unicode, such as Latin, Cyrillic or Han. Defaults to that of most letters of the question. */
  readonly script?: string | undefined
}

/** Options of the reward `repetition_penalty`. */
export interface RepetitionPenaltyOptions extends RewardOptions {
  /** Tokens of an n-gram. Defaults to 3. */
  readonly ngramSize?: number | undefined
  /** The reward of a completion that only repeats itself, at most 0. Defaults to -1. */
  readonly maxPenalty?: number | undefined
}

/** Options of the reward `cosine_scaled`. */
export interface CosineScaledOptions extends RewardOptions {
  /** Tokens at which the schedule ends: the run's maxCompletionLength. */
  readonly maxCompletionLength: number
  /** Of a wrong answer of no length. Defaults to -1. */
  readonly minValueWrong?: number | undefined
  /** Of a wrong answer of the full length. Defaults to -0.5. */
  readonly maxValueWrong?: number | undefined
  /** Of a right answer of the full length. Defaults to 0.5. */
  readonly minValueCorrect?: number | undefined
  /** Of a right answer of no length. Defaults to 1. */
  readonly maxValueCorrect?: number | undefined
  /** Takes right answers that are not in the form asked for. Defaults to false. */
  readonly lenient?: boolean | undefined
}

/** Options of the reward `random`. */
export interface RandomOptions extends RewardOptions {
  /** Probability of the reward 1; otherwise it is 0. Defaults to 0.5. */
  readonly rate?: number | undefined
  /** The same seed gives the same rewards, in the order in which completions are judged. Defaults to 0. */
  readonly seed?: number | undefined
}

/** Options of the reward `soft_overlong`. */
export interface SoftOverlongOptions extends RewardOptions {
  /** Longest completion, in tokens: the run's maxCompletionLength. */
  readonly maxCompletionLength: number
  /** Tokens before the maximum in which the penalty grows; DAPO takes 4096 of 20480. Defaults to a fifth of the maximum. */
  readonly softPunishCache?: number | undefined
}
