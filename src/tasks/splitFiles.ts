import fs from 'node:fs'
import path from 'node:path'
import { DataError } from '../errors.js'
import type { Split } from './task.js'

/**
 * Finds the files of a split, in order.
 *
 * A folder holds `train.jsonl`, or `train.parquet`, or the shards `train-00000-of-00002.parquet` …, itself or in a
 * subfolder as data sets on the Hub do (see {@link dataFolders}); JSON lines come first. A single file is taken as it is, unless its
 * name says that it is the other split.
 *
 * Throws a {@link DataError} when there is no such file or a shard is missing.
 */
export function splitFiles(data: string, split: Split): string[] {
  const stats = fs.statSync(data, { throwIfNoEntry: false })
  if (stats === undefined) {
    throw new DataError(`data '${data}' does not exist; give a .jsonl or .parquet file or a folder of them`)
  }
  if (!stats.isDirectory()) {
    const named = splitName(data)
    if ((named === 'train' || named === 'test') && named !== split) {
      throw new DataError(
        `'${data}' is named as the ${named} split, but the ${split} split was asked for; give the folder or the ${split} file`,
      )
    }
    return [data]
  }
  for (const folder of dataFolders(data, split)) {
    const names = fs.readdirSync(folder).sort()
    const whole = [`${split}.jsonl`, `${split}.parquet`].find((name) => names.includes(name))
    if (whole !== undefined) return [path.join(folder, whole)]
    const isSplitFolder = isFolderOf(split, folder)
    const shards = names.filter((name) =>
      isSplitFolder ? /^\d+\.parquet$/.test(name) : name.startsWith(`${split}-`) && name.endsWith('.parquet'),
    )
    if (shards.length > 0) {
      checkShardCount(folder, shards)
      return shards.map((name) => path.join(folder, name))
    }
  }
  throw new DataError(
    `'${data}' holds no ${split}.jsonl, ${split}.parquet or ${split}-*.parquet, nor does a subfolder such as main`,
  )
}

/**
 * Where a split's files may lie: in the folder itself, in `main`, in the only subfolder, or as the Hub's own conversion
 * (`refs/convert/parquet`) has it, in `default/train`.
 */
function dataFolders(data: string, split: Split): string[] {
  const subfolders = (folder: string): string[] =>
    fs
      .readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => path.join(folder, name))
  const inside = subfolders(data)
  const usual = ['main', 'default', 'data'].map((name) => path.join(data, name)).filter((name) => inside.includes(name))
  const configs = usual.length > 0 ? usual : inside.length === 1 ? inside : []
  const ofSplit = (folder: string): string[] => subfolders(folder).filter((name) => isFolderOf(split, name))
  return [data, ...configs, ...[data, ...configs].flatMap(ofSplit)]
}

/** The Hub converts no more than the first gigabytes of a large data set, and then says so in the folder's name. */
function isFolderOf(split: Split, folder: string): boolean {
  return [split, `partial-${split}`].includes(path.basename(folder))
}

/**
 * The split that a file's name gives: `train` for `train.jsonl`, for `train-00000-of-00001.parquet` and for
 * `train/0000.parquet`.
 */
export function splitName(file: string): string {
  if (/^\d+\.parquet$/.test(path.basename(file))) return path.basename(path.dirname(file)).replace(/^partial-/, '')
  return path.basename(file, path.extname(file)).replace(/-\d+-of-\d+$/, '')
}

function checkShardCount(folder: string, shards: readonly string[]): void {
  const total = /-of-(\d+)\.parquet$/.exec(shards[0]!)?.[1]
  if (total !== undefined && Number(total) !== shards.length) {
    throw new DataError(
      `'${folder}' holds ${shards.length} of ${Number(total)} shards (${shards.join(', ')}); download the missing ones`,
    )
  }
}
