/**
 * What samples from a model and differentiates it. Everything above speaks to these interfaces; the cpu engine is in cpu/, and
 * registry.ts knows all of them.
 */
import type { ModelConfig } from '../model/config.js'
import type { LoraAdapter } from '../model/lora.js'
import type { ModelParameters } from '../model/modelParameters.js'
import type { LoadProgress } from '../model/weights/forEachTensor.js'
import type { ModelWeights } from '../model/weights/modelWeights.js'
import type { WeightDtype } from '../model/weights/weightDtype.js'
import type { Tokenizer } from '../text/tokenizer.js'
import type { DeviceKind } from '../xla/devices.js'
import type { CompileListener } from '../xla/runtime/runner.js'
import type { Completion, SamplingOptions } from './sampling.js'
import type { SamplingSettings } from './samplingSettings.js'

/** Tokens by their numbers in the vocabulary. */
export type TokenIds = readonly number[]

/** The number format of weights and activations. */
export type Precision = 'float32' | 'bfloat16' | 'float16'

/** All of them, as `--precision` names them. */
export const precisions = ['float32', 'bfloat16', 'float16'] as const satisfies readonly Precision[]

/** What an engine is and can do. */
export interface EngineInfo {
  /** As in `--engine`. */
  readonly name: string
  /** What computes, in a sentence. */
  readonly description: string
  /** Kind of the device that it computes on: `cpu`, which has the memory of the process, or `cuda`, `rocm`, `tpu` with their own. */
  readonly device: string
  /** Of weights and activations. */
  readonly precision: Precision
  /** Whether a row's results are the same bits whatever is computed with it. */
  readonly isBatchInvariant: boolean
  /**
   * Most nats by which a token's log-probability may differ between sampling and training: what sampling recorded is then taken as
   * the old log-probabilities, and a step with a larger difference ends the run, for that is a defect. Null where both are computed
   * otherwise, such as with merged weights in bfloat16: the old ones are computed anew, and the loss is corrected by importance
   * sampling (`vllmImportanceSamplingCorrection`).
   */
  readonly samplingTolerance: number | null
  /**
   * Differences to expect where samplingTolerance is null; what goes beyond is shown and warned of. Null where there is a
   * tolerance, or where nobody knows.
   */
  readonly expectedDifference: SamplingDifference | null
  /** Whether programs are compiled when sizes are first met, so that the first call of a kind takes longer than those after it. */
  readonly isCompiled: boolean
  /** Whether matrices that are quantised stay so in its memory; elsewhere they become float32 when they are loaded. */
  readonly keepsQuantized: boolean
  /** Bytes that all tensors together can take, those of {@link EngineModel.outsideBytes} apart. */
  readonly tensorLimit: number
  /**
   * Bytes from which on a frozen matrix lies beside the other tensors in the memory of the process, where `tensorLimit` does not count
   * it; Infinity where all of them count.
   */
  readonly outsideFrom: number
  /** Why no matrix does, where that could be otherwise; null elsewhere. */
  readonly limitReason: string | null
  /** Sizes that decide the order of sums, and so belong to what a run is: see {@link EngineBudgets}. */
  readonly budgets: EngineBudgets
}

/** How far the log-probabilities of sampling are from those of training, in nats a token. */
export interface SamplingDifference {
  /** Of all tokens of a batch. */
  readonly mean: number
  /** The largest of a batch. */
  readonly max: number
}

/** Whether training may take over what sampling computed (see {@link EngineModel.startKeeping}): only where it would compute the same bits. */
export function canKeep({ isBatchInvariant, samplingTolerance }: EngineInfo): boolean {
  return isBatchInvariant && samplingTolerance !== null
}

/** Whether tensors lie in the memory of a device, and not in that of the process. */
export function hasOwnMemory({ device }: Pick<EngineInfo, 'device'>): boolean {
  return device !== 'cpu'
}

/** How much an engine computes at one time. On an engine that is batch-invariant a run is continued only where they are the same. */
export interface EngineBudgets {
  /** Completions that are decoded together. */
  readonly decodeRows: number
  /** Bytes of their logits. */
  readonly logitBytes: number
  /** Bytes of keys and values. */
  readonly cacheBytes: number
  /** Prompt tokens that are computed together. */
  readonly prefillTokens: number
  /** Bytes of activations that one forward pass may leave for its gradient. */
  readonly activationBytes: number
}

/** Bytes of memory. */
export interface MemoryUse {
  /** In tensors now: weights, what is trained, and whatever was not freed. */
  readonly used: number
  /** The most that tensors have taken; null where the engine does not know. */
  readonly peak: number | null
  /** What tensors may take on a device that has memory of its own; elsewhere what tensors and process may take together. */
  readonly available: number
}

/** How an engine is started. One that is asked for by its name refuses what it has no use for. */
export interface EngineOptions {
  /** Threads of the cpu engine. Defaults to null: the number of cores, or what it runs with. */
  threads?: number | null | undefined
  /** What the engines xla and tensorflow compute on. Defaults to auto: the first that works here, cpu the last. */
  device?: DeviceKind | 'auto' | undefined
  /**
   * What the engines xla and tensorflow compute in; sums, and what is trained, are float32 in any case. Defaults to auto: bfloat16
   * on cards that have it, float32 on CPUs.
   */
  precision?: Precision | 'auto' | undefined
  /** The engine xla tells of each program that it compiles and does not find on disk. Defaults to nobody. */
  onCompile?: CompileListener | undefined
}

/** What samples from a policy and differentiates it. */
export interface Engine {
  /** What it is and can do. */
  readonly info: EngineInfo
  /** Loads a model's weights, which are open until it is done. Throws FileFormatError, UnsupportedError, EngineError. */
  load(source: ModelSource, weights: ModelWeights): Promise<EngineModel>
  /** What it holds now, and what it could hold. */
  memory(): MemoryUse
  /** Frees its memory and ends its threads. */
  dispose(): Promise<void>
}

/** A model's folder and what is known of it. */
export interface ModelSource {
  /** In Hugging Face's layout. */
  readonly folder: string
  /** What config.json says. */
  readonly config: ModelConfig
  /** Null when the folder holds none. */
  readonly tokenizer: Tokenizer | null
  /** Tokens that end a completion. */
  readonly eosTokenIds: TokenIds
  /** What matrices are kept in. */
  readonly dtype: WeightDtype
  /** What that makes of them, in words: `bfloat16`, `int4, groups of 32, embeddings int8`, `NF4 (bitsandbytes)`. */
  readonly weightFormat: string
  /** Whether matrices are quantised, by their files or while they are loaded. */
  readonly isQuantized: boolean
  /** Told of each tensor that was read. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
}

/** A completion behind its prompt. The rows of a group share the very same array of ids for their prompt. */
export interface EngineRow {
  /** [P] tokens of the prompt. */
  readonly promptIds: TokenIds
  /** [L] tokens of the completion. */
  readonly completionIds: TokenIds
}

/** Values of the completion tokens of some rows, in nats, of softmax(logits / temperature). */
export interface TokenValues {
  /** [B][L] log π of each token. */
  readonly logProbs: readonly (readonly number[])[]
  /** [B][L] entropy of the distribution that each token was drawn from. */
  readonly entropies: readonly (readonly number[])[]
}

/** How values of tokens are computed. */
export interface ValuesOptions {
  /** Divides the logits. */
  readonly temperature: number
  /** The model without what is trained: without its adapter, or with the weights that it was loaded with. Defaults to false. */
  readonly reference?: boolean
  /** Most tokens that are computed together. Defaults to what the engine's budget allows. */
  readonly maxTokens?: number | null
  /** The adapter's dropout, as in a pass with gradient. Defaults to none. */
  readonly dropout?: RowDropout | null
}

/** How values of tokens are recorded for their gradient. */
export interface RecordOptions extends Omit<ValuesOptions, 'reference'> {
  /** The policy has not changed since the rows were sampled: what sampling kept of them can be used. Defaults to false. */
  readonly asSampled?: boolean
  /** Values that are known: rows that have to be computed in several passes are then computed once only. Defaults to none. */
  readonly known?: TokenValues | null
}

/** The dropout of a micro-batch, however its rows are cut and packed. */
export interface RowDropout {
  /** Of the micro-batch. */
  readonly key: number
  /** [B] Numbers of the rows in the micro-batch: completions with the same tokens lose different numbers. */
  readonly rowNumbers: readonly number[]
}

/** A forward pass whose gradient can be taken once. */
export interface Recording extends TokenValues {
  /**
   * Adds Σ dLogProb · ∂ log π + dEntropy · ∂ entropy with respect to what is trained to `sum`, and frees the recording.
   * @returns log π of each token as the pass computed it that was differentiated
   */
  gradient(
    dLogProbs: Float32Array, // [ΣL] row by row
    dEntropies: Float32Array | null, // [ΣL]
    sum: Float32Array, // [values] in the order of the parameters
  ): Promise<TokenValues['logProbs']>
  /** Frees a recording whose gradient is not wanted. */
  dispose(): void
}

/** The sizes of a step, at their largest. */
export interface Workload {
  /** Of the longest prompt. */
  readonly promptTokens: number
  /** Prompts that are sampled from together. */
  readonly prompts: number
  /** Completions of each. */
  readonly numGenerations: number
  /** Tokens of the longest completion. */
  readonly maxCompletionLength: number
  /** Completions that are trained on together. */
  readonly rows: number
  /** Most tokens of a training pass; null for what the engine's budget allows. */
  readonly maxTokens: number | null
  /** How completions are drawn: an engine that compiles its programs makes others for filters. Defaults to none. */
  readonly drawing?: DrawingSettings
}

/** How a token is drawn from its distribution. */
export type DrawingSettings = Pick<SamplingSettings, 'temperature' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty'>

/** Bytes that a workload takes at its peak. */
export interface WorkloadMemory {
  /** What is trained, as tensors: matrices, copies of them and one gradient of each. */
  readonly trained: number
  /** Keys and values of the completions that are sampled together, and their logits. */
  readonly sampling: number
  /** Activations of the longest training pass, kept for the gradient, and what the gradient of a layer takes. */
  readonly activations: number
  /** Of a token that sampling keeps for training; null where the engine keeps nothing. */
  readonly keptPerToken: number | null
}

/** A model on an engine, perhaps with something that is trained. */
export interface EngineModel {
  /** Bytes of the frozen weights, as wide as they are kept. */
  readonly weightBytes: number
  /** Bytes of frozen weights that lie beside the other tensors in the memory of the process: the engine's `tensorLimit` does not count them. */
  readonly outsideBytes: number
  /** The same frozen weights with an adapter, whose values are taken over anew whenever they have changed. */
  withAdapter(adapter: LoraAdapter): EngineModel
  /** The model with other weights, all of which are trained; their values are taken over anew whenever they have changed. */
  withParameters(parameters: ModelParameters): EngineModel
  /**
   * Completions of each prompt. A completion depends on seed, prompt and its number; on an engine that is batch-invariant on
   * nothing else.
   */
  generate(prompts: readonly TokenIds[], options: SamplingOptions): Promise<Completion[][]>
  /** Log-probabilities and entropies of every completion token of some rows. */
  values(rows: readonly EngineRow[], options: ValuesOptions): Promise<TokenValues>
  /** The same, recorded for the gradient with respect to what is trained. */
  record(rows: readonly EngineRow[], options: RecordOptions): Promise<Recording>
  /** What a step takes; an engine that compiles its programs knows it when they are. */
  forecast(workload: Workload): WorkloadMemory | Promise<WorkloadMemory>
  /** Makes room for what sampling with `keep` computes and training needs again, up to so many tokens; forgets what was kept. */
  startKeeping(tokens: number): void
  /** Frees that room. */
  stopKeeping(): void
  /** Frees the tensors of what is trained; of a model as it was loaded the weights. */
  dispose(): void
}
