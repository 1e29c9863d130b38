import fs from 'node:fs'
import path from 'node:path'
import { DataError } from '../errors.js'
import type { Split } from './task.js'

/**
 * Finds the files of a split, in order.
 *
 * A folder holds `train.jsonl`, or `train.parquet`, or the shards `train-00000-of-00002.parquet` …, itself or in a
 * subfolder `main` as the Hub's copy of GSM8K does; JSON lines come first. A single file is taken as it is, unless its
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
  for (const folder of [data, path.join(data, 'main')]) {
    if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) continue
    const names = fs.readdirSync(folder).sort()
    const whole = [`${split}.jsonl`, `${split}.parquet`].find((name) => names.includes(name))
    if (whole !== undefined) return [path.join(folder, whole)]
    const shards = names.filter((name) => name.startsWith(`${split}-`) && name.endsWith('.parquet'))
    if (shards.length > 0) {
      checkShardCount(folder, shards)
      return shards.map((name) => path.join(folder, name))
    }
  }
  throw new DataError(
    `'${data}' holds no ${split}.jsonl, ${split}.parquet or ${split}-*.parquet, nor does its subfolder main`,
  )
}

/** The split that a file's name gives: `train` for `train.jsonl` and for `train-00000-of-00001.parquet`. */
export function splitName(file: string): string {
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
