import type { Engine, EngineModel, ModelSource, TokenIds } from '../engine/engine.js'
import { ConfigError } from '../errors.js'
import { snapshotSource } from '../hub/cache.js'
import type { ModelConfig } from '../model/config.js'
import { createLoraAdapter } from '../model/lora.js'
import type { LoraAdapter } from '../model/lora.js'
import type { LoraOptions } from '../model/loraOptions.js'
import { loadAdapter, saveAdapter } from '../model/peft.js'
import type { BaseModelName } from '../model/peftConfig.js'
import type { Tokenizer } from '../text/tokenizer.js'

/** What a model and the policies made from it share. */
interface BaseModel {
  readonly source: ModelSource
  readonly engine: Engine
  /** The frozen weights on the engine. */
  readonly engineModel: EngineModel
}

/** A causal language model: frozen weights, a tokenizer when its folder has one, and perhaps a LoRA adapter. */
export class CausalLM {
  /** The model with its adapter on the engine. */
  readonly engineModel: EngineModel

  /** @internal */
  constructor(
    private readonly base: BaseModel,
    /** The trainable part; null for a model as it was loaded. */
    readonly adapter: LoraAdapter | null = null,
  ) {
    this.engineModel = adapter ? base.engineModel.withAdapter(adapter) : base.engineModel
  }

  /** The folder that the model was loaded from. */
  get folder(): string {
    return this.base.source.folder
  }

  /** What the model is made of. */
  get config(): ModelConfig {
    return this.base.source.config
  }

  /** Null when the folder holds no tokenizer.json. */
  get tokenizer(): Tokenizer | null {
    return this.base.source.tokenizer
  }

  /** The tokens that end a completion: all of generation_config.json and the tokenizer's own. */
  get eosTokenIds(): TokenIds {
    return this.base.source.eosTokenIds
  }

  /** What the model was loaded on. */
  get engine(): Engine {
    return this.base.engine
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

  /** What names the model for others: its id on the Hub and the commit, or its folder. */
  get name(): BaseModelName {
    return snapshotSource(this.folder) ?? this.folder
  }

  /** Writes the adapter in PEFT's layout; other tools load it with this model's folder or Hub id as the base. */
  async saveAdapter(folder: string): Promise<void> {
    // An engine may have to bring the values from its device.
    await Promise.resolve()
    if (!this.adapter) throw new ConfigError('saveAdapter: this model has no adapter; make one with withLora()')
    saveAdapter(folder, this.adapter, this.name)
  }

  /** Frees the adapter; a model as it was loaded frees the weights that it shares with the policies made from it. */
  dispose(): void {
    this.engineModel.dispose()
  }
}
