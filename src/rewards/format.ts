import { ConfigError } from '../errors.js'
import { answerFormRules, answerForms, formsOf } from '../grading/answerForm.js'
import type { AnswerForm } from '../grading/answerForm.js'
import { couldBeAnswer, graderOf } from '../grading/gradeOf.js'
import { thinkForm } from '../grading/thinkForm.js'
import type { ThinkTags } from '../grading/thinkForm.js'
import type { RewardFunction, RewardOptions } from './reward.js'
import { rewardWeight } from './reward.js'

/** Options of {@link format}. */
export interface FormatOptions extends RewardOptions, ThinkTags {
  /**
   * The form to pay for, whatever the problem asks for. Defaults to the problem's `answerForm`; for a problem without one, to any
   * that its grader takes.
   */
  style?: AnswerForm
}

/**
 * Rewards a completion in the right form with 1, any other with 0, whether its answer is right or not:
 *
 * - `gsm8k`: it ends with a line `#### <answer>` and has no other line that begins with `####`;
 * - `think`: it is `<think>…</think><answer>…</answer>`, each tag once, neither part empty, nothing but white space around; where
 *   the prompt ends with `<think>`, it begins inside that;
 * - `boxed`: its last line holds the only `\boxed{…}`;
 * - `code`: it ends with its only fenced code block;
 * - `bare`: it is an answer and nothing else.
 *
 * What is marked has to be something that the problem's grader takes for an answer: a number where numbers are asked for. One that
 * was cut off at the token limit did not end, so it gets 0.
 */
export function format(options: FormatOptions = {}): RewardFunction {
  const { style, reasoningTag = 'think', answerTag = 'answer' } = options
  if (style !== undefined && !answerForms.includes(style)) {
    throw new ConfigError(`format style is '${style as string}'; it must be ${answerForms.join(', ')}`)
  }
  for (const tag of [reasoningTag, answerTag]) {
    if (!/^[\w-]+$/.test(tag)) throw new ConfigError(`format tag is '${tag}'; it must be a word such as think`)
  }
  const rules = { ...answerFormRules, think: thinkForm({ reasoningTag, answerTag }) }
  return {
    name: 'format',
    weight: rewardWeight('format', options),
    score({ completion, prompt, meta: { problem, finishReason } }) {
      if (finishReason !== 'stop') return 0
      const isAnswer = (content: string): boolean => couldBeAnswer(content, problem)
      const forms = style === undefined ? formsOf(problem, graderOf(problem).forms) : [style]
      return forms.some((form) => rules[form].holds(completion, isAnswer, prompt)) ? 1 : 0
    },
  }
}
