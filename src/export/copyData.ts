import fs from 'node:fs'
import path from 'node:path'
import { findDataFile } from '../tasks/rows/findDataFile.js'
import { rowFileType } from '../tasks/rows/readRows.js'
import { namedSplit } from '../tasks/rows/splitFiles.js'
import { copyFiles } from './exportSources.js'

/** A data set, a configuration of it, a split: deeper no task looks. */
const DEPTH = 3

/** Copies the data of a task: a file, or of a folder the files that tasks read. What else lies there (a `.env`, a repository) stays. */
export async function copyData(from: string, to: string): Promise<void> {
  const file = findDataFile(from)
  if (!fs.statSync(file).isDirectory()) return copyFiles(file, file === from ? to : path.join(to, path.basename(file)))
  // All before the first is copied: the copy may come to lie in the folder.
  for (const name of [...dataFiles(from, DEPTH)]) await copyFiles(path.join(from, name), path.join(to, name))
}

/** The files of rows whose names say a split, in a folder and in those below; links to folders are not followed, as tasks do not. */
function* dataFiles(folder: string, depth: number): Generator<string> {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name)
    if (entry.isDirectory()) {
      if (depth === 1 || entry.name.startsWith('.') || entry.name === 'node_modules') continue
      for (const name of dataFiles(place, depth - 1)) yield path.join(entry.name, name)
    } else if (rowFileType(entry.name) !== null && namedSplit(place) !== null) {
      if (fs.statSync(place, { throwIfNoEntry: false })?.isFile()) yield entry.name
    }
  }
}
