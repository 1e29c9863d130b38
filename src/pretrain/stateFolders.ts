import fs from 'node:fs'
import path from 'node:path'
import { asWriteError } from '../io/atomicWrite.js'

const PREFIX = 'step-'
/** Checkpoints that are kept: the newest, and one more in case that the machine stops while it is used. */
const KEPT = 2

/** The folder of a run's checkpoint after so many updates. */
export function stateFolder(runFolder: string, step: number): string {
  return path.join(runFolder, 'checkpoints', `${PREFIX}${step.toString().padStart(6, '0')}`)
}

/** The newest complete checkpoint of a run; null when it has none. */
export function newestState(runFolder: string): string | null {
  return listStates(runFolder).at(-1) ?? null
}

/** Removes all checkpoints but the newest. */
export function removeOldStates(runFolder: string): void {
  for (const folder of listStates(runFolder).slice(0, -KEPT)) {
    try {
      fs.rmSync(folder, { recursive: true })
    } catch (error) {
      throw asWriteError(folder, error)
    }
  }
}

/** Complete checkpoints, oldest first: state.json is the last file that is written. */
function listStates(runFolder: string): string[] {
  const folder = path.join(runFolder, 'checkpoints')
  if (!fs.existsSync(folder)) return []
  return fs
    .readdirSync(folder)
    .filter((name) => name.startsWith(PREFIX) && fs.existsSync(path.join(folder, name, 'state.json')))
    .sort((a, b) => Number(a.slice(PREFIX.length)) - Number(b.slice(PREFIX.length)))
    .map((name) => path.join(folder, name))
}
