import fs from 'node:fs'
import { FileFormatError } from '../../errors.js'
import { isJsonObject } from '../../io/json.js'
import { readLines } from '../../io/jsonLines.js'
import { parsePythonJson } from '../../io/pythonJson.js'
import type { LoggedStep } from '../eventFiles.js'

/** Colours of a terminal. */
// eslint-disable-next-line no-control-regex
const colours = /\u001b\[[\d;]*m/g

/** Bytes at the beginning of a file by which it is told what it is. */
const BEGINNING_BYTES = 256 * 1024

/** The first line of a file, or as much of it as tells what it is; empty where it cannot be read. */
export function firstLine(file: string): string {
  try {
    const descriptor = fs.openSync(file, 'r')
    try {
      const bytes = Buffer.alloc(BEGINNING_BYTES)
      const count = fs.readSync(descriptor, bytes, 0, bytes.length, 0)
      return bytes.toString('utf8', 0, count).split('\n', 1)[0] ?? ''
    } finally {
      fs.closeSync(descriptor)
    }
  } catch {
    return ''
  }
}

/** Whether a file is that of verl's logger `file`: `{"step": 1, "data": {…}}` in each line. */
export function isFileLog(file: string): boolean {
  return /^\{"step":\d+,"data":\{/.test(firstLine(file))
}

/** The steps of verl's logger `file`. Throws a FileFormatError. */
export async function* readFileLog(file: string): AsyncGenerator<LoggedStep> {
  for await (const { line, bytes } of readLines(file)) {
    let value: unknown
    try {
      value = parsePythonJson(new TextDecoder().decode(bytes))
    } catch (cause) {
      throw new FileFormatError(`${file}:${line}`, `is not valid JSON (${(cause as Error).message})`, { cause })
    }
    if (!isJsonObject(value) || !isStep(value.step) || !isJsonObject(value.data)) {
      throw new FileFormatError(`${file}:${line}`, 'expected {"step": …, "data": {…}} as verl writes it')
    }
    yield { step: value.step, values: value.data }
  }
}

/** The steps that verl's logger `console` has printed among other lines, also through Ray. */
export async function* readConsoleLog(file: string): AsyncGenerator<LoggedStep> {
  for await (const { bytes } of readLines(file)) {
    const text = new TextDecoder().decode(bytes).replace(colours, '')
    const [, step, rest] = /(?:^|\s)step:(\d{1,15}) - (\S[^\r]*)/.exec(text) ?? []
    if (step === undefined || rest === undefined) continue
    const values = rest.split(' - ').flatMap((part): (readonly [string, number])[] => {
      const [, name, value] = /^(.+):(?:np\.\w+\()?([-+\w.]+)\)?\s*$/.exec(part) ?? []
      const number = value === undefined ? undefined : numberOf(value)
      return name === undefined || number === undefined ? [] : [[name, number]]
    })
    if (values.length > 0) yield { step: Number(step), values: Object.fromEntries(values) }
  }
}

/** As Python prints it. */
function numberOf(text: string): number | undefined {
  if (/^[-+]?(inf|nan)$/i.test(text)) return NaN
  const value = Number(text)
  return text === '' || Number.isNaN(value) ? undefined : value
}

function isStep(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
