import fs from 'node:fs'
import path from 'node:path'
import { DataError } from '../../errors.js'
import type { Split } from '../task.js'
import { rowFileType, rowFileTypes } from './readRows.js'
import { statusOf } from '../../io/statusOf.js'

/**
 * Finds the files of a split, in order.
 *
 * A folder holds them itself, in a subfolder as data sets on the Hub do (see {@link configFolders}), or in several subfolders
 * (a subject each, as the Hub's copy of MATH): files whose names say the split, as `train.jsonl`,
 * `train-00000-of-00002.parquet`, `math500_test.json`, or that lie in a folder named by it, as `default/train/0000.parquet`.
 * If there are several kinds, JSON lines come first, then JSON, separated values, parquet; a file named by the split alone
 * comes before others. A single file is taken as it is, unless its name says that it is the other split.
 *
 * Throws a {@link DataError} when there is no such file or a shard is missing.
 */
export function splitFiles(data: string, split: Split): string[] {
  const stats = statusOf(data)
  if (stats === undefined) {
    throw new DataError(
      `data '${data}' does not exist; expected a file (${rowFileTypes.join(', ')}) or a folder of such files`,
    )
  }
  if (!stats.isDirectory()) {
    const named = namedSplit(data)
    if (named !== null && named !== split) {
      throw new DataError(
        `'${data}' is named as the ${named} split, but the ${split} split was asked for; give the folder or the ${split} file`,
      )
    }
    return [data]
  }
  for (const folder of [data, ...configFolders(data)]) {
    const files = filesIn(folder, split)
    if (files.length > 0) return files
  }
  const nested = subfolders(data).flatMap((folder) => filesIn(folder, split))
  if (nested.length > 0) return nested
  throw new DataError(
    `'${data}' holds no file that is named as the ${split} split, such as ${split}.jsonl, ${split}.csv or ${split}-*.parquet, ` +
      'nor does a subfolder such as main; rename the file, or give it itself',
  )
}

/** As {@link splitFiles}, but gives an empty list when there are none. */
export function findSplitFiles(data: string, split: Split): string[] {
  try {
    return splitFiles(data, split)
  } catch (error) {
    if (error instanceof DataError) return []
    throw error
  }
}

/** The split that a file's name says, or its folder's: `train` for `kk_train.parquet`; null if it says none, or both. */
export function namedSplit(file: string): Split | null {
  const inName = splitInName(path.basename(file))
  return inName ?? (['train', 'test'] as const).find((split) => isFolderOf(split, path.dirname(file))) ?? null
}

function splitInName(name: string): Split | null {
  const words = name.toLowerCase().split(/[^a-z]+/)
  const named = (['train', 'test'] as const).filter((split) => words.includes(split))
  return named.length === 1 ? named[0]! : null
}

/** The Hub converts no more than the first gigabytes of a large data set, and then says so in the folder's name. */
function isFolderOf(split: Split, folder: string): boolean {
  return [split, `partial-${split}`].includes(path.basename(folder))
}

/** Where the Hub keeps the files of a data set: in `main`, `default` or `data`, or in the only subfolder. */
function configFolders(data: string): string[] {
  const inside = subfolders(data)
  const usual = ['main', 'default', 'data'].map((name) => path.join(data, name)).filter((name) => inside.includes(name))
  return usual.length > 0 ? usual : inside.length === 1 ? inside : []
}

function subfolders(folder: string): string[] {
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => path.join(folder, entry.name))
    .sort()
}

/** Files of the most preferred kind that a folder, or a folder in it that is named by the split, holds for a split. */
function filesIn(folder: string, split: Split): string[] {
  const names = fs
    .readdirSync(folder)
    .filter((name) => rowFileType(name) !== null && namedSplit(path.join(folder, name)) === split)
    .sort()
  const whole = rowFileTypes.map((type) => `${split}${type}`).find((name) => names.includes(name))
  if (whole !== undefined) return [path.join(folder, whole)]
  for (const type of rowFileTypes) {
    const ofType = names.filter((name) => rowFileType(name) === type)
    if (ofType.length === 0) continue
    checkShardCount(folder, ofType)
    return ofType.map((name) => path.join(folder, name))
  }
  return subfolders(folder)
    .filter((name) => isFolderOf(split, name))
    .flatMap((name) => filesIn(name, split))
}

/** Every file set `name-00000-of-00002` must be complete. */
function checkShardCount(folder: string, names: readonly string[]): void {
  const sets = new Map<string, string[]>()
  for (const name of names) {
    const match = /^(.*)-\d+(-of-\d+)\.\w+$/.exec(name)
    if (match !== null) sets.set(match[1]! + match[2]!, [...(sets.get(match[1]! + match[2]!) ?? []), name])
  }
  for (const [set, shards] of sets) {
    const total = Number(/-of-(\d+)$/.exec(set)![1])
    if (total === shards.length) continue
    throw new DataError(
      `'${folder}' holds ${shards.length} of ${total} shards (${shards.join(', ')}); download the missing ones`,
    )
  }
}
