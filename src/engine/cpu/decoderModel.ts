import * as tf from '../../bundled/tfjs.js'
import { BackendError, ConfigError } from '../../errors.js'
import type { LoraAdapter } from '../../model/lora.js'
import { linear } from '../../ops/linear.js'
import { selectRows } from '../../ops/selectRows.js'
import { tokenLogProbs } from '../../ops/tokenLogProbs.js'
import type { TokenLogProbs } from '../../ops/tokenLogProbs.js'
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
import type { Completion, SamplingOptions } from '../sampling.js'
import { maximumTokens } from './activations.js'
import { decode } from './decoder.js'
import type { DecoderWeights, ForwardOptions } from './decoder.js'
import { forecastWorkload } from './forecast.js'
import { generateCompletions } from './generate.js'
import { KeptProjections } from './keptProjections.js'
import { disposeWeights, weightBytes } from './loadWeights.js'
import { LoraTensors } from './loraTensors.js'
import type { PackedBatch, PackedGroups } from './packedBatch.js'
import { recordTokens, tokenValues } from './tokenValues.js'

/** A decoder as tensors of tfjs: frozen weights and perhaps an adapter. */
export class DecoderModel implements EngineModel {
  /** Null while nothing is to be kept. */
  #kept: KeptProjections | null = null

  constructor(
    private readonly source: ModelSource,
    private readonly weights: DecoderWeights,
    /** tfjs's name of the backend whose layout the weights have. */
    private readonly backend: string,
    readonly lora: LoraTensors | null = null,
  ) {}

  get weightBytes(): number {
    return weightBytes(this.weights)
  }

  withAdapter(adapter: LoraAdapter): DecoderModel {
    return new DecoderModel(this.source, this.weights, this.backend, new LoraTensors(adapter))
  }

  generate(prompts: readonly TokenIds[], options: SamplingOptions): Promise<Completion[][]> {
    this.lora?.refresh()
    const { config, tokenizer, eosTokenIds } = this.source
    const sampler = {
      config,
      tokenizer,
      eosTokenIds,
      forward: (batch: PackedBatch, forwardOptions: ForwardOptions) => this.forward(batch, forwardOptions),
      logits: (hidden: tf.Tensor2D) => this.logits(hidden),
    }
    return generateCompletions(sampler, prompts, options, options.keep ? this.#kept : null)
  }

  values(rows: readonly EngineRow[], options: ValuesOptions): Promise<TokenValues> {
    const lora = options.reference ? null : this.lora
    lora?.refresh()
    return tokenValues((packed, temperature, forward) => this.#values(packed, temperature, forward, lora), rows, {
      ...options,
      maxTokens: options.maxTokens ?? this.#maximumTokens(),
    })
  }

  record(rows: readonly EngineRow[], options: RecordOptions): Promise<Recording> {
    const { lora } = this
    if (!lora) throw new ConfigError('there is no adapter to differentiate by; make one with model.withLora()')
    lora.refresh()
    return recordTokens(
      (packed, temperature, forward) => this.#values(packed, temperature, forward, lora),
      rows,
      lora.variables,
      {
        ...options,
        maxTokens: options.maxTokens ?? this.#maximumTokens(),
        kept: options.asSampled && !options.dropout ? this.#kept : null,
      },
    )
  }

  forecast(workload: Workload): WorkloadMemory {
    return forecastWorkload(this.source.config, this.lora?.adapter ?? null, workload)
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
    this.stopKeeping()
    if (this.lora) this.lora.dispose()
    else disposeWeights(this.weights)
  }

  /** Hidden states after the final norm. */
  forward(batch: PackedBatch, options: ForwardOptions = {}, lora = this.lora): tf.Tensor2D /* [N, hidden] */ {
    if (tf.getBackend() !== this.backend) {
      throw new BackendError(
        `the model was loaded on the backend ${this.backend}, but ${tf.getBackend()} is selected now; ` +
          'select the engine first, then load the model',
      )
    }
    return decode(this.source.config, this.weights, lora, batch, options)
  }

  /** Logits of the next token for some hidden states. */
  logits(hidden: tf.Tensor2D /* [n, hidden] */): tf.Tensor2D /* [n, V] */ {
    return linear(hidden, this.weights.outputHead, null, null)
  }

  /** Log-probability (nats) of a target after each hidden state, and the entropy of its distribution, at a temperature. */
  tokenLogProbs(
    hidden: tf.Tensor2D, // [n, hidden]
    targets: Int32Array, // [n]
    temperature: number,
  ): TokenLogProbs {
    return tokenLogProbs(hidden, this.weights.outputHead, targets, temperature)
  }

  #values(
    { batch, rows, targets }: PackedGroups,
    temperature: number,
    options: ForwardOptions,
    lora: LoraTensors | null,
  ): [tf.Tensor1D, tf.Tensor1D] /* log-probabilities and entropies, each [n] */ {
    const hidden = selectRows(this.forward(batch, options, lora), rows)
    const { logProbs, entropies } = this.tokenLogProbs(hidden, targets, temperature)
    return [logProbs, entropies]
  }

  #maximumTokens(): number {
    return maximumTokens({ config: this.source.config, adapter: this.lora?.adapter ?? null })
  }
}
