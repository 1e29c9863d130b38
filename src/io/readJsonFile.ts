import fs from 'node:fs'
import type { z } from 'zod'
import { FileFormatError } from '../errors.js'
import { parseJson } from './json.js'
import { parseJsonFields } from './jsonFields.js'

/** Reads a JSON file that has to fit a schema. Throws a FileFormatError that names the file and what does not fit. */
export function readJsonFile<T>(file: string, schema: z.ZodType<T>): T {
  return parseJsonFields(schema, readJson(file), file)
}

/**
 * Reads a JSON file, with or without a byte order mark. Throws a FileFormatError, which says what to try when there is no such
 * file.
 */
export function readJson(file: string, remedy?: string): unknown {
  let bytes: Uint8Array
  try {
    bytes = fs.readFileSync(file)
  } catch (cause) {
    const reason = `cannot be read (${(cause as Error).message})`
    throw new FileFormatError(file, remedy === undefined ? reason : `${reason}; ${remedy}`, { cause })
  }
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return parseJson(file, 'the file', isMarked ? bytes.subarray(3) : bytes)
}
