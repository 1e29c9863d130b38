import type { ChatMessage } from '../text/chatTemplate.js'
import type { AnswerForm } from './answerForm.js'

/** One problem with a final answer that can be checked. */
export interface Problem {
  /** Stable from run to run, unique within its task, e.g. `gsm8k/train/17`. */
  readonly id: string
  /** What is asked, without instructions on the form of the answer; of a conversation the last message of the user. */
  readonly question: string
  /**
   * The conversation that the model is given in place of the question alone: an own system message, which takes the place of
   * the task's, earlier turns, and the question. Defaults to one message of the user.
   */
  readonly messages?: readonly ChatMessage[]
  /** The final answer alone, e.g. `72`. */
  readonly answer: string
  /** A worked solution that ends with the answer in the form that is asked for. */
  readonly solution?: string
  /** Harder problems have larger numbers; the scale is the task's own. */
  readonly difficulty?: number
  /**
   * How a completion has to give its answer to be right, and what the reward `format` pays for. Defaults to any form that the
   * grader knows: `gsm8k` or `think` for numbers, `boxed` or `think` for mathematics, any of the three for others.
   */
  readonly answerForm?: AnswerForm
  /** The other columns of the row that the problem was read from. */
  readonly columns?: Readonly<Record<string, unknown>>
  /** Decides whether a completion is right. Defaults to comparing numbers, which is what GSM8K's answers are. */
  readonly grader?: Grader
}

/** What a grader says about one completion. */
export interface Grade {
  /** The answer is right and given in the form that the problem asks for. */
  readonly correct: boolean
  /** The answer is right, in whatever form it is given; true whenever `correct` is. */
  readonly correctLenient: boolean
  /** The answer that was found, in a normal form of the grader's own; null if there is none. */
  readonly extracted: string | null
  /** Why a completion is wrong where that takes words, e.g. the error of a program. */
  readonly reason?: string
}

/** Grades completions of a problem. A plain function `(completion, problem, promptText) => grade` is one. */
export interface Grader {
  /**
   * Never throws for what a model wrote, only for a problem that cannot be graded. `promptText` is the whole prompt, if it is
   * known: a completion that repeats it does not answer by that.
   */
  (completion: string, problem: Problem, promptText?: string): Grade | Promise<Grade>
  /** Whether a text could be an answer, right or wrong: what the reward `format` asks. Defaults to any text that is not empty. */
  readonly isAnswer?: (text: string, problem: Problem) => boolean
  /**
   * The grader is quick, has no effects, and returns no promise: a task that is loaded has it grade its gold answers, so that none is
   * trained on that no completion can match. Defaults to false.
   */
  readonly checksGold?: boolean
  /** The forms that it takes from a problem that asks for none. Defaults to `gsm8k`, `think` and `boxed`. */
  readonly forms?: readonly AnswerForm[]
}
