import fs from 'node:fs'
import path from 'node:path'
import * as tf from '../bundled/tfjs.js'
import { currentBackend } from '../engine/cpu/selectBackend.js'
import { BackendError, ConfigError, FileFormatError } from '../errors.js'
import { snapshotSource } from '../hub/cache.js'
import type { DownloadOptions } from '../hub/download.js'
import { embeddedModels } from '../hub/embeddedModels.js'
import { resolveModel } from '../hub/resolve.js'
import { parseJson } from '../io/json.js'
import { Safetensors } from '../io/safetensors.js'
import { linear } from '../ops/linear.js'
import { tokenLogProbs } from '../ops/tokenLogProbs.js'
import type { TokenLogProbs } from '../ops/tokenLogProbs.js'
import { Tokenizer } from '../text/tokenizer.js'
import { readGenerationEosTokenIds } from '../text/tokenizerFiles.js'
import { parseModelConfig } from '../model/config.js'
import type { ModelConfig } from '../model/config.js'
import { decode } from '../engine/cpu/decoder.js'
import type { DecoderWeights, ForwardOptions } from '../engine/cpu/decoder.js'
import { disposeWeights, loadWeights, weightBytes } from '../engine/cpu/loadWeights.js'
import { createLoraAdapter } from '../model/lora.js'
import type { LoraAdapter } from '../model/lora.js'
import type { LoraOptions } from '../model/loraOptions.js'
import type { PackedBatch } from '../engine/cpu/packedBatch.js'
import { loadAdapter, saveAdapter } from '../model/peft.js'

/** What a model and the policies made from it share. */
interface BaseModel {
  readonly folder: string
  readonly config: ModelConfig
  readonly weights: DecoderWeights
  readonly tokenizer: Tokenizer | null
  readonly eosTokenIds: readonly number[]
  /** tfjs's name of the backend whose layout the weights have. */
  readonly backend: string
}

/** A causal language model: frozen weights, a tokenizer when its folder has one, and perhaps a LoRA adapter. */
export class CausalLM {
  #adapterOff = false

  /** @internal */
  constructor(
    private readonly base: BaseModel,
    /** The trainable part; null for a model as it was loaded. */
    readonly adapter: LoraAdapter | null = null,
  ) {}

  /** The folder that the model was loaded from. */
  get folder(): string {
    return this.base.folder
  }

  /** What the model is made of. */
  get config(): ModelConfig {
    return this.base.config
  }

  /** Null when the folder holds no tokenizer.json. */
  get tokenizer(): Tokenizer | null {
    return this.base.tokenizer
  }

  /** The tokens that end a completion: all of generation_config.json and the tokenizer's own. */
  get eosTokenIds(): readonly number[] {
    return this.base.eosTokenIds
  }

  /** Bytes of the frozen weights, as wide as they are kept. */
  get weightBytes(): number {
    return weightBytes(this.base.weights)
  }

  /** Hidden states after the final norm. */
  forward(batch: PackedBatch, options: ForwardOptions = {}): tf.Tensor2D /* [N, hidden] */ {
    if (tf.getBackend() !== this.base.backend) {
      throw new BackendError(
        `the model was loaded on the backend ${this.base.backend}, but ${tf.getBackend()} is selected now; ` +
          'select the backend first, then load the model',
      )
    }
    return decode(this.config, this.base.weights, this.#adapterOff ? null : this.adapter, batch, options)
  }

  /** Logits of the next token for some hidden states. */
  logits(hidden: tf.Tensor2D /* [n, hidden] */): tf.Tensor2D /* [n, V] */ {
    return linear(hidden, this.base.weights.outputHead, null, null)
  }

  /** Log-probability (nats) of a target after each hidden state, and the entropy of its distribution, at a temperature. */
  tokenLogProbs(
    hidden: tf.Tensor2D, // [n, hidden]
    targets: Int32Array, // [n]
    temperature: number,
  ): TokenLogProbs {
    return tokenLogProbs(hidden, this.base.weights.outputHead, targets, temperature)
  }

  /** The same frozen weights without the adapter; they are its model's, so this one needs no dispose(). */
  get baseModel(): CausalLM {
    return this.adapter ? new CausalLM(this.base) : this
  }

  /** A policy to train: the same frozen weights with a new LoRA adapter, which at first changes nothing. */
  withLora(options: LoraOptions = {}): CausalLM {
    return new CausalLM(this.base, createLoraAdapter(this.config, options))
  }

  /** The same frozen weights with an adapter in PEFT's layout from a folder. */
  withAdapter(folder: string): CausalLM {
    return new CausalLM(this.base, loadAdapter(folder, this.config))
  }

  /** Writes the adapter in PEFT's layout; other tools load it with this model's folder or Hub id as the base. */
  saveAdapter(folder: string): void {
    if (!this.adapter) throw new ConfigError('saveAdapter: this model has no adapter; make one with withLora()')
    saveAdapter(folder, this.adapter, snapshotSource(this.folder) ?? this.folder)
  }

  /**
   * Runs `body` with the adapter switched off: the reference policy. The body has to be synchronous, for the adapter is on
   * again when it returns; what it computed may be read later.
   */
  withoutAdapter<T>(body: () => T): T {
    const before = this.#adapterOff
    this.#adapterOff = true
    try {
      const result = body()
      if (result instanceof Promise) {
        throw new TypeError(
          'withoutAdapter: the body returned a promise; the adapter would be on again before it is done',
        )
      }
      return result
    } finally {
      this.#adapterOff = before
    }
  }

  /** Frees the adapter; a model as it was loaded frees the weights that it shares with the policies made from it. */
  dispose(): void {
    if (this.adapter) this.adapter.dispose()
    else disposeWeights(this.base.weights)
  }
}

/** How a model is loaded, and found on the Hub when its name is no folder. */
export interface LoadModelOptions extends DownloadOptions {
  /** `float32` widens bfloat16 weights when loading. Defaults to `auto`: they stay as they are stored. */
  dtype?: 'auto' | 'float32'
}

/**
 * Loads a model from a folder in Hugging Face's layout: config.json, model.safetensors (or shards with an index),
 * generation_config.json and the tokenizer's files; or from the Hub by its id, `owner/name` or `owner/name@revision`,
 * through the cache that Python's tools share; or a model that comes with the package: `word-problems-1m`. Selects a backend when none was selected.
 * @throws FileFormatError, UnsupportedError, HubError
 */
export async function loadModel(folderOrId: string, options: LoadModelOptions = {}): Promise<CausalLM> {
  await currentBackend()
  const { folder } = await resolveModel(folderOrId, options)
  const configFile = path.join(folder, 'config.json')
  if (!fs.existsSync(configFile)) {
    if (fs.existsSync(path.join(folder, 'adapter_config.json'))) {
      throw new FileFormatError(
        folder,
        'is the folder of an adapter, not of a model; give the model that it was trained on as the model, and this folder as ' +
          'the adapter (--adapter, or model.withAdapter(folder))',
      )
    }
    const what = fs.existsSync(folder) ? 'holds no config.json' : 'does not exist'
    throw new FileFormatError(
      folder,
      `${what}; expected the folder of a model in Hugging Face's layout, its Hub id (owner/name), or ${embeddedModels.join(', ')}`,
    )
  }
  const config = parseModelConfig(parseJson(configFile, 'the file', fs.readFileSync(configFile)), configFile)
  const tokenizer = Tokenizer.exists(folder) ? Tokenizer.load(folder) : null
  const tensors = Safetensors.open(folder)
  try {
    const weights = loadWeights(config, tensors, folder, options.dtype ?? 'auto')
    const eosTokenIds = endOfSequence(folder, tokenizer, config)
    return new CausalLM({ folder, config, weights, tokenizer, eosTokenIds, backend: tf.getBackend() })
  } finally {
    tensors.close()
  }
}

/** The tokens that end a completion, from the tokenizer and generation_config.json or, in older folders, config.json. */
function endOfSequence(folder: string, tokenizer: Tokenizer | null, config: ModelConfig): readonly number[] {
  const ids = tokenizer?.eosTokenIds ?? readGenerationEosTokenIds(folder)
  if (ids.length > 0) return ids
  return [config.raw.eos_token_id].flat().filter((id) => typeof id === 'number')
}
