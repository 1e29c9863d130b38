import { parseDocument } from 'yaml'

/** More characters than any file of options has. */
const MAX_YAML_LENGTH = 1_000_000
/** Of brackets, or of lists in a line. Deeper ones exhaust the parser's stack, which may end the process. */
const MAX_DEPTH = 1000

/**
 * Parses YAML. Throws an Error that says what is wrong with it, also for one that is too large or too deep, or whose aliases
 * multiply what it holds.
 */
export function parseYaml(text: string): unknown {
  if (text.length > MAX_YAML_LENGTH)
    throw new Error(`has ${text.length} characters; at most ${MAX_YAML_LENGTH} are read`)
  if (isDeep(text)) throw new Error(`is not valid YAML: it is nested more than ${MAX_DEPTH} deep`)
  try {
    const document = parseDocument(text)
    const [problem] = document.errors
    if (problem) throw problem
    const value: unknown = document.toJS()
    if (holdsItself(value)) throw new Error('an alias stands within what it names')
    return value
  } catch (cause) {
    const reason = cause instanceof RangeError ? 'it is nested too deeply' : (cause as Error).message.trimEnd()
    throw new Error(`is not valid YAML: ${reason}`, { cause })
  }
}

/** Whether more brackets are open at once than any options need, wherever they stand, or as many lists begin in a line. */
function isDeep(text: string): boolean {
  let depth = 0
  for (const [bracket] of text.matchAll(/[[{\]}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1
    if (depth > MAX_DEPTH) return true
  }
  return /(?:[-?:][ \t]+){1000}/.test(text)
}

/** Nothing that walks through such a value would come to an end. */
function holdsItself(value: unknown): boolean {
  try {
    JSON.stringify(value)
    return false
  } catch {
    return true
  }
}
