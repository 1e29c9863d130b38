import { inspect } from 'node:util'
import { FileFormatError } from '../errors.js'

/**
 * Parses bytes of a file as JSON in UTF-8 without errors. `part` names them in the message, e.g. "the header". Throws a
 * FileFormatError.
 */
export function parseJson(file: string, part: string, bytes: Uint8Array): unknown {
  return parse(file, part, decode(file, part, bytes))
}

/** As {@link parseJson}, but refuses an object that has a key twice, where JSON.parse silently takes the last one. */
export function parseStrictJson(file: string, part: string, bytes: Uint8Array): unknown {
  const text = decode(file, part, bytes)
  const value = parse(file, part, text)
  const duplicate = findDuplicateKey(text)
  if (duplicate === undefined) return value
  throw new FileFormatError(file, `${part} has the key ${quote(duplicate)} twice in one object; expected it once`)
}

function decode(file: string, part: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new FileFormatError(file, `${part} is not valid UTF-8: it is corrupt, get the file again`, { cause })
  }
}

function parse(file: string, part: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = (cause as Error).message
    throw new FileFormatError(file, `${part} is not valid JSON (${reason}): it is corrupt, get the file again`, {
      cause,
    })
  }
}

/** A key that one object of the (valid) JSON text holds twice. */
export function findDuplicateKey(text: string): string | undefined {
  const keysOfOpenObjects: Set<string>[] = []
  const colon = /\s*:/y
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (character === '{') keysOfOpenObjects.push(new Set())
    else if (character === '}') keysOfOpenObjects.pop()
    else if (character === '"') {
      const start = i++
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
      colon.lastIndex = i + 1
      if (!colon.test(text)) continue
      const key = JSON.parse(text.slice(start, i + 1)) as string
      const keys = keysOfOpenObjects.at(-1)!
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Name and password in an address, also in one that was cut before its end. */
const credentials = /\/\/[^\s/@'"`]*(?:@|(?=['"`]\.{3} ))/g

/**
 * A value for an error message: control characters escaped, passwords in addresses left out, and cut short because a hostile file may
 * hold megabytes.
 */
export function quote(value: unknown): string {
  const text = inspect(value, { depth: 1, maxArrayLength: 8, maxStringLength: 80, breakLength: Infinity }).replace(
    credentials,
    '//…@',
  )
  return text.length > 160 ? `${text.slice(0, 157)}...` : text
}
