import fs from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../errors.js'
import { asWriteError } from './atomicWrite.js'

/** Throws a ConfigError for an output folder that is a file or holds something, or that cannot become one. */
export function checkNewFolder(folder: string): void {
  const refuse = (what: string): never => {
    throw new ConfigError(`output ${folder} ${what}; expected a folder that is empty or does not exist yet`)
  }
  if (folder === '' || folder.includes('\0')) refuse('is no name of a folder')
  const status = statusOrRefusal(folder, refuse)
  if (status === undefined) {
    if (fs.lstatSync(folder, { throwIfNoEntry: false })) refuse('is a link to nothing')
    return
  }
  if (!status.isDirectory()) refuse('is a file')
  if (fs.readdirSync(folder).length > 0) refuse('is not empty')
  // Whoever is in it would stay in the folder that was there before.
  if (fs.realpathSync(folder) === fs.realpathSync('.')) refuse('is the folder that this runs in')
}

function statusOrRefusal(folder: string, refuse: (what: string) => never): fs.Stats | undefined {
  try {
    return fs.statSync(folder, { throwIfNoEntry: false })
  } catch (error) {
    // A part of the path that is a file, a name that is too long, a link to itself, no permission.
    return refuse(`cannot be made (${(error as Error).message})`)
  }
}

/**
 * Makes a folder that appears when all of it is written, and not at all when anything fails. It may exist if it is empty, and be a link
 * to such a one.
 * @throws GrpoError when the operating system refuses (disk full, no permission), or somebody else has written there meanwhile
 */
export async function writeNewFolder(folder: string, write: (staging: string) => Promise<void>): Promise<void> {
  let place: string | null = null
  try {
    const target = fs.existsSync(folder) ? fs.realpathSync(folder) : path.resolve(folder)
    fs.mkdirSync(path.dirname(target), { recursive: true })
    // A folder of its own for each writer: there may be several, also in this process.
    place = fs.mkdtempSync(`${target}.writing-`)
    // Within it, for nobody else may read what mkdtemp makes.
    const staging = path.join(place, 'new')
    fs.mkdirSync(staging)
    await write(staging)
    if (fs.existsSync(target)) fs.rmdirSync(target)
    fs.renameSync(staging, target)
  } catch (error) {
    throw asWriteError(folder, error)
  } finally {
    if (place !== null) fs.rmSync(place, { recursive: true, force: true })
  }
}
