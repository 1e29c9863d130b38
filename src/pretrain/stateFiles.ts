import path from 'node:path'
import { z } from 'zod'
import { FileFormatError } from '../errors.js'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { readJsonFile } from '../io/readJsonFile.js'
import { Safetensors } from '../io/safetensors.js'
import { writeSafetensors } from '../io/safetensorsWriter.js'
import type { WholeCheckpoint } from '../run/checkpointFolders.js'
import type { FilePositions } from '../run/growingFiles.js'

const STATE_FILE = 'state.json'
const TENSORS_FILE = 'state.safetensors'
/** Since 2 a checkpoint has SHA256SUMS, and knows how long the files of the run were. */
const FORMAT_VERSION = 2

/** The files without which a checkpoint is none. */
export const requiredFiles: readonly string[] = [STATE_FILE, TENSORS_FILE]

const schema = z.object({
  version: z.literal(FORMAT_VERSION).optional(),
  /** Updates made. */
  step: z.int().nonnegative(),
  /** The model's config.json. */
  model: z.record(z.string(), z.unknown()),
  seed: z.number(),
  files: z.record(z.string(), z.int().nonnegative()).optional(),
})

/** A pretraining between two updates. */
export interface PretrainState extends Omit<z.output<typeof schema>, 'version' | 'files'> {
  /** Bytes of the files that grow update by update; null in a state of the first version. */
  readonly files: FilePositions | null
  /** All weights, flat. */
  readonly parameters: Float32Array
  /** AdamW's moments of them. */
  readonly m: Float32Array
  readonly v: Float32Array
}

/** Writes a state into a folder. Throws a GrpoError when the operating system refuses. */
export function writeState(folder: string, state: PretrainState): void {
  const { parameters, m, v, ...rest } = state
  const vector = (name: string, data: Float32Array) => ({ name, dtype: 'F32' as const, shape: [data.length], data })
  writeSafetensors(path.join(folder, TENSORS_FILE), [
    vector('parameters', parameters),
    vector('adam.m', m),
    vector('adam.v', v),
  ])
  atomicWriteJson(path.join(folder, STATE_FILE), { version: FORMAT_VERSION, ...rest })
}

/** Reads a state. Throws a FileFormatError when its files are missing or broken, or are not those of its step. */
export function readState({ folder, step, isChecked }: WholeCheckpoint): PretrainState {
  const file = path.join(folder, STATE_FILE)
  const { version, files, ...state } = readJsonFile(file, schema)
  if (version !== undefined && !isChecked) throw new FileFormatError(folder, 'its SHA256SUMS is missing')
  if (state.step !== step) {
    throw new FileFormatError(file, `is the state after update ${state.step}, in the folder of update ${step}`)
  }
  const tensors = Safetensors.open(path.join(folder, TENSORS_FILE))
  try {
    const [parameters, m, v] = ['parameters', 'adam.m', 'adam.v'].map((name) => tensors.readFloat32(name))
    return { ...state, files: files ?? null, parameters: parameters!, m: m!, v: v! }
  } finally {
    tensors.close()
  }
}
