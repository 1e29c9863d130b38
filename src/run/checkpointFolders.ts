import fs from 'node:fs'
import path from 'node:path'
import { asWriteError, flushFolder } from '../io/atomicWrite.js'

/** A complete checkpoint of a run. */
export interface CheckpointFolder {
  /** Optimizer steps made when it was saved. */
  readonly step: number
  readonly folder: string
}

/** The folder of a run that its checkpoints lie in. */
export function checkpointsFolder(outputDir: string): string {
  return path.join(outputDir, 'checkpoints')
}

/** The folder of the checkpoint of a step. */
export function checkpointFolder(outputDir: string, step: number): string {
  return path.join(checkpointsFolder(outputDir), `step-${step}`)
}

/** The complete checkpoints of a run, the latest last. */
export function listCheckpoints(outputDir: string): CheckpointFolder[] {
  const root = checkpointsFolder(outputDir)
  if (!fs.existsSync(root)) return []
  return fs
    .readdirSync(root)
    .flatMap((name) => {
      const step = /^step-(\d+)$/.exec(name)?.[1]
      return step === undefined ? [] : [{ step: Number(step), folder: path.join(root, name) }]
    })
    .sort((a, b) => a.step - b.step)
}

/**
 * Makes the checkpoint `checkpoints/step-N` of what `write` puts into the folder that it gets (each file flushed to the
 * disk). That folder is renamed when it is complete, so a checkpoint is there as a whole or not at all; when anything
 * fails, the other checkpoints stay as they are. An earlier checkpoint of the same step is replaced.
 * @returns the folder
 * @throws GrpoError when the operating system refuses (disk full, no permission)
 */
export function writeCheckpointFolder(outputDir: string, step: number, write: (folder: string) => void): string {
  const root = checkpointsFolder(outputDir)
  const folder = checkpointFolder(outputDir, step)
  const staging = path.join(root, `.step-${step}.saving`)
  try {
    removeLeftovers(root)
    fs.mkdirSync(staging, { recursive: true })
    write(staging)
    flushFolder(staging)
    remove(folder)
    fs.renameSync(staging, folder)
    flushFolder(root)
  } catch (error) {
    fs.rmSync(staging, { recursive: true, force: true })
    throw asWriteError(folder, error)
  }
  return folder
}

/** Removes all checkpoints of a run. */
export function removeCheckpoints(outputDir: string): void {
  const root = checkpointsFolder(outputDir)
  try {
    fs.rmSync(root, { recursive: true, force: true })
  } catch (error) {
    throw asWriteError(root, error)
  }
}

/** Removes all but the last `limit` checkpoints, and those of the steps to keep. */
export function removeOldCheckpoints(outputDir: string, limit: number | null, keep: readonly (number | null)[]): void {
  if (limit === null) return
  for (const { step, folder } of listCheckpoints(outputDir).slice(0, -limit)) {
    if (!keep.includes(step)) remove(folder)
  }
}

/** Renamed first: a folder that is removed in part is no checkpoint. */
function remove(folder: string): void {
  if (!fs.existsSync(folder)) return
  const doomed = path.join(path.dirname(folder), `.${path.basename(folder)}.removing`)
  fs.rmSync(doomed, { recursive: true, force: true })
  fs.renameSync(folder, doomed)
  fs.rmSync(doomed, { recursive: true })
}

/** Removes what a process that was killed while it saved or removed a checkpoint left there. */
function removeLeftovers(root: string): void {
  if (!fs.existsSync(root)) return
  for (const name of fs.readdirSync(root)) {
    if (/^\.step-\d+\.(saving|removing)$/.test(name)) fs.rmSync(path.join(root, name), { recursive: true })
  }
}
