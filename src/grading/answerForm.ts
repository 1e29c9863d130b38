import { afterReasoning } from './answerExtraction.js'
import { findBoxed, lastBoxed, mergedBoxes } from './answers/boxed.js'
import { fencedBlocks } from './code/fencedBlocks.js'
import type { Problem } from './problem.js'
import { thinkForm } from './thinkForm.js'

/**
 * How a completion gives its answer; also the values of `--reasoning-format`, and of the option `style` of the reward `format`:
 * - `gsm8k`: steps, then a last line `#### 18`;
 * - `think`: `<think>` steps `</think>` `<answer>18</answer>`, as DeepSeek-R1;
 * - `boxed`: steps, then `\boxed{18}` in the last line, as solutions of MATH;
 * - `code`: an explanation, then one fenced code block that holds the answer;
 * - `bare`: the answer and nothing else.
 *
 * Reasoning between `<think>` and `</think>` may come first in every form.
 */
export type AnswerForm = 'gsm8k' | 'think' | 'boxed' | 'code' | 'bare'

/** Every form of an answer. */
export const answerForms = ['gsm8k', 'think', 'boxed', 'code', 'bare'] as const satisfies readonly AnswerForm[]

/** An answer as a text marks it. */
export interface MarkedAnswer {
  /** Where its mark begins. */
  readonly start: number
  /** Without white space around it; a box in it is opened. */
  readonly content: string
}

/** What there is to know about a form. */
export interface AnswerFormRules {
  /** Tells a model to answer so; `answer` says what stands in the answer's place, e.g. `number`. */
  instruction(answer: string): string
  /** A worked solution of its steps, without the final answer, and the answer. What the steps mark as an answer is unmarked. */
  write(steps: string, answer: string): string
  /** What a text, without its reasoning, marks as answers, in order. */
  find(text: string): MarkedAnswer[]
  /**
   * Whether a completion has this form and marks something for which `isAnswer` holds. `prompt` matters where it opens
   * the reasoning, as some chat templates do: the completion then begins inside it.
   */
  holds(completion: string, isAnswer: (content: string) => boolean, prompt?: string): boolean
}

const gsm8k: AnswerFormRules = {
  instruction: (answer) =>
    `Reason step by step, then end with the final answer alone on a line of the form \`#### <${answer}>\`.`,
  write: (steps, answer) => `${lines(steps.replace(/^([ \t]*)#{4,}[ \t]*/gm, '$1'))}#### ${answer}`,
  find: (text) =>
    Array.from(text.matchAll(/^[ \t]*####(?!#)(.*)$/gm), ({ index, 1: content }) => ({
      start: index,
      content: unboxed(content!),
    })),
  holds(completion, isAnswer) {
    const text = afterReasoning(completion)?.trimEnd() ?? ''
    const lastLine = text.slice(text.lastIndexOf('\n') + 1)
    return /^#### (?!#)/.test(lastLine) && isAnswer(lastLine.slice(5)) && text.match(/^[ \t]*####/gm)?.length === 1
  },
}

const boxed: AnswerFormRules = {
  instruction: (answer) => `Reason step by step, then end with the final answer as \\boxed{${answer}}.`,
  write: (steps, answer) => `${lines(withoutBoxes(steps))}The answer is $\\boxed{${answer}}$.`,
  find: (text) => mergedBoxes(text).map(({ start, content }) => ({ start, content })),
  holds(completion, isAnswer) {
    const text = afterReasoning(completion)?.trimEnd() ?? ''
    const [box, ...others] = findBoxed(text)
    return box !== undefined && others.length === 0 && !text.includes('\n', box.end) && isAnswer(box.content)
  },
}

const think = thinkForm()

const fence = /^[ \t]*(?:```|~~~)/m

const code: AnswerFormRules = {
  instruction: (answer) => `Explain your approach, then give the ${answer} in one code block.`,
  write(steps, answer) {
    const block = fencedBlocks(answer).length > 0 ? answer : `\`\`\`\n${answer}\n\`\`\``
    return lines(steps.replace(/^[ \t]*(?:```|~~~).*$/gm, '')) + block
  },
  find: (text) => fencedBlocks(text).map((block, i) => ({ start: i, content: block.trim() })),
  holds(completion, isAnswer) {
    const text = afterReasoning(completion)?.trimEnd() ?? ''
    const [block, ...others] = fencedBlocks(text)
    const isClosed = /\n[ \t]*(?:```+|~~~+)$/.test(text)
    return block !== undefined && others.length === 0 && isClosed && isAnswer(block)
  },
}

const bare: AnswerFormRules = {
  instruction: (answer) => `Give the ${answer} alone, and nothing else.`,
  write: (_steps, answer) => answer,
  find(text) {
    const content = text.trim()
    const isMarked = fence.test(text) || [gsm8k, think, boxed].some((form) => form.find(text).length > 0)
    return content === '' || isMarked ? [] : [{ start: 0, content }]
  },
  holds(completion, isAnswer) {
    const [answer] = bare.find(afterReasoning(completion) ?? '')
    return answer !== undefined && isAnswer(answer.content)
  },
}

export const answerFormRules: Readonly<Record<AnswerForm, AnswerFormRules>> = {
  gsm8k,
  think,
  boxed,
  code,
  bare,
}

/** The forms in which a problem's answer counts as given in the right form. */
export function formsOf(
  { answerForm }: Pick<Problem, 'answerForm'>,
  known: readonly AnswerForm[] = markingForms,
): readonly AnswerForm[] {
  return answerForm === undefined ? known : [answerForm]
}

/** The forms that mark an answer in a text in a way that nothing else is. */
export const markingForms: readonly AnswerForm[] = ['gsm8k', 'think', 'boxed']

/** What a completion marks as answers behind its reasoning, in any of some forms, in order. */
function markedAnswers(completion: string, forms: readonly AnswerForm[] = markingForms): string[] {
  return marksIn(afterReasoning(completion) ?? '', forms).map(({ content }) => content)
}

/** What a text marks as answers, wherever in it, in any of some forms, in order. */
export function marksIn(text: string, forms: readonly AnswerForm[]): MarkedAnswer[] {
  return forms.flatMap((form) => answerFormRules[form].find(text)).toSorted((a, b) => a.start - b.start)
}

/** The last answer that a completion marks, in any of some forms; null if it marks none, or nothing. */
export function markedAnswer(completion: string, forms?: readonly AnswerForm[]): string | null {
  const answer = markedAnswers(completion, forms).at(-1) ?? ''
  return answer === '' ? null : answer
}

function lines(steps: string): string {
  const text = steps.trim() === '' ? '' : steps.trimEnd()
  return text === '' ? '' : `${text}\n`
}

function unboxed(content: string): string {
  return lastBoxed(content) ?? content.trim()
}

function withoutBoxes(text: string): string {
  const boxes = findBoxed(text)
  if (boxes.length === 0) return text
  let [result, end] = ['', 0]
  for (const box of boxes) {
    result += text.slice(end, box.start) + box.content
    end = box.end
  }
  return withoutBoxes(result + text.slice(end))
}
