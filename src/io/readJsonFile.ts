import fs from 'node:fs'
import { z } from 'zod'
import { FileFormatError } from '../errors.js'
import { parseJson } from './json.js'

/** Reads a JSON file that has to fit a schema. Throws a FileFormatError that names the file and what does not fit. */
export function readJsonFile<T extends z.ZodType>(file: string, schema: T): z.output<T> {
  let bytes: Uint8Array
  try {
    bytes = fs.readFileSync(file)
  } catch (cause) {
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message})`, { cause })
  }
  const result = schema.safeParse(parseJson(file, 'the file', bytes))
  if (result.success) return result.data
  throw new FileFormatError(file, `is not what it should be: ${z.prettifyError(result.error)}`)
}
