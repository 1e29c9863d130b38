import * as tf from '../../bundled/tfjs.js'
import { CpuBackend } from '../../backend/cpu/backend.js'
import { EngineError } from '../../errors.js'
import type { LoraAdapter } from '../../model/lora.js'
import type { ModelParameters } from '../../model/modelParameters.js'
import { linear } from '../../ops/linear.js'
import { selectRows } from '../../ops/selectRows.js'
import { tokenLogProbs } from '../../ops/tokenLogProbs.js'
import type { KnownTokenLogProbs, TokenLogProbs } from '../../ops/tokenLogProbs.js'
import type {
  EngineModel,
  EngineRow,
  ModelSource,
  RecordOptions,
  Recording,
  TokenIds,
  TokenValues,
  ValuesOptions,
  Workload,
  WorkloadMemory,
} from '../engine.js'
import { disposedModel, nothingTrained } from '../modelErrors.js'
import type { Completion, SamplingOptions } from '../sampling.js'
import { maximumTokens } from './activations.js'
import { decode } from './decoder.js'
import type { DecoderWeights, ForwardOptions } from './decoder.js'
import { DecodingPlan } from './decodingPlan.js'
import { forecastWorkload } from './forecast.js'
import { generateCompletions } from './generate.js'
import { KeptProjections } from './keptProjections.js'
import { disposeWeights, outsideBytes, weightBytes } from './loadWeights.js'
import { LoraTensors } from './loraTensors.js'
import type { PackedBatch, PackedGroups } from './packedBatch.js'
import { recordTokens, tokenValues } from './tokenValues.js'
import { TensorSteps } from './samplingSteps.js'
import type { SamplingSteps } from './samplingSteps.js'
import { WeightTensors } from './weightTensors.js'

/** A decoder as tensors of tfjs: frozen weights, and perhaps an adapter or other weights that are trained. */
export class DecoderModel implements EngineModel {
  /** Null while nothing is to be kept. */
  #kept: KeptProjections | null = null
  #isDisposed = false

  constructor(
    private readonly source: Pick<ModelSource, 'config' | 'tokenizer' | 'eosTokenIds'>,
    private readonly weights: DecoderWeights,
    /** tfjs's name of the backend whose layout the weights have. */
    private readonly backend: string,
    /** What is trained. */
    readonly trained: LoraTensors | WeightTensors | null = null,
  ) {}

  /** The adapter; null where there is none. */
  get lora(): LoraTensors | null {
    return this.trained instanceof LoraTensors ? this.trained : null
  }

  get weightBytes(): number {
    return weightBytes(this.weights)
  }

  get outsideBytes(): number {
    const backend = tf.findBackend(this.backend)
    return backend instanceof CpuBackend ? outsideBytes(backend, this.weights) : 0
  }

  withAdapter(adapter: LoraAdapter): DecoderModel {
    return new DecoderModel(this.source, this.weights, this.backend, new LoraTensors(adapter))
  }

  withParameters(parameters: ModelParameters): DecoderModel {
    return new DecoderModel(this.source, this.weights, this.backend, new WeightTensors(parameters))
  }

  generate(prompts: readonly TokenIds[], options: SamplingOptions): Promise<Completion[][]> {
    this.trained?.refresh()
    const { config, tokenizer, eosTokenIds } = this.source
    const sampler = {
      config,
      tokenizer,
      eosTokenIds,
      startSteps: (slots: number, kept: KeptProjections | null) => this.startSteps(slots, kept),
    }
    return generateCompletions(sampler, prompts, options, options.keep ? this.#kept : null)
  }

  values(rows: readonly EngineRow[], options: ValuesOptions): Promise<TokenValues> {
    const model = options.reference ? this.#reference : this
    return tokenValues((...args) => model.packedValues(...args), rows, {
      ...options,
      maxTokens: options.maxTokens ?? this.#maximumTokens(),
    })
  }

  record(rows: readonly EngineRow[], options: RecordOptions): Promise<Recording> {
    if (!this.trained) throw nothingTrained()
    return recordTokens((...args) => this.packedValues(...args), rows, this.trained.variables, {
      ...options,
      maxTokens: options.maxTokens ?? this.#maximumTokens(),
      kept: options.asSampled && !options.dropout ? this.#kept : null,
    })
  }

  forecast(workload: Workload): WorkloadMemory {
    return forecastWorkload(this.source.config, this.trained?.parameters ?? null, workload)
  }

  /** What sampling keeps for training; null while nothing is to be kept. */
  get kept(): KeptProjections | null {
    return this.#kept
  }

  startKeeping(tokens: number): void {
    this.stopKeeping()
    if (tokens > 0) this.#kept = new KeptProjections(this.source.config, tokens)
  }

  stopKeeping(): void {
    this.#kept?.dispose()
    this.#kept = null
  }

  dispose(): void {
    this.#isDisposed = true
    this.stopKeeping()
    if (this.trained) this.trained.dispose()
    else disposeWeights(this.weights)
  }

  /** The model without what is trained. */
  get #reference(): DecoderModel {
    return this.trained ? new DecoderModel(this.source, this.weights, this.backend) : this
  }

  /** The weights that a pass computes with. */
  get #used(): DecoderWeights {
    return this.trained instanceof WeightTensors ? this.trained.weights : this.weights
  }

  /** Starts to compute the steps of sampling, over a cache of so many slots. */
  startSteps(slots: number, kept: KeptProjections | null): SamplingSteps {
    this.#check()
    const { config } = this.source
    const backend = tf.backend()
    if (!(backend instanceof CpuBackend)) return new TensorSteps(this, config, slots, kept)
    return new DecodingPlan(backend, config, this.#used, this.lora, slots, kept, () => {
      this.#check()
    })
  }

  /** Throws an EngineError when the model cannot compute. */
  #check(): void {
    if (this.#isDisposed) throw disposedModel()
    if (tf.getBackend() !== this.backend) {
      throw new EngineError(
        `the model was loaded on the backend ${this.backend}, but ${tf.getBackend()} is selected now; ` +
          'select the engine first, then load the model',
      )
    }
  }

  /** Hidden states after the final norm. */
  forward(batch: PackedBatch, options: ForwardOptions = {}): tf.Tensor2D /* [N, hidden] */ {
    this.#check()
    return decode(this.source.config, this.#used, this.lora, batch, options)
  }

  /** Logits of the next token for some hidden states. */
  logits(hidden: tf.Tensor2D /* [n, hidden] */): tf.Tensor2D /* [n, V] */ {
    return linear(hidden, this.#used.outputHead, null, null)
  }

  /** Log-probability (nats) of a target after each hidden state, and the entropy of its distribution, at a temperature. */
  tokenLogProbs(
    hidden: tf.Tensor2D, // [n, hidden]
    targets: Int32Array, // [n]
    temperature: number,
    known: KnownTokenLogProbs | null = null,
  ): TokenLogProbs {
    return tokenLogProbs(hidden, this.#used.outputHead, targets, temperature, known)
  }

  /** Log-probabilities and entropies, each [n], of the targets of packed groups. */
  packedValues(
    { batch, rows, targets }: Pick<PackedGroups, 'batch' | 'rows' | 'targets'>,
    temperature: number,
    { known = null, ...options }: ForwardOptions & { known?: KnownTokenLogProbs | null } = {},
  ): [tf.Tensor1D, tf.Tensor1D] {
    this.trained?.refresh()
    const hidden = selectRows(this.forward(batch, options), rows)
    const { logProbs, entropies } = this.tokenLogProbs(hidden, targets, temperature, known)
    return [logProbs, entropies]
  }

  #maximumTokens(): number {
    return maximumTokens({ config: this.source.config, adapter: this.lora?.parameters ?? null })
  }
}
