import { HttpError } from './httpError.js'

/** Levels of lists and objects within each other: batches of lists of tokens need three. */
const MAX_DEPTH = 32
/**
 * Lists, objects and texts, keys included. Each takes up to a hundred bytes of memory for two of the body; numbers, of which there
 * may be millions, take eight.
 */
const MAX_PARTS = 2 ** 18

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Throws an HttpError 400 for JSON that would take far more memory, or a deeper stack, than its bytes let expect. */
export function checkJsonShape(bytes: Uint8Array): void {
  let depth = 0
  let parts = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      parts++
      while (++i < bytes.length && bytes[i] !== QUOTE) if (bytes[i] === BACKSLASH) i++
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      parts++
      if (++depth > MAX_DEPTH) throw new HttpError(400, `the body is nested deeper than ${MAX_DEPTH} levels`)
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
    if (parts > MAX_PARTS) {
      throw new HttpError(400, `the body has more than ${MAX_PARTS} lists, objects and texts; send smaller batches`)
    }
  }
}
