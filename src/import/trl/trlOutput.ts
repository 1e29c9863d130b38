import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../../errors.js'
import { Tokenizer } from '../../text/tokenizer.js'
import type { EngineOutput, EngineStep } from '../engineOutput.js'
import { isAdapterFolder } from '../adapter.js'
import { completionFiles, readCompletionFile } from './trlCompletions.js'
import { checkpointFolders, readTrainerState, STATE_FILE } from './trainerState.js'
import type { TrainerState } from './trainerState.js'

/** Bytes of README.md that are looked at. */
const README_BYTES = 64 * 1024

/**
 * What TRL leaves in its output_dir: trainer_state.json of its checkpoints, completions/ with `log_completions`, and the adapter.
 * Null for a folder that holds none of these.
 */
export function openTrlOutput(folder: string): EngineOutput | null {
  const checkpoints = checkpointFolders(folder)
  const files = completionFiles(folder)
  const states = [folder, ...checkpoints.map((checkpoint) => checkpoint.folder)]
    .map((place) => path.join(place, STATE_FILE))
    .filter((file) => fs.existsSync(file))
  const saved = [folder, ...checkpoints.map((checkpoint) => checkpoint.folder)]
  const version = trlVersion(saved)
  if (states.length === 0 && files.length === 0 && version === null) return null
  const notes: string[] = []
  const state = newestState(folder, states, notes)
  const adapter = saved.find(isAdapterFolder) ?? null
  if (files.length === 0) {
    notes.push(`${folder} holds no completions/completions_*.parquet: TRL writes them with log_completions: true only`)
  }
  if (adapter === null) {
    const isWhole = fs.existsSync(path.join(folder, 'model.safetensors'))
    notes.push(
      isWhole
        ? `${folder} holds a whole model (model.safetensors) and no adapter; grpo-ts eval --model ${folder} evaluates it`
        : `${folder} holds no adapter_model.safetensors, nor does a checkpoint: TRL saves one at its end, and with save_strategy: steps before`,
    )
  }
  if (adapter !== null && adapter !== folder) {
    notes.push(`the adapter is that of ${path.basename(adapter)}: ${folder} holds none, so the training has not ended`)
  }
  return {
    engine: version === null ? 'TRL' : `TRL ${version}`,
    metrics: state?.metrics ?? [],
    steps: () => readSteps(files, state, notes),
    adapter,
    tokenizer: saved.find((place) => Tokenizer.exists(place)) ?? null,
    notes,
  }
}

/** The state that has come farthest. One that is damaged, of a training that was killed while it was written, is passed over. */
function newestState(folder: string, files: readonly string[], notes: string[]): TrainerState | null {
  const damaged: FileFormatError[] = []
  const firstReadable = (some: readonly string[]): TrainerState | null => {
    for (const file of some) {
      try {
        return readTrainerState(file)
      } catch (error) {
        if (!(error instanceof FileFormatError)) throw error
        damaged.push(error)
      }
    }
    return null
  }
  const ofFolder = files.filter((file) => path.dirname(file) === folder)
  const saved = firstReadable(ofFolder)
  const ofCheckpoint = firstReadable(files.filter((file) => !ofFolder.includes(file)))
  const newest = (ofCheckpoint?.step ?? -1) > (saved?.step ?? -1) ? ofCheckpoint : saved
  if (newest === null && damaged.length > 0) throw damaged[0]!
  for (const { message } of damaged) notes.push(`left out: ${message}`)
  if (newest === null) {
    notes.push(
      `there is no ${STATE_FILE}, which TRL writes with its checkpoints (save_strategy: steps): metrics are those that its completions tell`,
    )
    return null
  }
  const { step, withoutStep, madeAgain, metrics } = newest
  const last = metrics.at(-1)?.step ?? 0
  if (last < step) notes.push(`${newest.file} is of step ${step}, and its last metrics are of step ${last}`)
  if (withoutStep > 0)
    notes.push(`${newest.file}: ${withoutStep} entries of log_history name no step and were left out`)
  if (madeAgain > 0)
    notes.push(`${newest.file}: ${madeAgain} steps were made again after a resume; their first metrics were left out`)
  const every = metrics.length > 1 ? metrics[1]!.step - metrics[0]!.step : 1
  if (every > 1) {
    notes.push(
      `TRL logged every ${every} steps (logging_steps): its metrics are means over these, its completions those of the last batch`,
    )
  }
  return newest
}

/** What makes a generation batch the one that a step before has already shown. */
function fingerprint({ completions }: EngineStep): string {
  const hash = createHash('sha256')
  for (const { prompt, completion, advantage } of completions)
    hash.update(JSON.stringify([prompt, completion, advantage]))
  return hash.digest('hex')
}

/**
 * TRL writes its newest generation batch with every step that it logs: also again where a step trains on an earlier batch, and that
 * of an evaluation over the one that was trained on.
 */
async function* readSteps(
  files: readonly { file: string; step: number }[],
  state: TrainerState | null,
  notes: string[],
): AsyncGenerator<EngineStep> {
  const rewardNames = rewardNamesOf(state)
  let before = ''
  const overwritten: number[] = []
  const damaged: FileFormatError[] = []
  for (const { file, step } of files) {
    let read: EngineStep
    try {
      read = readCompletionFile(file, step, rewardNames)
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error
      damaged.push(error)
      continue
    }
    const batch = fingerprint(read)
    const isKnown = batch === before
    before = batch
    if (isKnown) continue
    if (state?.evaluated.has(step)) overwritten.push(step)
    else if (read.completions.length > 0) yield await Promise.resolve(read)
  }
  if (damaged.length > 0 && damaged.length === files.length) throw damaged[0]!
  for (const { message } of damaged) notes.push(`left out: ${message}`)
  if (overwritten.length > 0) {
    notes.push(
      `the completions of ${overwritten.length} steps (${overwritten.slice(0, 5).join(', ')}${overwritten.length > 5 ? ', …' : ''}) are missing: ` +
        'an evaluation at the same step has overwritten their files',
    )
  }
}

/** From the names of the metrics; null where there are none. */
function rewardNamesOf(state: TrainerState | null): ReadonlySet<string> | null {
  const names = new Set(
    (state?.metrics ?? []).flatMap((line) =>
      Object.keys(line).flatMap((name) => /^rewards\/(.+)\/mean$/s.exec(name)?.[1] ?? []),
    ),
  )
  return names.size === 0 ? null : names
}

/** The version in the model card that TRL writes; null where there is none. */
function trlVersion(folders: readonly string[]): string | null {
  for (const folder of folders) {
    const file = path.join(folder, 'README.md')
    if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) continue
    const descriptor = fs.openSync(file, 'r')
    try {
      const bytes = Buffer.alloc(README_BYTES)
      const count = fs.readSync(descriptor, bytes, 0, bytes.length, 0)
      const [, version] = /^- TRL: (\d[\w.+-]{0,40})\s*$/m.exec(bytes.toString('utf8', 0, count)) ?? []
      if (version !== undefined) return version
    } finally {
      fs.closeSync(descriptor)
    }
  }
  return null
}
