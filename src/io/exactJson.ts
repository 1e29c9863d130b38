import { parse } from 'lossless-json'
import { findDuplicateKey, isJsonObject, quote } from './json.js'

/** A number whose text a JavaScript number does not give back: `1.10`, `1e400`, `12345678901234567890`. */
class ExactNumber {
  constructor(readonly text: string) {}
}

/** The texts of such numbers, by the object that holds them and their keys. */
const exactTexts = new WeakMap<object, Map<string, string>>()

/**
 * Parses JSON as JSON.parse does, but refuses a key that an object has twice, and keeps the text of numbers, which
 * {@link exactText} gives. Whole numbers beyond 2^53 and numbers beyond the range of a float become texts. Throws a SyntaxError.
 */
export function parseExactJson(text: string): unknown {
  try {
    const value = parse(text, undefined, { parseNumber, onDuplicateKey: ({ key }) => refuseDuplicate(key) })
    // The library takes a key twice where it has the same value.
    const duplicate = findDuplicateKey(text)
    if (duplicate !== undefined) refuseDuplicate(duplicate)
    return withPlainNumbers(value)
  } catch (error) {
    if (error instanceof RangeError) throw new SyntaxError('is nested too deeply', { cause: error })
    throw error
  }
}

/** Keeps the text of a number, given to `object[key]` by a format that is more exact than JavaScript's numbers. */
export function keepExactText(object: object, key: string, text: string): void {
  const texts = exactTexts.get(object) ?? new Map<string, string>()
  exactTexts.set(object, texts.set(key, text))
}

/** The number `object[key]` as its file spells it, where that is not what JavaScript prints. */
export function exactText(object: object, key: string): string | undefined {
  return exactTexts.get(object)?.get(key)
}

/** The value of a number that is spelled like this: a text where no JavaScript number is near enough. */
export function plainNumber(text: string): number | string {
  const value = Number(text)
  const isWhole = /^-?\d+$/.test(text)
  return Number.isFinite(value) && (!isWhole || Number.isSafeInteger(value)) ? value : text
}

function parseNumber(text: string): number | ExactNumber {
  const value = Number(text)
  return String(value) === text ? value : new ExactNumber(text)
}

function refuseDuplicate(key: string): never {
  throw new SyntaxError(`has the key ${quote(key)} twice in one object`)
}

function withPlainNumbers(value: unknown): unknown {
  if (value instanceof ExactNumber) return plainNumber(value.text)
  if (Array.isArray(value)) {
    // In place: a row may be large.
    for (let i = 0; i < value.length; i++) value[i] = withPlainNumbers(value[i])
  } else if (isJsonObject(value)) {
    for (const [key, entry] of Object.entries(value)) {
      if (entry instanceof ExactNumber) keepExactText(value, key, entry.text)
      if (typeof entry === 'object' && entry !== null) setOwn(value, key, withPlainNumbers(entry))
    }
  }
  return value
}

/** Also for the key `__proto__`. */
function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}
