import type { Engine } from '../engine/engine.js'
import { currentEngine } from '../engine/registry.js'
import { ConfigError } from '../errors.js'
import type { DownloadOptions } from '../hub/download.js'
import { resolveModel } from '../hub/resolve.js'
import { quote } from '../io/json.js'
import { describeWeights } from '../model/weights/describeWeights.js'
import { readModel } from '../model/readModel.js'
import type { LoadProgress } from '../model/weights/forEachTensor.js'
import { openModelWeights } from '../model/weights/openModelWeights.js'
import { weightDtypes } from '../model/weights/weightDtype.js'
import type { WeightDtype } from '../model/weights/weightDtype.js'
import { CausalLM } from './causalLM.js'
import { loadWeights } from './loadWeights.js'
import { modelTokenizer } from './modelTokenizer.js'
import { noModel } from './noModel.js'

/** How a model is loaded, and found on the Hub when its name is no folder. */
export interface LoadModelOptions extends DownloadOptions {
  /**
   * What the weights are kept in: `float32` widens them, `int8` and `int4` quantise them while they are loaded, for a model that is too
   * large or an adapter that is trained in little memory (QLoRA). Defaults to `auto`: they stay as they are stored.
   */
  dtype?: WeightDtype
  /** Told how far the loading has come. Defaults to nobody. */
  onLoad?: (progress: LoadProgress) => void
  /** What the model computes on. Defaults to the engine that is selected. */
  engine?: Engine
}

/**
 * Loads a model from a folder in Hugging Face's layout: config.json, model.safetensors (or shards with an index),
 * generation_config.json and the tokenizer's files; from a GGUF file; or from the Hub by its id, `owner/name` or `owner/name@revision`,
 * through the cache that Python's tools share; or a model that comes with the package: `word-problems-2m`. Selects an engine
 * when none was selected.
 * @throws FileFormatError, UnsupportedError, HubError
 */
export async function loadModel(folderOrId: string, options: LoadModelOptions = {}): Promise<CausalLM> {
  const engine = options.engine ?? (await currentEngine())
  const { folder: found } = await resolveModel(folderOrId, options)
  const model = readModel(found)
  if (model === null) throw noModel(found)
  const { source: folder, config, files } = model
  const { tokenizer, eosTokenIds } = modelTokenizer(files, config)
  const { dtype = 'auto', onLoad, signal } = options
  const onProgress = (progress: LoadProgress): void => {
    // Between two tensors, of which those that were read are let go again.
    signal?.throwIfAborted()
    onLoad?.(progress)
  }
  if (!weightDtypes.includes(dtype)) {
    throw new ConfigError(`dtype is ${quote(dtype)}; expected one of ${weightDtypes.join(', ')}`)
  }
  const weights = openModelWeights(folder, config)
  try {
    const isQuantized = weights.quantization !== null || dtype === 'int8' || dtype === 'int4'
    const { precision } = engine.info
    const isRounded = !isQuantized && dtype === 'auto' && precision !== 'float32'
    const weightFormat = isRounded ? precision : describeWeights(config, weights, dtype)
    const source = { folder, config, tokenizer, eosTokenIds, dtype, weightFormat, isQuantized, onProgress }
    return new CausalLM({ source, engine, engineModel: await loadWeights(engine, source, weights) }, null)
  } finally {
    weights.close()
  }
}
