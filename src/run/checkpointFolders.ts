import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../errors.js'
import { asWriteError, flushFolder, removeQuietly } from '../io/atomicWrite.js'
import { checkChecksums, checksumsOf, readChecksums, sha256, writeChecksums } from '../io/checksums.js'
import { runLayout } from './layout.js'

/** A checkpoint of a run. */
export interface CheckpointFolder {
  /** Optimizer steps made when it was saved. */
  readonly step: number
  readonly folder: string
}

/** The checkpoints of a run, the latest last; whether they are whole is told by {@link checkWhole}. */
export function listCheckpoints(outputDir: string): CheckpointFolder[] {
  const root = runLayout(outputDir).checkpoints
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
 * disk), and of the SHA-256 of each of its files. That folder is renamed when it is complete, so a checkpoint is there as a
 * whole or not at all; when anything fails, the other checkpoints stay as they are. An earlier one of the same step is replaced.
 * @returns the folder
 * @throws GrpoError when the operating system refuses (disk full, no permission)
 */
export function writeCheckpointFolder(outputDir: string, step: number, write: (folder: string) => void): string {
  const layout = runLayout(outputDir)
  const root = layout.checkpoints
  const folder = layout.checkpoint(step)
  const staging = path.join(root, `.step-${step}.saving`)
  try {
    removeLeftovers(root)
    fs.mkdirSync(staging, { recursive: true })
    write(staging)
    writeChecksums(staging, checksumsOf(staging))
    flushFolder(staging)
    for (const earlier of listCheckpoints(outputDir)) if (earlier.step === step) remove(earlier.folder)
    fs.renameSync(staging, folder)
    flushFolder(root)
  } catch (error) {
    removeQuietly(staging)
    throw asWriteError(folder, error)
  }
  return folder
}

/**
 * Adds files to a checkpoint: at any moment it is whole with them or without them. Those of the same names are replaced.
 * @throws GrpoError when the operating system refuses
 */
export function addToCheckpointFolder(folder: string, names: readonly string[], write: () => void): void {
  const before = readChecksums(folder)
  // One of a version that made none.
  if (before === null) {
    write()
    return
  }
  const others = [...before].filter(([name]) => !names.includes(name))
  // What SHA256SUMS does not name does not belong to the checkpoint.
  if (others.length < before.size) writeChecksums(folder, new Map(others))
  write()
  writeChecksums(folder, new Map([...others, ...names.map((name) => [name, sha256(path.join(folder, name))] as const)]))
}

/** A checkpoint whose files are as they were saved. */
export interface WholeCheckpoint extends CheckpointFolder {
  /** Whether a file belongs to it. */
  has(name: string): boolean
  /** False for one of a version that made no SHA256SUMS: whether it is whole is not known. */
  readonly isChecked: boolean
}

/**
 * Restores the newest checkpoint that is whole: its files have the SHA-256 that they were saved with, none of the `required`
 * ones is missing, and `restore` can read them (it throws a FileFormatError when it cannot, and then has changed nothing).
 * Damaged ones that are newer are named to `onWarning` and renamed to `step-N.damaged`.
 * @returns null when there is no checkpoint at all
 * @throws FileFormatError that names what is wrong with each, when none is whole; what else `restore` throws
 */
export function restoreNewestCheckpoint<T>(
  outputDir: string,
  required: readonly string[],
  restore: (checkpoint: WholeCheckpoint) => T,
  onWarning: (message: string) => void,
): T | null {
  const damaged: (CheckpointFolder & { readonly reason: string })[] = []
  for (const checkpoint of listCheckpoints(outputDir).reverse()) {
    try {
      const whole = checkWhole(checkpoint, required)
      const restored = restore(whole)
      for (const { folder, step, reason } of damaged) {
        const again = step - checkpoint.step
        onWarning(
          `the checkpoint of step ${step} is damaged (${reason}). The run goes on from the one of step ${checkpoint.step}, ` +
            `which is whole: ${again === 1 ? 'one step is' : `${again} steps are`} made again. ${setAside(folder)}`,
        )
      }
      if (!whole.isChecked) {
        onWarning(`${checkpoint.folder} is of a version that saved no checksums: whether it is whole is not known`)
      }
      return restored
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error
      damaged.push({ ...checkpoint, reason: error.message })
    }
  }
  if (damaged.length === 0) return null
  const list = damaged.map(({ step, reason }) => `step ${step}: ${reason}`)
  throw new FileFormatError(
    runLayout(outputDir).checkpoints,
    `no checkpoint is whole, so the run cannot be continued:\n  ${list.join('\n  ')}\nGet the files back from a copy, or ` +
      'start the run anew (--overwrite)',
  )
}

/** Throws a FileFormatError that names a file that is missing or damaged. */
export function checkWhole({ folder, step }: CheckpointFolder, required: readonly string[]): WholeCheckpoint {
  const checksums = readChecksums(folder)
  if (checksums === null) {
    return { folder, step, has: (name) => fs.existsSync(path.join(folder, name)), isChecked: false }
  }
  const missing = required.find((name) => !checksums.has(name))
  if (missing !== undefined) throw new FileFormatError(path.join(folder, missing), 'is not named in SHA256SUMS')
  checkChecksums(folder, checksums)
  return { folder, step, has: (name) => checksums.has(name), isChecked: true }
}

/** Keeps a damaged checkpoint for who wants to look at it, where no run takes it for one of its own. */
function setAside(folder: string): string {
  const aside = `${folder}.damaged`
  try {
    fs.rmSync(aside, { recursive: true, force: true })
    fs.renameSync(folder, aside)
    return `The damaged one is now ${path.basename(aside)}`
  } catch (error) {
    throw asWriteError(folder, error)
  }
}

/** Removes all checkpoints of a run, and nothing else that somebody may keep in a folder of that name. */
export function removeCheckpoints(outputDir: string): void {
  const root = runLayout(outputDir).checkpoints
  if (!fs.existsSync(root)) return
  try {
    const names = fs.readdirSync(root)
    const isOurs = (name: string): boolean => /^(step-\d+(\.damaged)?|\.step-\d+\.(saving|removing))$/.test(name)
    for (const name of names.filter(isOurs)) fs.rmSync(path.join(root, name), { recursive: true })
    if (names.every(isOurs)) fs.rmdirSync(root)
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
