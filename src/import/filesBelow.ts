import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../errors.js'

/** How deep the output of an engine may lie in the folder of an export, and how many folders are looked at. */
const DEPTH = 4
const MAX_FOLDERS = 5000
/** Folders that hold programs and not what was trained. */
const skipped = new Set(['node_modules', '.git', '.venv', 'venv', '__pycache__', 'data', 'modules'])

/** A folder and those below it, the nearest first. Links to folders are not followed. Throws a FileFormatError. */
export function* foldersBelow(folder: string): Generator<string> {
  let level = [folder]
  let count = 0
  for (let depth = 0; depth <= DEPTH && level.length > 0; depth++) {
    const below: string[] = []
    for (const place of level) {
      if (++count > MAX_FOLDERS) return
      yield place
      for (const entry of readFolder(place)) {
        if (entry.isDirectory() && !skipped.has(entry.name)) below.push(path.join(place, entry.name))
      }
    }
    level = below
  }
}

/** The files in a folder and in those below it whose name fits, the nearest first. */
export function filesBelow(folder: string, name: RegExp): string[] {
  return [...foldersBelow(folder)].flatMap((place) =>
    readFolder(place).flatMap((entry) => {
      const file = path.join(place, entry.name)
      return name.test(entry.name) && fs.statSync(file, { throwIfNoEntry: false })?.isFile() ? [file] : []
    }),
  )
}

/** By name. */
export function readFolder(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } catch (cause) {
    throw new FileFormatError(folder, `cannot be read (${(cause as Error).message}); check its permissions`, { cause })
  }
}
