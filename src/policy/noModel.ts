import fs from 'node:fs'
import path from 'node:path'
import { FileFormatError } from '../errors.js'
import { embeddedModels } from '../hub/embeddedModels.js'

/** Says what stands where a model should. */
export function noModel(folder: string): FileFormatError {
  if (fs.existsSync(path.join(folder, 'adapter_config.json'))) {
    return new FileFormatError(
      folder,
      'is the folder of an adapter, not of a model; give the model that it was trained on as the model, and this folder as ' +
        'the adapter (--adapter, or model.withAdapter(folder))',
    )
  }
  const what = fs.existsSync(folder) ? 'holds no config.json' : 'does not exist'
  return new FileFormatError(
    folder,
    `${what}; expected the folder of a model in Hugging Face's layout, a GGUF file, a Hub id (owner/name), or ` +
      embeddedModels.join(', '),
  )
}
