import type { LoraAdapter } from '../../model/lora.js'
import type { ModelParameters } from '../../model/modelParameters.js'
import { listDecoder } from '../../xla/programs/decoderArrays.js'
import type { DecoderArrays } from '../../xla/programs/decoderArrays.js'
import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import type { DeviceArray } from '../../xla/runtime/runner.js'
import type {
  EngineBudgets,
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
import { disposedModel } from '../modelErrors.js'
import type { Completion, SamplingOptions } from '../sampling.js'
import { cacheShape, maximumTokens } from './budgets.js'
import { checkPrompt, checkRows } from './checkRows.js'
import { withScope } from './device.js'
import type { Device } from './device.js'
import { weightBytes } from './deviceWeights.js'
import { forecastWorkload } from './forecast.js'
import { generateCompletions } from './generate.js'
import { SamplingDecoder } from './samplingDecoder.js'
import type { SequenceModel } from './sequencePrograms.js'
import { recordTokens, tokenValues } from './tokenValues.js'
import type { Trained } from './trained.js'
import { TrainedAdapter } from './trainedAdapter.js'
import { TrainedWeights } from './trainedWeights.js'

/** What the models on the same weights share. */
export interface LoadedModel {
  readonly device: Device
  readonly source: ModelSource
  readonly model: ProgramModel
  readonly decoder: DecoderArrays<DeviceArray>
  readonly budgets: EngineBudgets
}

/** A decoder on a device of XLA: frozen weights, and perhaps an adapter or other weights that are trained. */
export class XlaModel implements EngineModel {
  readonly outsideBytes = 0
  readonly #sampled: SamplingDecoder
  #isDisposed = false

  constructor(
    private readonly loaded: LoadedModel,
    private readonly trained: Trained | null = null,
  ) {
    this.#sampled = new SamplingDecoder(loaded.device, loaded.model, loaded.decoder, trained)
  }

  get weightBytes(): number {
    return weightBytes(this.loaded.model)
  }

  withAdapter(adapter: LoraAdapter): XlaModel {
    return new XlaModel(this.loaded, new TrainedAdapter(this.loaded.device, adapter))
  }

  withParameters(parameters: ModelParameters): XlaModel {
    const { device, model } = this.loaded
    return new XlaModel(this.loaded, new TrainedWeights(device, parameters, model.weightType))
  }

  async generate(prompts: readonly TokenIds[], options: SamplingOptions): Promise<Completion[][]> {
    this.#check()
    if (prompts.length === 0) return []
    const { device, model, budgets, source } = this.loaded
    const { numGenerations = 1, maxCompletionLength } = options
    for (const promptIds of prompts) checkPrompt(model.config, promptIds, maxCompletionLength)
    const promptTokens = prompts.reduce((max, { length }) => Math.max(max, length), 1)
    const sizes = { prompts: prompts.length, promptTokens, numGenerations, maxCompletionLength }
    const rollout = {
      device,
      model,
      eosTokenIds: options.eosTokenIds ?? source.eosTokenIds,
      options,
      prefillTokens: budgets.prefillTokens,
      assertUsable: () => {
        this.#check()
      },
    }
    const shape = cacheShape(model.config, model.weightType, budgets, device.fewestTokens, sizes)
    return withScope(device, async (scope) => {
      const weights = await this.#sampled.weights(scope)
      return generateCompletions({ ...rollout, weights }, shape, source.tokenizer, prompts)
    })
  }

  async values(rows: readonly EngineRow[], options: ValuesOptions): Promise<TokenValues> {
    this.#check()
    checkRows(this.loaded.model.config, rows, options.temperature)
    return tokenValues(this.#sequences(options.reference ? null : this.trained), rows, {
      ...options,
      maxTokens: this.#tokensOfPass(options.maxTokens),
    })
  }

  async record(rows: readonly EngineRow[], options: RecordOptions): Promise<Recording> {
    this.#check()
    checkRows(this.loaded.model.config, rows, options.temperature)
    this.#sampled.free()
    const maxTokens = this.#tokensOfPass(options.maxTokens)
    return recordTokens(this.#sequences(this.trained), rows, { ...options, maxTokens })
  }

  forecast(workload: Workload): Promise<WorkloadMemory> {
    const { budgets, source } = this.loaded
    const maxTokens = this.#tokensOfPass(workload.maxTokens)
    const sequences = this.#sequences(this.trained)
    return forecastWorkload(sequences, budgets, { ...workload, maxTokens }, source.eosTokenIds)
  }

  /** Sampling and training are programs of their own: nothing is kept. */
  startKeeping(): void {
    this.#check()
  }

  stopKeeping(): void {
    // There is nothing.
  }

  dispose(): void {
    if (this.#isDisposed) return
    this.#isDisposed = true
    this.#sampled.dispose()
    if (this.trained) this.trained.dispose()
    else this.loaded.device.free(...listDecoder(this.loaded.decoder))
  }

  /** Places of a pass. Rows are filled up to the longest one, so that there is a limit also where nobody sets one. */
  #tokensOfPass(wanted: number | null | undefined): number {
    if (wanted != null && Number.isFinite(wanted)) return wanted
    return maximumTokens(this.loaded.model.config, this.loaded.budgets)
  }

  #sequences(trained: Trained | null): SequenceModel {
    const { device, model, decoder, budgets } = this.loaded
    return {
      device,
      model,
      decoder,
      trained,
      logitBytes: budgets.logitBytes,
    }
  }

  #check(): void {
    // A policy has its weights of the model that it was made of.
    if (!this.#isDisposed && this.loaded.decoder.finalNorm.isAlive) return
    throw disposedModel()
  }
}
