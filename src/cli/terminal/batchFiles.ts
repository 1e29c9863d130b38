import fs from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { z } from 'zod'
import { ConfigError, DataError } from '../../errors.js'
import { asWriteError, atomicWrite, writeFully } from '../../io/atomicWrite.js'
import { parseJson } from '../../io/json.js'
import { readJsonLines } from '../../io/jsonLines.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { Streams } from './streams.js'

/** A value of a JSON Lines file and where it stands, as `file:line`. */
export interface Row {
  readonly where: string
  readonly value: unknown
}

/** Reads all values of a JSON Lines file, `-` for standard input. Throws a FileFormatError that names file:line. */
export async function readRows(file: string, stdin: Streams['stdin']): Promise<Row[]> {
  const rows: Row[] = []
  if (file === '-') {
    const text = await buffer(stdin)
    let start = 0
    for (let line = 1; start < text.length; line++) {
      const newline = text.indexOf('\n', start)
      const end = newline < 0 ? text.length : newline
      const bytes = text.subarray(start, end)
      const where = `standard input:${line}`
      if (bytes.toString('latin1').trim() !== '') rows.push({ where, value: parseJson(where, 'the line', bytes) })
      start = end + 1
    }
  } else {
    for await (const { line, value } of readJsonLines(file)) rows.push({ where: `${file}:${line}`, value })
  }
  return rows
}

/** `input_ids` of a line: at least one token. */
export const tokenIdsSchema = z.array(z.int().min(0)).min(1)

/** Throws a DataError, which names the line, for an id that the model does not have. */
export function checkTokenIds(ids: readonly number[], model: CausalLM, where: string): void {
  const { vocabularySize } = model.config
  const unknown = ids.find((id) => id >= vocabularySize)
  if (unknown === undefined) return
  throw new DataError(
    `${where}: token id ${unknown} is outside the model's vocabulary of ${vocabularySize}; ` +
      "were the ids made with this model's tokenizer?",
  )
}

/**
 * Throws a ConfigError unless a file can be written in its folder: better before the work than after it. `-` is standard
 * output.
 */
export function checkOutput(file: string): void {
  if (file === '-') return
  const folder = path.dirname(file)
  if (!fs.existsSync(folder)) {
    throw new ConfigError(`--output ${file}: the folder ${folder} does not exist; make it first`)
  }
  if (fs.existsSync(file) && fs.statSync(file).isDirectory()) {
    throw new ConfigError(`--output ${file}: is a folder; expected the name of a file`)
  }
}

/** Writes values as JSON Lines, `-` to standard output; a file is replaced as a whole or left as it was. */
export function writeRows(file: string, values: readonly unknown[], stdout: Streams['stdout']): void {
  const lines = values.map((value) => `${JSON.stringify(value)}\n`)
  if (file === '-') for (const line of lines) stdout.write(line)
  else if (isDevice(file)) writeToDevice(file, lines)
  else {
    atomicWrite(file, (descriptor) => {
      for (const line of lines) writeFully(descriptor, Buffer.from(line))
    })
  }
}

/** A pipe or device such as /dev/null, which must not be replaced by a file. */
function isDevice(file: string): boolean {
  return fs.existsSync(file) && !fs.statSync(file).isFile()
}

function writeToDevice(file: string, lines: readonly string[]): void {
  try {
    fs.writeFileSync(file, lines.join(''))
  } catch (error) {
    throw asWriteError(file, error)
  }
}
