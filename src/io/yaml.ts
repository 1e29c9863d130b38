import { parseDocument } from 'yaml'

/** More characters than any file of options has. */
const MAX_YAML_LENGTH = 1_000_000

/**
 * Parses YAML. Throws an Error that says what is wrong with it, also for one that is too large or too deep, or whose aliases
 * multiply what it holds.
 */
export function parseYaml(text: string): unknown {
  if (text.length > MAX_YAML_LENGTH)
    throw new Error(`has ${text.length} characters; at most ${MAX_YAML_LENGTH} are read`)
  try {
    const document = parseDocument(text)
    const [problem] = document.errors
    if (problem) throw problem
    return document.toJS() as unknown
  } catch (cause) {
    const reason = cause instanceof RangeError ? 'it is nested too deeply' : (cause as Error).message.trimEnd()
    throw new Error(`is not valid YAML: ${reason}`, { cause })
  }
}
