import fs from 'node:fs'
import path from 'node:path'
import { DataError, FileFormatError } from '../../errors.js'
import type { MetricsLine } from '../../run/metricsFile.js'
import { Tokenizer } from '../../text/tokenizer.js'
import { isAdapterFolder } from '../adapter.js'
import type { EngineOutput, EngineStep } from '../engineOutput.js'
import { readEvents } from '../eventFiles.js'
import type { LoggedStep } from '../eventFiles.js'
import { filesBelow, foldersBelow } from '../filesBelow.js'
import { MetricLines } from '../metricLines.js'
import { isFileLog, readConsoleLog, readFileLog } from './verlLogs.js'
import { renameVerlMetrics, verlMarks } from './verlMetrics.js'
import { readRollouts, rolloutFiles } from './verlRollouts.js'

/**
 * What verl leaves in a folder: completions in trainer.rollout_data_dir, metrics of its loggers `file`, `tensorboard` and `console`, and
 * the adapter that its model merger makes. Null for a folder that holds neither completions nor metrics.
 */
export async function openVerlOutput(folder: string): Promise<EngineOutput | null> {
  const files = rolloutFiles(folder)
  const notes: string[] = []
  const metrics = await readVerlMetrics(folder, notes)
  if (files.length === 0 && metrics === null) return null
  if (files.length === 0) {
    notes.push(`${folder} holds no completions: verl writes them with trainer.rollout_data_dir`)
  }
  const folders = [...foldersBelow(folder)]
  const checkpoints = newestFirst(folders)
  const adapter = newestFirst(folders, isAdapterFolder)[0] ?? null
  const [newest] = checkpoints
  if (adapter === null) {
    notes.push(
      newest === undefined
        ? `${folder} holds no checkpoint (global_step_N), hence no adapter`
        : `${newest} holds no adapter in PEFT's layout, which verl's model merger makes: python -m verl.model_merger merge --backend fsdp ` +
            `--local_dir ${path.join(newest, 'actor')} --target_dir ${path.join(newest, 'merged')}; then import again`,
    )
  }
  const tokenizer = newest === undefined ? null : path.join(newest, 'actor', 'huggingface')
  return {
    engine: 'verl',
    metrics: metrics ?? [],
    steps: () => readSteps(files, notes),
    adapter,
    tokenizer: tokenizer !== null && Tokenizer.exists(tokenizer) ? tokenizer : null,
    notes,
  }
}

/** Folders in or of checkpoints, those of the latest steps first. */
function newestFirst(folders: readonly string[], fits?: (folder: string) => boolean): string[] {
  const stepOf = (folder: string): number => Number(/global_step_(\d{1,12})(?![^/\\])/.exec(folder)?.[1] ?? -1)
  return folders
    .filter((folder) => (fits ? fits(folder) : /^global_step_\d{1,12}$/.test(path.basename(folder))))
    .toSorted((a, b) => stepOf(b) - stepOf(a))
}

/** The metrics of all loggers together: where several know a step, that which keeps the most digits counts. Null where there are none. */
async function readVerlMetrics(folder: string, notes: string[]): Promise<MetricsLine[] | null> {
  const logs = filesBelow(folder, /\.jsonl(\.\d{8}T\d{6}Z)?$/).filter(isFileLog)
  const trainings = [...new Set(logs.map(withoutTime))]
  if (trainings.length > 1) {
    throw new DataError(
      `${folder} holds the logs of ${trainings.length} trainings (${trainings.join(', ')}); give the folder of one of them`,
    )
  }
  const steps = new Map<number, MetricsLine>()
  const sources: [string[], (file: string) => AsyncIterable<LoggedStep> | Iterable<LoggedStep>][] = [
    [filesBelow(folder, /\.(log|txt|out)$/), readConsoleLog],
    [filesBelow(folder, /\.tfevents\./), readEvents],
    [logs, readFileLog],
  ]
  let madeAgain = 0
  for (const [files, read] of sources) {
    const lines = new MetricLines()
    for (const file of files === logs ? byName(files) : byTime(files)) {
      try {
        for await (const { step, values } of read(file)) lines.add(step, renameVerlMetrics(values))
      } catch (error) {
        if (!(error instanceof FileFormatError)) throw error
        notes.push(`left out, from there on: ${error.message}`)
      }
    }
    madeAgain = Math.max(madeAgain, lines.madeAgain)
    // Other programs leave event files and lines of that form too.
    if (!lines.lines().some((line) => verlMarks.every((name) => name in line))) continue
    for (const line of lines.lines()) steps.set(line.step, { ...steps.get(line.step), ...line })
  }
  if (steps.size === 0) return null
  if (madeAgain > 0) notes.push(`${madeAgain} steps were made again after a resume; their first metrics were left out`)
  return [...steps.values()].toSorted((a, b) => a.step - b.step)
}

/** verl begins its log anew where it is resumed: run.sh of an export has put the earlier one aside, as run.jsonl.20260131T120000Z. */
function withoutTime(log: string): string {
  return log.replace(/\.\d{8}T\d{6}Z$/, '')
}

/** Logs that were put aside in the order of their times, before the one that has none: copies of files are all as old. */
function byName(logs: readonly string[]): string[] {
  const timeOf = (log: string): string => log.slice(withoutTime(log).length) || '~'
  return logs.toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1))
}

/** A resumed training goes on in another file. */
function byTime(files: readonly string[]): string[] {
  return files.toSorted((a, b) => fs.statSync(a).mtimeMs - fs.statSync(b).mtimeMs)
}

async function* readSteps(
  files: readonly { file: string; step: number }[],
  notes: string[],
): AsyncGenerator<EngineStep> {
  const damaged: FileFormatError[] = []
  for (const { file, step } of files) {
    try {
      const read = await readRollouts(file, step)
      if (read.completions.length > 0) yield read
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error
      damaged.push(error)
    }
  }
  if (damaged.length > 0 && damaged.length === files.length) throw damaged[0]!
  for (const { message } of damaged) notes.push(`left out with its step: ${message}`)
}
