/** Prompts that are compared to find what they have in common. */
const COMPARED = 200

/**
 * What is particular to each of some prompts: without the beginning and the end that all of them have, such as a chat's marks, a
 * system message and worked examples. A prompt that says nothing else stays as it is.
 */
export function distinctParts(prompts: readonly string[]): (prompt: string) => string {
  const different = [...new Set(prompts)].slice(0, COMPARED)
  const [first = '', ...others] = different
  if (others.length === 0) return (prompt) => prompt.trim()
  const start = Math.min(...others.map((prompt) => commonLength(first, prompt)))
  const rest = first.slice(start)
  const end = Math.min(...others.map((prompt) => commonEndLength(rest, prompt.slice(start))))
  // Not in the middle of a word that questions happen to share: `How many` is part of the question.
  const line = first.lastIndexOf('\n', start - 1) + 1
  return (prompt) => {
    const part = prompt.slice(line, prompt.length - lineEnd(prompt, end)).trim()
    return part === '' ? prompt.trim() : part
  }
}

/** The length of a common end, shortened so that it begins at a line. */
function lineEnd(prompt: string, length: number): number {
  const end = prompt.slice(prompt.length - length)
  const line = end.indexOf('\n')
  return line < 0 ? 0 : end.length - line
}

function commonLength(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}

function commonEndLength(a: string, b: string): number {
  let length = 0
  while (length < a.length && length < b.length && a.at(-1 - length) === b.at(-1 - length)) length++
  return length
}
