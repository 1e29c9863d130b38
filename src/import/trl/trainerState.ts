import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { FileFormatError } from '../../errors.js'
import { parseJsonFields } from '../../io/jsonFields.js'
import { parsePythonJson } from '../../io/pythonJson.js'
import { statusOf } from '../../io/statusOf.js'
import type { MetricsLine } from '../../run/metricsFile.js'
import { MetricLines } from '../metricLines.js'

export const STATE_FILE = 'trainer_state.json'

/** A day of steps, each with fifty metrics, takes a tenth of it. */
const MAX_BYTES = 512 * 1024 * 1024

const stateSchema = z.looseObject({
  global_step: z.int().nonnegative(),
  log_history: z.array(z.record(z.string(), z.unknown())),
})

/** trainer_state.json of transformers. */
export interface TrainerState {
  readonly file: string
  /** Optimizer steps made. */
  readonly step: number
  readonly metrics: readonly MetricsLine[]
  /** Steps at which an evaluation was logged. */
  readonly evaluated: ReadonlySet<number>
  /** Entries that name no step, and are left out. */
  readonly withoutStep: number
  /** Steps that were logged, and made again after a resume. */
  readonly madeAgain: number
}

/** Reads the file; metrics have TRL's names, which are ours. Throws a FileFormatError. */
export function readTrainerState(file: string): TrainerState {
  const { global_step: step, log_history: history } = parseJsonFields(stateSchema, readJson(file), file)
  const lines = new MetricLines()
  const evaluated = new Set<number>()
  let withoutStep = 0
  for (const { step, ...values } of history) {
    if (typeof step !== 'number' || !Number.isSafeInteger(step) || step < 0) {
      withoutStep++
      continue
    }
    if (Object.keys(values).some((name) => name.startsWith('eval_'))) evaluated.add(step)
    lines.add(step, 'train_runtime' in values ? {} : values)
  }
  return { file, step, metrics: lines.lines(), evaluated, withoutStep, madeAgain: lines.madeAgain }
}

function readJson(file: string): unknown {
  const status = statusOf(file)
  if (!status?.isFile()) throw new FileFormatError(file, `is no file; expected ${STATE_FILE} of transformers`)
  if (status.size > MAX_BYTES) {
    throw new FileFormatError(
      file,
      `has ${status.size} bytes; expected ${STATE_FILE} of transformers, of ${MAX_BYTES} at most`,
    )
  }
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message})`, { cause })
  }
  try {
    return parsePythonJson(text)
  } catch (cause) {
    throw new FileFormatError(
      file,
      `is not valid JSON (${(cause as Error).message}): it is cut or corrupt, get the file again, or remove its checkpoint`,
      { cause },
    )
  }
}

/** Folders `checkpoint-N` of transformers, the newest first. */
export function checkpointFolders(folder: string): { folder: string; step: number }[] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const [, step] = /^checkpoint-(\d{1,12})$/.exec(entry.name) ?? []
      return entry.isDirectory() && step !== undefined
        ? [{ folder: path.join(folder, entry.name), step: Number(step) }]
        : []
    })
    .toSorted((a, b) => b.step - a.step)
}
