import type { DownloadOptions } from '../hub/download.js'
import { resolveModel } from '../hub/resolve.js'
import type { ModelConfig } from '../model/config.js'
import { readModel } from '../model/readModel.js'
import { Tokenizer } from '../text/tokenizer.js'
import { readGenerationEosTokenIds } from '../text/tokenizerFiles.js'
import type { TokenizerFiles } from '../text/tokenizerFiles.js'
import { noModel } from './noModel.js'

/** How a model reads and writes texts. */
export interface ModelTokenizer {
  /** Null where a model has none. */
  readonly tokenizer: Tokenizer | null
  /** Tokens that end a completion. */
  readonly eosTokenIds: readonly number[]
}

/** The tokenizer of a model, named as {@link loadModel} takes it, without its weights. Throws a FileFormatError, a HubError. */
export async function loadModelTokenizer(folderOrId: string, options: DownloadOptions = {}): Promise<ModelTokenizer> {
  const { folder } = await resolveModel(folderOrId, options)
  const model = readModel(folder)
  if (model === null) throw noModel(folder)
  return modelTokenizer(model.files, model.config)
}

/** From the files of a tokenizer, if there are any, and generation_config.json or, in older folders, config.json. */
export function modelTokenizer(files: TokenizerFiles | null, config: ModelConfig): ModelTokenizer {
  const tokenizer = files?.has('tokenizer.json') ? Tokenizer.from(files) : null
  const ids = tokenizer?.eosTokenIds ?? (files ? readGenerationEosTokenIds(files) : [])
  const eosTokenIds = ids.length > 0 ? ids : [config.raw.eos_token_id].flat().filter((id) => typeof id === 'number')
  return { tokenizer, eosTokenIds }
}
