const QUOTE = 34
const BACKSLASH = 92
const notFinite = /-?Infinity|NaN/y

/**
 * Parses JSON as Python's `json` writes it: with NaN, Infinity and -Infinity, which JSON does not have, and which become null.
 * Throws a SyntaxError.
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const plain = withoutNotFinite(text)
    if (plain === null) throw error
    return JSON.parse(plain)
  }
}

/** Null in place of what stands outside of strings; null when there is none. */
function withoutNotFinite(text: string): string | null {
  const pieces: string[] = []
  let begin = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) {
      for (i++; i < text.length && text.charCodeAt(i) !== QUOTE; i++) if (text.charCodeAt(i) === BACKSLASH) i++
      continue
    }
    notFinite.lastIndex = i
    const [found] = notFinite.exec(text) ?? []
    if (found === undefined) continue
    pieces.push(text.slice(begin, i), 'null')
    begin = i + found.length
    i = begin - 1
  }
  return pieces.length === 0 ? null : pieces.join('') + text.slice(begin)
}
