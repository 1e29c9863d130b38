import fs from 'node:fs'
import path from 'node:path'

/**
 * Bytes of a safetensors file with this header, however wrong, padded to 8 bytes, and `dataBytes` bytes of data 0, 1,
 * 2, …
 */
export function safetensorsBytes(header: unknown, dataBytes = 0): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ')
  json.copy(padded)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  return Buffer.concat([length, padded, Buffer.from(Array.from({ length: dataBytes }, (_, i) => i))])
}

/** Writes a model of one U8 tensor of two bytes per name and shard, with an index that says so. */
export function writeShards(folder: string, tensorsOfShard: Record<string, string[]>): void {
  const weightMap: Record<string, string> = {}
  for (const [shard, names] of Object.entries(tensorsOfShard)) {
    const entries = names.map((name, i) => [name, { dtype: 'U8', shape: [2], data_offsets: [2 * i, 2 * i + 2] }])
    fs.writeFileSync(path.join(folder, shard), safetensorsBytes(Object.fromEntries(entries), 2 * names.length))
    for (const name of names) weightMap[name] = shard
  }
  writeIndex(folder, weightMap)
}

export function writeIndex(folder: string, weightMap: unknown): void {
  fs.writeFileSync(path.join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }))
}
