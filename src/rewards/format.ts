import { z } from 'zod'
import { answerFormRules, answerForms, formsOf } from '../grading/answerForm.js'
import { couldBeAnswer, graderOf } from '../grading/gradeOf.js'
import { thinkForm } from '../grading/thinkForm.js'
import type { RewardFunction } from './reward.js'
import type { FormatOptions } from './options.js'
import { rewardOptions } from './rewardOptions.js'
import { option } from '../options/schema.js'

/** The name of a tag. */
const tag = z.string().regex(/^[\w-]+$/, 'expected a word such as think')

/** Options of {@link format} besides weight and timeout. */
export const formatOptions = {
  style: z
    .enum(answerForms)
    .optional()
    .describe(
      'The form to pay for, whatever the problem asks for. Defaults to the answerForm of the problem; for a problem without ' +
        'one, to any that its grader takes.',
    ),
  reasoningTag: option(tag, 'think', 'Tag of the reasoning in the form think.'),
  answerTag: option(tag, 'answer', 'Tag of the answer in the form think.'),
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
  const [common, { style, reasoningTag, answerTag }] = rewardOptions('format', formatOptions, options)
  const rules = { ...answerFormRules, think: thinkForm({ reasoningTag, answerTag }) }
  return {
    ...common,
    score({ completion, prompt, meta: { problem, finishReason } }) {
      if (finishReason !== 'stop') return 0
      const isAnswer = (content: string): boolean => couldBeAnswer(content, problem)
      const forms = style === undefined ? formsOf(problem, graderOf(problem).forms) : [style]
      return forms.some((form) => rules[form].holds(completion, isAnswer, prompt)) ? 1 : 0
    },
  }
}
