import path from 'node:path'
import { z } from 'zod'
import { FileFormatError } from '../../errors.js'
import { atomicWriteJson, flushFolder } from '../../io/atomicWrite.js'
import { Safetensors } from '../../io/safetensors.js'
import { writeSafetensors } from '../../io/safetensorsWriter.js'
import type { Policy } from '../../policy/causalLM.js'
import type { PolicyUpdateState } from '../update/policyUpdate.js'
import { promptSamplerSchema, storedPrompts } from './promptSamplerSchema.js'
import type { WholeCheckpoint } from '../../run/checkpointFolders.js'
import type { FilePositions } from '../../run/growingFiles.js'
import { runLayout } from '../../run/layout.js'
import { readJsonFile } from '../../io/readJsonFile.js'
import type { RunPosition } from '../trainerState.js'
import type { RunIdentity } from './runIdentity.js'

const STATE_FILE = 'trainer_state.json'
const OPTIMIZER_FILE = 'optimizer.safetensors'
/** Since 2 a checkpoint has SHA256SUMS. */
const FORMAT_VERSION = 2

/** The files without which a checkpoint is none, whatever is trained. */
export const requiredFiles: readonly string[] = [STATE_FILE, OPTIMIZER_FILE]

/** What `trainer_state.json` holds beside the state of the optimizer; another version of the format is refused. */
const schema = z.object({
  version: z.union([z.literal(1), z.literal(FORMAT_VERSION)]),
  identity: z.record(z.string(), z.unknown()),
  /** Optimizer steps made. */
  step: z.int().nonnegative(),
  /** Micro-batches trained on. */
  microStep: z.int().nonnegative(),
  /** Prompt and completion tokens of all rollouts. */
  numTokens: z.int().nonnegative(),
  /** Optimizer steps since the rollouts that are in use were sampled. */
  rolloutAge: z.int().nonnegative(),
  /** Steps that were left out because a gradient was not a finite number. */
  skippedSteps: z.int().nonnegative(),
  prompts: promptSamplerSchema,
  /** The best evaluation so far, and the number of evaluations since that were no better. */
  best: z.object({ step: z.int(), metric: z.number() }).nullable(),
  evaluationsSinceBest: z.int().nonnegative(),
  optimizer: z.object({
    step: z.int().nonnegative(),
    adamWStep: z.int().nonnegative(),
    entropyControl: z.object({ entropyCoef: z.number(), lastEntropy: z.number().nullable() }),
  }),
  /** Bytes of the files that grow step by step. */
  files: z.record(z.string(), z.int().nonnegative()),
})

/** Counters and positions of a run between two steps; plain JSON. */
export interface TrainerCounters extends Omit<RunPosition, 'rollouts'> {
  readonly files: FilePositions
}

/** A run between two steps, apart from its rollouts. */
export interface Checkpoint {
  readonly identity: RunIdentity
  readonly counters: TrainerCounters
  readonly optimizer: PolicyUpdateState
}

/**
 * Writes a checkpoint's files: `trainer_state.json`, `optimizer.safetensors` (the moments of AdamW, flat, in the order of
 * the policy's parameters) and what is trained, such as `adapter/` in PEFT's layout.
 */
export function writeCheckpoint(folder: string, { trained }: Policy, checkpoint: Checkpoint): void {
  const { adamW, ...optimizer } = checkpoint.optimizer
  const { prompts } = checkpoint.counters
  const shape = [adamW.m.length]
  const learned = runLayout(folder)[trained.folderName]
  trained.save(learned)
  flushFolder(learned)
  writeSafetensors(path.join(folder, OPTIMIZER_FILE), [
    { name: 'exp_avg', dtype: 'F32', shape, data: adamW.m },
    { name: 'exp_avg_sq', dtype: 'F32', shape, data: adamW.v },
  ])
  const state: z.input<typeof schema> = {
    version: FORMAT_VERSION,
    ...checkpoint.counters,
    optimizer: { ...optimizer, adamWStep: adamW.step },
    prompts: storedPrompts(prompts),
    identity: { ...checkpoint.identity },
  }
  atomicWriteJson(path.join(folder, STATE_FILE), state)
}

/**
 * Reads a checkpoint, all but what was trained. Throws a FileFormatError when its files are missing or broken, or are not those of
 * its step.
 */
export function readCheckpoint({ folder, step, isChecked }: WholeCheckpoint): Checkpoint {
  const file = path.join(folder, STATE_FILE)
  const { version, identity, optimizer, ...counters } = readJsonFile(file, schema)
  if (version >= FORMAT_VERSION && !isChecked) throw new FileFormatError(folder, 'its SHA256SUMS is missing')
  if (counters.step !== step || optimizer.step !== step) {
    throw new FileFormatError(file, `is the state after step ${counters.step}, in the folder of step ${step}`)
  }
  const tensors = Safetensors.open(path.join(folder, OPTIMIZER_FILE))
  try {
    const { adamWStep, ...rest } = optimizer
    const adamW = { step: adamWStep, m: tensors.readFloat32('exp_avg'), v: tensors.readFloat32('exp_avg_sq') }
    return { identity, counters, optimizer: { ...rest, adamW } }
  } finally {
    tensors.close()
  }
}

/**
 * Gives a policy the values of a checkpoint, right after `first`, when nothing can fail any more but that. Throws a
 * FileFormatError when they are missing or damaged or do not fit.
 */
export function restorePolicy(
  checkpoint: WholeCheckpoint,
  { trained }: Policy,
  first: () => void = () => undefined,
): void {
  const missing = trained.requiredFiles
    .map((name) => `${trained.folderName}/${name}`)
    .find((name) => !checkpoint.has(name))
  const { folder } = checkpoint
  if (missing !== undefined) throw new FileFormatError(path.join(folder, missing), 'does not belong to the checkpoint')
  const values = trained.read(runLayout(folder)[trained.folderName])
  first()
  trained.parameters.setValues(values)
}
