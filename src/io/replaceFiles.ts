import fs from 'node:fs'
import path from 'node:path'
import { asWriteError, removeQuietly } from './atomicWrite.js'

/**
 * Replaces files of a folder, which is made where it is missing: `write` puts them into a folder of its own, and they take their
 * places when all are complete, so that earlier ones survive a failure. Throws a GrpoError when the disk is full or the folder cannot
 * be written to.
 */
export function replaceFiles(folder: string, write: (staging: string) => void): void {
  const staging = path.join(folder, '.saving')
  try {
    fs.rmSync(staging, { recursive: true, force: true })
    fs.mkdirSync(staging, { recursive: true })
    write(staging)
    for (const name of fs.readdirSync(staging)) {
      const place = path.join(folder, name)
      if (fs.statSync(path.join(staging, name)).isDirectory()) fs.rmSync(place, { recursive: true, force: true })
      fs.renameSync(path.join(staging, name), place)
    }
  } catch (error) {
    throw asWriteError(folder, error)
  } finally {
    removeQuietly(staging)
  }
}
