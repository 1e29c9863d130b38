import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../errors.js'
import { asWriteError } from './atomicWrite.js'

/** Throws a ConfigError for an output folder that is a file or holds something. */
export function checkNewFolder(folder: string): void {
  const status = fs.statSync(folder, { throwIfNoEntry: false })
  if (status === undefined || (status.isDirectory() && fs.readdirSync(folder).length === 0)) return
  const what = status.isDirectory() ? 'is not empty' : 'is a file'
  throw new ConfigError(`output ${folder} ${what}; expected a folder that is empty or does not exist yet`)
}

/**
 * Makes a folder that appears when all of it is written, and not at all when anything fails. It may exist if it is empty.
 * @throws GrpoError when the operating system refuses (disk full, no permission)
 */
export async function writeNewFolder(folder: string, write: (staging: string) => Promise<void>): Promise<void> {
  const staging = `${path.resolve(folder)}.writing-${process.pid}`
  try {
    fs.mkdirSync(staging, { recursive: true })
    await write(staging)
    if (fs.existsSync(folder)) fs.rmdirSync(folder)
    fs.renameSync(staging, folder)
  } catch (error) {
    throw asWriteError(folder, error)
  } finally {
    fs.rmSync(staging, { recursive: true, force: true })
  }
}
