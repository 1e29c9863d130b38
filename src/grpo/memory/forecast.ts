import { canKeep, hasOwnMemory } from '../../engine/engine.js'
import type { WorkloadMemory } from '../../engine/engine.js'
import { memorySize } from '../../io/units.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { fewerBits } from '../../policy/fewerBits.js'
import type { Task } from '../../tasks/task.js'
import type { GRPOConfig } from '../config/config.js'

/** Bytes of a process that has loaded Node, tfjs and a tokenizer and has a heap of JavaScript objects in use. */
const PROCESS_BYTES = 330 * 2 ** 20
/** Of the tensors at their peak, what lies idle between blocks in use; not of those outside. */
const FRAGMENTATION = 0.05
/** Float32 vectors of the adapter's size that the optimizer keeps: values, gradients and the two moments. */
const OPTIMIZER_VECTORS = 4

/** Most bytes for what sampling computed and training needs again. */
const KEPT_BYTES = 2 ** 30
/** Bytes of all tensors that it may lead to: a run of a small model leaves room for other programs on a laptop. */
const KEPT_LIMIT = 1.8 * 2 ** 30
/** Of all memory that a run may take, what it may come to with that. */
const KEPT_SHARE = 0.7

/** Problems whose prompts are measured: enough to meet the long ones of most data sets, few enough to take no time. */
const MEASURED_PROMPTS = 200

/** What a run will need at its peak, in bytes. */
export interface MemoryForecast {
  /** The frozen weights, as wide as they are kept. */
  readonly weights: number
  /** What they are kept in, in words: `bfloat16`, `int4, groups of 32, embeddings int8`. */
  readonly weightFormat: string
  /** What would make them smaller, in words; null where nothing would. */
  readonly fewerBits: string | null
  /** What is trained, as tensors: matrices, their packed copies and one gradient of each. */
  readonly trained: number
  /** Keys and values of the completions that are sampled together, and their logits. */
  readonly sampling: number
  /** Activations of the longest training pass, kept for the gradient, and what the gradient of a layer takes. */
  readonly activations: number
  /** Vectors of the optimizer; not tensors. */
  readonly optimizer: number
  /** What sampling computes and training needs again: as much of it as fits. */
  readonly kept: number
  /** Tokens of which that is kept. */
  readonly keptTokens: number
  /** The most that all tensors take at one time: sampling and training take turns. */
  readonly tensors: number
  /** The part of them that the engine's `tensorLimit` does not count: large weights beside the other tensors. */
  readonly outside: number
  /** The part of them that lies in the memory of a device; null where that is the memory of the process. */
  readonly device: number | null
  /** The whole process; without the tensors where they lie on a device. */
  readonly process: number
}

/**
 * Forecasts the memory of a training run: what its longest completions would need, so that a run whose completions end early
 * stays below it. An engine that compiles its programs knows it when they are.
 */
export function memoryForecast(
  policy: CausalLM,
  /** Tokens of each prompt of a generation batch, or of as many as are known: the longest counts. */
  promptLengths: readonly number[],
  config: GRPOConfig,
): MemoryForecast | Promise<MemoryForecast> {
  const { numGenerations, generationBatchSize, maxCompletionLength, perDeviceTrainBatchSize: rows } = config
  const promptTokens = promptLengths.reduce((max, length) => Math.max(max, length), 1)
  const workload = policy.engineModel.forecast({
    promptTokens,
    prompts: generationBatchSize / numGenerations,
    numGenerations,
    maxCompletionLength,
    rows,
    maxTokens: config.maxTokensPerPass,
    drawing: config,
  })
  return whenKnown(workload, (memory) => forecastOf(policy, promptTokens, config, memory))
}

/** What is made of a value that may only be known later. */
export function whenKnown<T, U>(value: T | Promise<T>, use: (value: T) => U): U | Promise<U> {
  return value instanceof Promise ? value.then(use) : use(value)
}

/** The forecast of a run from what its largest step takes on the engine. */
function forecastOf(
  policy: CausalLM,
  promptTokens: number, // of the longest prompt
  config: GRPOConfig,
  { trained, sampling, activations, keptPerToken }: WorkloadMemory,
): MemoryForecast {
  const { engine } = policy
  const { weightBytes: weights, outsideBytes: outside } = policy.engineModel
  const { weightFormat } = policy
  // All weights are trained in float32.
  const smaller = policy.trained && !policy.adapter ? null : fewerBits(policy, engine.info)
  const optimizer = OPTIMIZER_VECTORS * 4 * (policy.trained?.parameters.values.length ?? 0)
  const without = weights + trained + Math.max(sampling, activations)
  const { available } = engine.memory()
  const keptTokens =
    keptPerToken === null || !canKeep(engine.info)
      ? 0
      : tokensToKeep(promptTokens, config, { tensors: without, outside, optimizer, keptPerToken, available })
  const kept = keptTokens * (keptPerToken ?? 0)
  const tensors = without + kept
  const device = hasOwnMemory(engine.info) ? tensors : null
  const process = processBytes({ tensors: device === null ? tensors : 0, outside, optimizer })
  return {
    weights,
    weightFormat,
    fewerBits: smaller,
    trained,
    sampling,
    activations,
    optimizer,
    kept,
    keptTokens,
    tensors,
    outside,
    device,
    process,
  }
}

function processBytes({ tensors, outside, optimizer }: ProcessTensors): number {
  return PROCESS_BYTES + optimizer + tensors + FRAGMENTATION * (tensors - outside)
}

/** Bytes in the memory of the process. */
interface ProcessTensors {
  readonly tensors: number
  /** Of these, those outside. */
  readonly outside: number
  readonly optimizer: number
}

/** Tokens of a generation batch for which there is room to keep their projections; the result of a run does not depend on it. */
function tokensToKeep(
  promptTokens: number,
  config: GRPOConfig,
  /** Of all other tensors, of a token that is kept, and of all memory that the process may take. */
  bytes: ProcessTensors & { readonly keptPerToken: number; readonly available: number },
): number {
  const rounds = config.dynamicSampling ? config.maxNumGenBatches : 1
  const { generationBatchSize, numGenerations, maxCompletionLength } = config
  const wanted =
    rounds * ((generationBatchSize / numGenerations) * promptTokens + generationBatchSize * (maxCompletionLength - 1))
  const room = Math.min(
    KEPT_BYTES,
    KEPT_LIMIT - bytes.tensors,
    (KEPT_SHARE * bytes.available - processBytes(bytes)) / (1 + FRAGMENTATION),
  )
  return Math.max(0, Math.min(wanted, Math.floor(room / bytes.keptPerToken)))
}

/** Tokens of the prompts of a task's first problems. */
export function promptLengths(policy: CausalLM, task: Task): number[] {
  return task.problems.slice(0, MEASURED_PROMPTS).map((problem) => task.prompt(problem, policy.tokenizer).ids.length)
}

/** `program 0.32 GiB, weights 0.26 GiB (int4), trained 5 MiB, …` */
export function describeMemory(forecast: MemoryForecast): string {
  const { weights, weightFormat, trained, optimizer, sampling, activations, kept } = forecast
  const parts = { program: PROCESS_BYTES, weights, trained, optimizer, sampling, activations, kept }
  // Of the format the first word.
  const format = /^[^ ,]*/.exec(weightFormat)![0]
  return Object.entries(parts)
    .map(([name, bytes]) => `${name} ${memorySize(bytes)}${name === 'weights' ? ` (${format})` : ''}`)
    .join(', ')
}
