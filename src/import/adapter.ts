import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../errors.js'
import { isRepositoryId } from '../hub/repository.js'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { isJsonObject } from '../io/json.js'
import { readJson } from '../io/readJsonFile.js'
import { Safetensors } from '../io/safetensors.js'
import { readAdapter } from '../model/peft.js'
import type { ModelConfig } from '../model/config.js'

const CONFIG_FILE = 'adapter_config.json'
const TENSORS_FILE = 'adapter_model.safetensors'

/** Whether a folder holds an adapter in PEFT's layout. */
export function isAdapterFolder(folder: string): boolean {
  return [CONFIG_FILE, TENSORS_FILE].every((name) =>
    fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.isFile(),
  )
}

/** The model that an adapter says it belongs to; null where it says none. Throws a FileFormatError. */
export function baseModelOf(adapter: string): string | null {
  const config = readJson(path.join(adapter, CONFIG_FILE))
  const name = isJsonObject(config) ? config.base_model_name_or_path : null
  return typeof name === 'string' && name !== '' ? name : null
}

/**
 * Copies an adapter, and nothing that lies beside it. Where it names no model, or one by a path of the machine that it
 * was trained on, the copy names `base`. Throws a FileFormatError or UnsupportedError for one that does not fit the
 * model, or, where the model is not at hand, for files that are damaged.
 */
export function copyAdapter(
  from: string,
  to: string,
  { model, base }: { model: ModelConfig | null; base: string | null },
): void {
  fs.mkdirSync(to)
  for (const name of [CONFIG_FILE, TENSORS_FILE]) fs.copyFileSync(path.join(from, name), path.join(to, name))
  try {
    const named = baseModelOf(to)
    const isKnown = named !== null && (isRepositoryId(named) || (path.isAbsolute(named) && fs.existsSync(named)))
    if (base !== null && !isKnown) {
      const file = path.join(to, CONFIG_FILE)
      atomicWriteJson(file, { ...(readJson(file) as object), base_model_name_or_path: base })
    }
    // The copy: what is checked is what stays.
    if (model !== null) readAdapter(to, model)
    else {
      Safetensors.open(path.join(to, TENSORS_FILE)).close()
    }
  } catch (error) {
    if (!(error instanceof FileFormatError) || !error.file.startsWith(to)) throw error
    const file = error.file.replace(to, from)
    throw new FileFormatError(file, error.message.slice(`${error.file}: `.length), { cause: error })
  }
}
