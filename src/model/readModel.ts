import fs from 'node:fs'
import path from 'node:path'
import { parseJson } from '../io/json.js'
import { filesOfFolder } from '../text/tokenizerFiles.js'
import type { TokenizerFiles } from '../text/tokenizerFiles.js'
import { parseModelConfig } from './config.js'
import type { ModelConfig } from './config.js'
import { readGgufConfig } from './gguf/ggufConfig.js'
import { GgufFile } from './gguf/ggufFile.js'
import { ggufFileOf } from './gguf/ggufFileOf.js'
import { readGgufTokenizer } from './gguf/ggufTokenizer.js'

/** What is known of a model besides its weights. */
export interface ModelDescription {
  /** The folder, or the GGUF file. */
  readonly source: string
  readonly config: ModelConfig
  /** Of the tokenizer, and generation_config.json; null where a GGUF file has no tokenizer. */
  readonly files: TokenizerFiles | null
}

/**
 * Reads the config of a model in a folder in Hugging Face's layout, or in a GGUF file; null when it is neither.
 * @throws FileFormatError, UnsupportedError
 */
export function readModel(folderOrFile: string): ModelDescription | null {
  const gguf = ggufFileOf(folderOrFile)
  if (gguf !== null) {
    return GgufFile.use(gguf, (file) => ({
      source: gguf,
      config: readGgufConfig(file),
      files: readGgufTokenizer(file),
    }))
  }
  const configFile = path.join(folderOrFile, 'config.json')
  if (!fs.existsSync(configFile)) return null
  const config = parseModelConfig(parseJson(configFile, 'the file', fs.readFileSync(configFile)), configFile)
  return { source: folderOrFile, config, files: filesOfFolder(folderOrFile) }
}
