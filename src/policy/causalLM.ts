import type { Engine, EngineModel, ModelSource, TokenIds } from '../engine/engine.js'
import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'
import { snapshotSource } from '../hub/cache.js'
import type { ModelConfig } from '../model/config.js'
import { createLoraAdapter, LoraAdapter } from '../model/lora.js'
import type { LoraOptions } from '../model/loraOptions.js'
import { loadAdapter } from '../model/peft.js'
import { notTrainable, readModelParameters } from '../model/modelParameters.js'
import type { BaseModelName } from '../model/peftConfig.js'
import type { WeightDtype } from '../model/weights/weightDtype.js'
import type { Tokenizer } from '../text/tokenizer.js'
import type { Trained } from './trained.js'
import { TrainedAdapter } from './trainedAdapter.js'
import { TrainedWeights } from './trainedWeights.js'

/** What a model and the policies made from it share. */
interface BaseModel {
  readonly source: ModelSource
  readonly engine: Engine
  /** The frozen weights on the engine. */
  readonly engineModel: EngineModel
}

/** A causal language model: frozen weights, a tokenizer when its folder has one, and perhaps what is trained of it. */
export class CausalLM<Part extends Trained | null = Trained | null> {
  /** The model on the engine, with what is trained. */
  readonly engineModel: EngineModel

  /** @internal */
  constructor(
    private readonly base: BaseModel,
    /** What is trained; null for a model as it was loaded. */
    readonly trained: Part,
  ) {
    this.engineModel = trained ? trained.on(base.engineModel) : base.engineModel
  }

  /** The LoRA adapter; null when there is none. */
  get adapter(): LoraAdapter | null {
    const parameters = this.trained?.parameters
    return parameters instanceof LoraAdapter ? parameters : null
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

  /** What the frozen weights are kept in, as it was asked for. */
  get dtype(): WeightDtype {
    return this.base.source.dtype
  }

  /** What that makes of them, in words: `bfloat16`, `int4, groups of 32, embeddings int8`, `NF4 (bitsandbytes)`. */
  get weightFormat(): string {
    return this.base.source.weightFormat
  }

  /** Whether the frozen weights are quantised, by their files or while they were loaded. */
  get isQuantized(): boolean {
    return this.base.source.isQuantized
  }

  /** What the model was loaded on. */
  get engine(): Engine {
    return this.base.engine
  }

  /** The model as it was loaded; its weights are shared, so this one needs no dispose(). */
  get baseModel(): CausalLM {
    return this.trained ? new CausalLM(this.base, null) : this
  }

  /** A policy to train: the same frozen weights with a new LoRA adapter, which at first changes nothing. */
  withLora(options: LoraOptions = {}): Policy {
    return new CausalLM(this.base, new TrainedAdapter(createLoraAdapter(this.config, options), this.name))
  }

  /**
   * A policy of which all weights are trained (full fine-tuning; TRL without `peft_config`), in float32: for small models. They start as
   * copies of this model's, which stay as they are, as its reference for beta above 0.
   * @throws ConfigError for a model whose weights are quantised
   */
  trainable(): Policy {
    return this.withWeights(this.folder)
  }

  /** The same frozen weights with an adapter in PEFT's layout from a folder. */
  withAdapter(folder: string): Policy {
    return new CausalLM(this.base, new TrainedAdapter(loadAdapter(folder, this.config), this.name))
  }

  /**
   * A policy of which all weights are trained, as {@link saveModel} left them in a folder: a model of the same shapes as this one.
   * @throws ConfigError for a model whose weights are quantised
   */
  withWeights(folder: string): Policy {
    const { isQuantized, weightFormat } = this.base.source
    // Its reference, the model as it was loaded, would be another one than what the training starts from.
    if (isQuantized) throw new ConfigError(notTrainable(`the weights of ${this.folder}`, weightFormat))
    return new CausalLM(this.base, new TrainedWeights(readModelParameters(folder, this.config), this.folder))
  }

  /** What names the model for others: its id on the Hub and the commit, or its folder. */
  get name(): BaseModelName {
    return snapshotSource(this.folder) ?? this.folder
  }

  /** Writes the adapter in PEFT's layout; other tools load it with this model's folder or Hub id as the base. */
  async saveAdapter(folder: string): Promise<void> {
    // An engine may have to bring the values from its device.
    await Promise.resolve()
    if (!this.trained || !this.adapter) {
      throw new ConfigError('saveAdapter: this model has no adapter; make one with withLora()')
    }
    this.trained.save(folder)
  }

  /** Writes a model of which all weights are trained in Hugging Face's layout, float32; it loads as any other. */
  async saveModel(folder: string): Promise<void> {
    await Promise.resolve()
    if (!this.trained || this.adapter) {
      throw new ConfigError(
        'saveModel: the weights of this model are as they were loaded; make a policy with trainable(), or merge the adapter into them',
      )
    }
    this.trained.save(folder)
  }

  /** Frees what is trained; a model as it was loaded frees the weights that it shares with the policies made from it. */
  dispose(): void {
    this.engineModel.dispose()
  }
}

/** A model that is trained. */
export type Policy = CausalLM<Trained>

/** Throws a ConfigError for a model of which nothing is trained. */
export function asPolicy(model: CausalLM): Policy {
  // From JavaScript it may be anything.
  if (!((model as unknown) instanceof CausalLM)) {
    const isPromise = (model as unknown) instanceof Promise
    throw new ConfigError(
      `the policy is ${isPromise ? 'a promise' : quote(model)}; expected a model with something to train, ` +
        '(await loadModel(folder)).withLora() or .trainable()',
    )
  }
  if (isPolicy(model)) return model
  throw new ConfigError('of the policy nothing is trained; make one with model.withLora() or model.trainable()')
}

function isPolicy(model: CausalLM): model is Policy {
  return model.trained !== null
}
