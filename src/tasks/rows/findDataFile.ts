import fs from 'node:fs'
import path from 'node:path'
import { rowFileType } from './readRows.js'
import { namedSplit } from './splitFiles.js'
import { statusOf } from '../../io/statusOf.js'

/** The only file of rows of a folder whose name says no split, as HumanEval's; the folder itself if there is none such. */
export function findDataFile(data: string): string {
  if (statusOf(data)?.isDirectory() !== true) return data
  const files = fs.readdirSync(data).filter((name) => rowFileType(name) !== null)
  const [only] = files
  return files.length === 1 && namedSplit(only!) === null ? path.join(data, only!) : data
}
