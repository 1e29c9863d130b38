import { afterReasoning } from './answerExtraction.js'
import { findBoxed } from './answers/boxed.js'

/**
 * The text that a completion marks as its answer: what follows the last `####` of a line, stands inside the last
 * `<answer>…</answer>` or in the last `\boxed{…}`, whichever comes last; null if nothing is marked. What is said inside
 * `<think>…</think>` is no answer.
 */
export function markedAnswer(completion: string): string | null {
  const text = afterReasoning(completion)
  if (text === null) return null
  const found = [lastLine(text), lastTagged(text, 'answer'), lastBox(text)].filter((marked) => marked !== null)
  return (
    found
      .toSorted((a, b) => a.start - b.start)
      .at(-1)
      ?.content.trim() ?? null
  )
}

interface Marked {
  readonly start: number
  readonly content: string
}

function lastLine(text: string): Marked | null {
  const match = [...text.matchAll(/^[ \t]*####(.*)$/gm)].at(-1)
  return match === undefined ? null : { start: match.index, content: match[1]! }
}

/** What the last pair of tags encloses. */
export function lastTagged(text: string, tag: string): Marked | null {
  const end = text.lastIndexOf(`</${tag}>`)
  const start = end < 0 ? -1 : text.lastIndexOf(`<${tag}>`, end)
  return start < 0 ? null : { start, content: text.slice(start + tag.length + 2, end) }
}

function lastBox(text: string): Marked | null {
  return findBoxed(text).at(-1) ?? null
}
