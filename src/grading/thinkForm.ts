import { lastBoxed } from './answers/boxed.js'
import type { AnswerFormRules } from './answerForm.js'

/** The names of the tags of the form `think`. */
export interface ThinkTags {
  /** Around the reasoning. Defaults to `think`. */
  reasoningTag?: string
  /** Around the answer. Defaults to `answer`. */
  answerTag?: string
}

/** What the last pair of tags encloses; null if there is none. */
export function lastTagged(text: string, tag: string): string | null {
  const end = text.lastIndexOf(`</${tag}>`)
  const start = end < 0 ? -1 : text.lastIndexOf(`<${tag}>`, end)
  return start < 0 ? null : text.slice(start + tag.length + 2, end)
}

/** Steps of a solution that has none: a thought may not be empty. */
const NO_STEPS = 'The answer can be given at once.'

/**
 * The form `<think>…</think><answer>…</answer>`, as DeepSeek-R1: each tag once, neither part empty, nothing but white space
 * around them.
 */
export function thinkForm({ reasoningTag = 'think', answerTag = 'answer' }: ThinkTags = {}): AnswerFormRules {
  const [open, close] = [`<${reasoningTag}>`, `</${reasoningTag}>`]
  const [openAnswer, closeAnswer] = [`<${answerTag}>`, `</${answerTag}>`]
  const anyTag = new RegExp(`</?(?:${reasoningTag}|${answerTag})>`, 'g')
  const tagged = new RegExp(`${openAnswer}([^<]*(?:<(?!/?${answerTag}>)[^<]*)*)${closeAnswer}`, 'g')
  const opening = new RegExp(`${open}\\s*$`)

  const isThoughtThenAnswer = (text: string, isAnswer: (content: string) => boolean): boolean => {
    let rest = text.trim()
    const parts: string[] = []
    for (const tag of [open, close, openAnswer, closeAnswer]) {
      const start = rest.indexOf(tag)
      if (start < 0) return false
      parts.push(rest.slice(0, start).trim())
      rest = rest.slice(start + tag.length)
    }
    const [before, thought, between, answer] = parts as [string, string, string, string]
    return (
      `${before}${between}${rest}` === '' &&
      thought !== '' &&
      isAnswer(answer) &&
      [thought, answer].every((part) => part.search(anyTag) < 0)
    )
  }

  return {
    instruction: (answer) =>
      `First reason step by step inside ${open} ${close}, then give the final answer alone inside ${openAnswer} ${closeAnswer}, ` +
      `that is: ${open} your reasoning ${close} ${openAnswer} ${answer} ${closeAnswer}.`,
    write(steps, answer) {
      const thought = steps.replace(anyTag, '').trim()
      return `${open}\n${thought === '' ? NO_STEPS : thought}\n${close}\n${openAnswer}${answer}${closeAnswer}`
    },
    find: (text) =>
      Array.from(text.matchAll(tagged), ({ index, 1: content }) => ({
        start: index,
        content: lastBoxed(content!) ?? content!.replace(/^\s*####/, '').trim(),
      })),
    holds: (completion, isAnswer, prompt = '') =>
      isThoughtThenAnswer(completion, isAnswer) ||
      (opening.test(prompt) && isThoughtThenAnswer(open + completion, isAnswer)),
  }
}
