import { setImmediate } from 'node:timers/promises'
import * as tf from '../bundled/tfjs.js'
import { ConfigError, FileFormatError, GrpoError } from '../errors.js'
import { AdamW } from '../optim/adamW.js'
import { clipGradNorm } from '../optim/clipGradNorm.js'
import { FlatParameters } from './flatParameters.js'
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
import { removeOldCheckpoints, restoreNewestCheckpoint, writeCheckpointFolder } from '../run/checkpointFolders.js'
import type { FilePositions } from '../run/growingFiles.js'
import { readState, requiredFiles, writeState } from './stateFiles.js'
import type { PretrainState } from './stateFiles.js'
import { PretrainCorpus, vocabularyTexts } from './corpus.js'
import { END_TOKEN_ID, writeTokenizer } from './tokenizerFiles.js'

/** The newest, and one more in case that it gets damaged. */
const KEPT_CHECKPOINTS = 2

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

  /**
   * Saves all that is needed to go on as `checkpoints/step-N` of a run, with the lengths of its files. The newest two are kept.
   * Throws a GrpoError when the operating system refuses.
   */
  async saveState(outputDir: string, files: FilePositions): Promise<void> {
    const { step, m, v } = this.#adamW.state()
    const parameters = await this.#parameters.read()
    const state = { step, model: this.model.config.raw, seed: this.config.seed, files, parameters, m, v }
    writeCheckpointFolder(outputDir, step, (folder) => {
      writeState(folder, state)
    })
    removeOldCheckpoints(outputDir, KEPT_CHECKPOINTS, [])
  }

  /**
   * Goes on from the newest checkpoint of a run that is whole; damaged ones that are newer are told as warnings.
   * @returns the lengths that the run's files had, null when that is not known; undefined when there is no checkpoint
   * @throws ConfigError when it is of a model of other sizes, or another seed; FileFormatError when no checkpoint is whole
   */
  restoreState(outputDir: string, onWarning: (message: string) => void): FilePositions | null | undefined {
    const restored = restoreNewestCheckpoint(
      outputDir,
      requiredFiles,
      (checkpoint) => {
        const state = readState(checkpoint)
        this.#restore(state, checkpoint.folder)
        return { files: state.files }
      },
      onWarning,
    )
    return restored?.files
  }

  #restore({ step, model, seed, parameters, m, v }: PretrainState, folder: string): void {
    if (JSON.stringify(model) !== JSON.stringify(this.model.config.raw) || seed !== this.config.seed) {
      throw new ConfigError(
        `${folder} was written by a run with other sizes of the model or another seed; continue with the options of that run`,
      )
    }
    for (const { length } of [parameters, m, v]) {
      if (length === this.size) continue
      throw new FileFormatError(folder, `holds ${length} numbers for the ${this.size} weights of the model`)
    }
    this.#parameters.write(parameters)
    this.#adamW.restore({ step, m, v })
    this.#step = step
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
