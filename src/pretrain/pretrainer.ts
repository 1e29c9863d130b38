import { setImmediate } from 'node:timers/promises'
import * as tf from '../bundled/tfjs.js'
import { ConfigError, FileFormatError, GrpoError } from '../errors.js'
import { AdamW } from '../optim/adamW.js'
import { clipGradNorm } from '../optim/clipGradNorm.js'
import { DecoderModel } from '../engine/cpu/decoderModel.js'
import { addGradients } from '../engine/cpu/tokenValues.js'
import { WeightTensors } from '../engine/cpu/weightTensors.js'
import { parseModelConfig } from '../model/config.js'
import type { ModelConfig } from '../model/config.js'
import { saveModel } from '../model/modelFolder.js'
import { initialParameters } from '../model/modelParameters.js'
import type { ModelParameters } from '../model/modelParameters.js'
import { record } from '../ops/gradients.js'
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
  /** All weights, in training. */
  readonly parameters: ModelParameters
  /** Its tokenizer, whose merges were learned from the corpus. */
  readonly tokenizer: Tokenizer
  readonly #corpus: PretrainCorpus
  readonly #tensors: WeightTensors
  readonly #model: DecoderModel
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
    const { tokenizer } = this
    const modelConfig = modelConfigOf(config)
    this.parameters = initialParameters(modelConfig, config.seed)
    this.#tensors = new WeightTensors(this.parameters)
    const source = { config: modelConfig, tokenizer, eosTokenIds: [END_TOKEN_ID] }
    this.#model = new DecoderModel(source, this.#tensors.weights, tf.getBackend(), this.#tensors)
    this.#corpus = new PretrainCorpus(tokenizer, config)
    this.#adamW = new AdamW(this.size, config)
    this.#gradients = new Float32Array(this.size)
  }

  /** Updates made so far. */
  get step(): number {
    return this.#step
  }

  /** Number of weights. */
  get size(): number {
    return this.parameters.values.length
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
    const packed = this.#corpus.batch(this.#step)
    const count = packed.targets.length
    const recording = record(() => this.#model.packedValues(packed, 1))
    const logProbs = await recording.outputs[0]!.data<'float32'>()
    // Of the mean of −log π.
    const dLogProbs = tf.fill([count], -1 / count)
    const { variables } = this.#tensors
    const gradients = recording.gradients([dLogProbs, null], variables)
    dLogProbs.dispose()
    this.#gradients.fill(0)
    addGradients(gradients, variables, this.#gradients)
    const gradNorm = clipGradNorm(this.#gradients, this.config.maxGradNorm)
    if (!Number.isFinite(gradNorm)) {
      throw new GrpoError(
        `the gradients of update ${this.#step + 1} are not finite (norm ${gradNorm}); try a lower learningRate`,
      )
    }
    const learningRate = pretrainLearningRate(this.#step, this.config)
    this.parameters.update((values) => {
      this.#adamW.step(values, this.#gradients, learningRate)
    })
    this.#step++
    const loss = -logProbs.reduce((sum, logProb) => sum + logProb, 0) / count
    return { step: this.#step, loss, gradNorm, learningRate, tokens: packed.batch.tokenIds.length }
  }

  /** Writes config.json and model.safetensors (bfloat16) beside the tokenizer. */
  saveModel(): void {
    saveModel(this.folder, this.parameters, { dtype: 'bfloat16' })
  }

  /**
   * Saves all that is needed to go on as `checkpoints/step-N` of a run, with the lengths of its files. The newest two are kept.
   * Throws a GrpoError when the operating system refuses.
   */
  saveState(outputDir: string, files: FilePositions): void {
    const { step, m, v } = this.#adamW.state()
    const { values, config } = this.parameters
    const state = { step, model: config.raw, seed: this.config.seed, files, parameters: values, m, v }
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
    if (JSON.stringify(model) !== JSON.stringify(this.parameters.config.raw) || seed !== this.config.seed) {
      throw new ConfigError(
        `${folder} was written by a run with other sizes of the model or another seed; continue with the options of that run`,
      )
    }
    for (const { length } of [parameters, m, v]) {
      if (length === this.size) continue
      throw new FileFormatError(folder, `holds ${length} numbers for the ${this.size} weights of the model`)
    }
    this.parameters.setValues(parameters)
    this.#adamW.restore({ step, m, v })
    this.#step = step
  }

  /** Frees the memory of model and optimizer. */
  dispose(): void {
    this.#tensors.dispose()
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
