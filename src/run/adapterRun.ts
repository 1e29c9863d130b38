import path from 'node:path'
import { FileFormatError } from '../errors.js'
import { isJsonObject } from '../io/json.js'
import { readJson } from '../io/readJsonFile.js'
import type { ConfigFile } from './configFile.js'
import { readRunConfig } from './configFile.js'
import { quantizedCopy } from '../model/quantizedCopy.js'
import { quantizedDtypes } from '../quantization/weightFormat.js'

/** Where the options of the run that made an adapter may lie, seen from the adapter's folder: of a run, of a checkpoint, of a push. */
const places = ['..', path.join('..', '..', '..'), 'training']

/** The options of the run that made an adapter, where its folder is still in that of the run, or was pushed with it; else null. */
export function runOfAdapter(folder: string): ConfigFile | null {
  for (const place of places) {
    try {
      const config = readRunConfig(path.join(folder, place))
      // Other tools have files of that name too.
      if (typeof config?.model === 'string' && typeof config.task === 'string') return config
    } catch (error) {
      if (!(error instanceof FileFormatError)) throw error
    }
  }
  return null
}

/** What quantised weights an adapter was trained against, as its run or its base model say it: `int4`, `bitsandbytes`; null where neither says so. Throws a FileFormatError. */
export function quantizedBaseOf(folder: string): string | null {
  const dtype = runOfAdapter(folder)?.dtype
  const ofRun = quantizedDtypes.find((one) => one === dtype)
  if (ofRun !== undefined) return ofRun
  const config = readJson(path.join(folder, 'adapter_config.json'))
  const base = isJsonObject(config) ? config.base_model_name_or_path : null
  return typeof base === 'string' ? (quantizedCopy(base)?.method ?? null) : null
}
