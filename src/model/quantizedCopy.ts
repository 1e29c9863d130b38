import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../errors.js'
import { isJsonObject } from '../io/json.js'
import { readJson } from '../io/readJsonFile.js'
import { statusOf } from '../io/statusOf.js'

/** A model whose files are quantised. */
export interface QuantizedCopy {
  /** Of the quantisation, as config.json names it (`bitsandbytes`), or GGUF. */
  readonly method: string
  /** The model that it was made from, where `grpo-ts quantise` has noted it. */
  readonly original: string | null
}

/** What the files of a model say of their quantisation; null where they are not quantised, or not there. */
export function quantizedCopy(folderOrFile: string): QuantizedCopy | null {
  const file = path.join(folderOrFile, 'config.json')
  if (!fs.existsSync(file)) return isGguf(folderOrFile) ? { method: 'GGUF', original: null } : null
  try {
    return quantizationOf(readJson(file))
  } catch (error) {
    if (error instanceof FileFormatError) return null
    throw error
  }
}

/** By its name alone, for it may lie on another machine, or by what a folder holds. */
function isGguf(folderOrFile: string): boolean {
  const isFolder = statusOf(folderOrFile)?.isDirectory() === true
  const names = isFolder ? fs.readdirSync(folderOrFile) : [folderOrFile]
  return names.some((name) => /\.gguf$/i.test(name))
}

/** The same of the content of a config.json. */
export function quantizationOf(config: unknown): QuantizedCopy | null {
  const quantization = isJsonObject(config) ? (config.quantization_config ?? config.compression_config) : null
  if (!isJsonObject(quantization)) return null
  const { quant_method: method, base_model: original } = quantization
  return {
    method: typeof method === 'string' ? method : 'quantised',
    original: typeof original === 'string' && original !== '' ? original : null,
  }
}
