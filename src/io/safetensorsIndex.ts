import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../errors.js'
import { FileReader } from './fileReader.js'
import { isJsonObject, parseStrictJson, quote } from './json.js'
import { MAX_HEADER_BYTES } from './safetensorsHeader.js'

/**
 * Reads the index of a sharded model (`model.safetensors.index.json`) and returns the file of every tensor. A shard may
 * be a symbolic link, as in the Hugging Face cache, but its name must stay inside the index's folder. Throws a
 * FileFormatError when it does not, when a shard is missing, or when the index is malformed.
 */
export function readSafetensorsIndex(indexFile: string): Map<string, string> {
  const index = parseStrictJson(indexFile, 'the index', readIndexBytes(indexFile))
  const weightMap = isJsonObject(index) ? index.weight_map : undefined
  if (!isJsonObject(weightMap) || Object.keys(weightMap).length === 0) {
    throw new FileFormatError(
      indexFile,
      `weight_map is ${quote(weightMap)}; expected an object of file names by tensor`,
    )
  }
  const folder = path.dirname(indexFile)
  const fileOfShard = new Map<string, string>()
  const fileOfTensor = new Map<string, string>()
  for (const [tensor, shard] of Object.entries(weightMap)) {
    if (typeof shard !== 'string' || !staysInFolder(shard)) {
      throw new FileFormatError(
        indexFile,
        `tensor ${quote(tensor)} lies in ${quote(shard)}; expected the name of a file inside the folder`,
      )
    }
    let file = fileOfShard.get(shard)
    if (file === undefined) {
      file = path.join(folder, shard)
      if (!fs.existsSync(file)) {
        throw new FileFormatError(
          indexFile,
          `its shard ${quote(shard)} is not in the folder; download the missing file`,
        )
      }
      fileOfShard.set(shard, file)
    }
    fileOfTensor.set(tensor, file)
  }
  return fileOfTensor
}

function readIndexBytes(indexFile: string): Uint8Array {
  const reader = new FileReader(indexFile)
  try {
    if (reader.size > MAX_HEADER_BYTES) {
      throw new FileFormatError(indexFile, `the index has ${reader.size} bytes; expected at most ${MAX_HEADER_BYTES}`)
    }
    const bytes = new Uint8Array(reader.size)
    reader.read(bytes, 0)
    return bytes
  } finally {
    reader.close()
  }
}

/** Refuses absolute paths, `..`, backslashes, drive letters and NUL on every operating system alike. */
function staysInFolder(shard: string): boolean {
  return shard.split('/').every((part) => part !== '.' && part !== '..' && /^[^\\:\0]+$/.test(part))
}
