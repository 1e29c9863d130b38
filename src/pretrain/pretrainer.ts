import fs from 'node:fs'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import * as tf from '../bundled/tfjs.js'
import { ConfigError, GrpoError } from '../errors.js'
import { AdamW } from '../optim/adamW.js'
import { clipGradNorm } from '../optim/clipGradNorm.js'
import { FlatParameters } from './flatParameters.js'
import { atomicWriteJson } from '../io/atomicWrite.js'
import { Safetensors } from '../io/safetensors.js'
import { writeSafetensors } from '../io/safetensorsWriter.js'
import { parseModelConfig } from '../model/config.js'
import type { ModelConfig } from '../model/config.js'
import { expectedTensors } from '../model/modelTensors.js'
import { initialValues, TrainableModel } from '../engine/cpu/trainableModel.js'
import { crossEntropy } from '../ops/crossEntropy.js'
import { record } from '../ops/gradients.js'
import { selectRows } from '../ops/selectRows.js'
import { Tokenizer } from '../text/tokenizer.js'
import { pretrainLearningRate } from './config.js'
import type { PretrainConfig } from './config.js'
import { PretrainCorpus, vocabularyTexts } from './corpus.js'
import { END_TOKEN_ID, writeTokenizer } from './tokenizerFiles.js'

/** What one update did. */
export interface PretrainStep {
  /** From 1. */
  readonly step: number
  /** Mean cross-entropy of the learned tokens, in nats. */
  readonly loss: number
  /** Norm of all gradients before they were clipped. */
  readonly gradNorm: number
  /** Learning rate of this update. */
  readonly learningRate: number
  /** Tokens that were computed in this update. */
  readonly tokens: number
}

/**
 * Next-token training of a whole model on the generated corpus: cross-entropy of the answers, gradients of all weights, AdamW.
 * The same options give the same model, bit for bit, whether or not the run was interrupted, and whatever the number of threads.
 */
export class Pretrainer {
  /** The model in training. */
  readonly model: TrainableModel
  /** Its tokenizer, whose merges were learned from the corpus. */
  readonly tokenizer: Tokenizer
  readonly #corpus: PretrainCorpus
  readonly #parameters: FlatParameters
  readonly #adamW: AdamW
  readonly #gradients: Float32Array
  #step = 0

  /** Starts a new model; its tokenizer is written to `folder` at once, its weights by {@link Pretrainer.saveModel}. */
  constructor(
    /** All options, the defaults filled in. */
    readonly config: PretrainConfig,
    private readonly folder: string,
  ) {
    writeTokenizer(folder, vocabularyTexts(config), config.vocabularySize)
    this.tokenizer = Tokenizer.load(folder)
    const modelConfig = modelConfigOf(config)
    this.model = new TrainableModel(modelConfig, initialValues(modelConfig, config.seed))
    this.#corpus = new PretrainCorpus(this.tokenizer, config)
    this.#parameters = new FlatParameters(this.model)
    this.#adamW = new AdamW(this.#parameters.size, config)
    this.#gradients = new Float32Array(this.#parameters.size)
  }

  /** Updates made so far. */
  get step(): number {
    return this.#step
  }

  /** Number of weights. */
  get size(): number {
    return this.#parameters.size
  }

  /** Makes the updates that are left, up to config.maxSteps. */
  async *[Symbol.asyncIterator](): AsyncGenerator<PretrainStep> {
    while (this.#step < this.config.maxSteps) {
      // Training waits for nothing outside: without this, timers and Ctrl-C would have no turn.
      await setImmediate()
      yield await this.#update()
    }
  }

  async #update(): Promise<PretrainStep> {
    const { batch, rows, targets } = this.#corpus.batch(this.#step)
    const recording = record(() => {
      const hidden = selectRows(this.model.forward(batch), rows)
      return [tf.mean(crossEntropy(this.model.logits(hidden), targets))]
    })
    const [loss] = await recording.outputs[0]!.data()
    const one = tf.scalar(1)
    const gradients = recording.gradients([one], this.#parameters.variables)
    one.dispose()
    this.#gradients.fill(0)
    await this.#parameters.addGradients(gradients, this.#gradients)
    const gradNorm = clipGradNorm(this.#gradients, this.config.maxGradNorm)
    if (!Number.isFinite(gradNorm)) {
      throw new GrpoError(
        `the gradients of update ${this.#step + 1} are not finite (norm ${gradNorm}); try a lower learningRate`,
      )
    }
    const learningRate = pretrainLearningRate(this.#step, this.config)
    const values = await this.#parameters.read()
    this.#adamW.step(values, this.#gradients, learningRate)
    this.#parameters.write(values)
    this.#step++
    return { step: this.#step, loss: loss!, gradNorm, learningRate, tokens: batch.tokenIds.length }
  }

  /** Writes config.json and model.safetensors (bfloat16) beside the tokenizer. */
  saveModel(): void {
    this.model.save(this.folder)
  }

  /** Writes all that is needed to go on, into a folder of its own. */
  async saveState(folder: string): Promise<void> {
    fs.mkdirSync(folder, { recursive: true })
    const { step, m, v } = this.#adamW.state()
    const values = await this.#parameters.read()
    const vector = (name: string, data: Float32Array) => ({ name, dtype: 'F32' as const, shape: [data.length], data })
    writeSafetensors(path.join(folder, 'state.safetensors'), [
      vector('parameters', values),
      vector('adam.m', m),
      vector('adam.v', v),
    ])
    atomicWriteJson(path.join(folder, 'state.json'), { step, model: this.model.config.raw, seed: this.config.seed })
  }

  /**
   * Goes on from what {@link saveState} wrote.
   * @throws ConfigError when that was of a model of other sizes, or another seed
   */
  restoreState(folder: string): void {
    const state = JSON.parse(fs.readFileSync(path.join(folder, 'state.json'), 'utf8')) as {
      step: number
      model: unknown
      seed: number
    }
    if (JSON.stringify(state.model) !== JSON.stringify(this.model.config.raw) || state.seed !== this.config.seed) {
      throw new ConfigError(
        `${folder} was written by a run with other sizes of the model or another seed; continue with the options of that run`,
      )
    }
    const tensors = Safetensors.open(path.join(folder, 'state.safetensors'))
    try {
      this.#parameters.write(tensors.readFloat32('parameters'))
      this.#adamW.restore({ step: state.step, m: tensors.readFloat32('adam.m'), v: tensors.readFloat32('adam.v') })
    } finally {
      tensors.close()
    }
    this.#step = state.step
  }

  /** Frees the memory of model and optimizer. */
  dispose(): void {
    this.model.dispose()
  }
}

function modelConfigOf(config: PretrainConfig): ModelConfig {
  return parseModelConfig(
    {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: config.vocabularySize,
      hidden_size: config.hiddenSize,
      intermediate_size: config.intermediateSize,
      num_hidden_layers: config.numLayers,
      num_attention_heads: config.numHeads,
      num_key_value_heads: config.numKeyValueHeads,
      max_position_embeddings: config.maxPositions,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      tie_word_embeddings: true,
      hidden_act: 'silu',
      eos_token_id: END_TOKEN_ID,
      pad_token_id: END_TOKEN_ID,
      torch_dtype: 'bfloat16',
    },
    'config.json',
  )
}

/** Number of weights of a model with these options. */
export function countParameters(config: PretrainConfig): number {
  return [...expectedTensors(modelConfigOf(config)).values()].reduce(
    (sum, shape) => sum + shape.reduce((product, length) => product * length, 1),
    0,
  )
}
