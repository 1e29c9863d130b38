import { canKeep } from '../../engine/engine.js'
import { EngineError } from '../../errors.js'
import { gibibytes, mebibytes } from '../../io/units.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { Task } from '../../tasks/task.js'
import type { GRPOConfig } from '../config/config.js'

/** Bytes of a process that has loaded Node, tfjs and a tokenizer and has a heap of JavaScript objects in use. */
const PROCESS_BYTES = 330 * 2 ** 20
/** Of the tensors at their peak, what lies idle between blocks in use. */
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
  /** The whole process. */
  readonly process: number
}

/**
 * Forecasts the memory of a training run: what its longest completions would need, so that a run whose completions end early
 * stays below it.
 */
export function memoryForecast(
  policy: CausalLM,
  /** Tokens of each prompt of a generation batch, or of as many as are known: the longest counts. */
  promptLengths: readonly number[],
  config: GRPOConfig,
): MemoryForecast {
  const { numGenerations, generationBatchSize, maxCompletionLength, perDeviceTrainBatchSize: rows } = config
  const promptTokens = promptLengths.reduce((max, length) => Math.max(max, length), 1)
  const prompts = generationBatchSize / numGenerations
  const { trained, sampling, activations, keptPerToken } = policy.engineModel.forecast({
    promptTokens,
    prompts,
    numGenerations,
    maxCompletionLength,
    rows,
    maxTokens: config.maxTokensPerPass,
  })
  const weights = policy.engineModel.weightBytes
  const optimizer = OPTIMIZER_VECTORS * 4 * (policy.trained?.parameters.values.length ?? 0)
  const without = weights + trained + Math.max(sampling, activations)
  const available = policy.engine.memory().available
  const keptTokens =
    keptPerToken === null || !canKeep(policy.engine.info)
      ? 0
      : tokensToKeep(promptTokens, config, { tensors: without, optimizer, keptPerToken, available })
  const kept = keptTokens * (keptPerToken ?? 0)
  const tensors = without + kept
  return {
    weights,
    trained,
    sampling,
    activations,
    optimizer,
    kept,
    keptTokens,
    tensors,
    process: processBytes(tensors, optimizer),
  }
}

function processBytes(tensors: number, optimizer: number): number {
  return PROCESS_BYTES + optimizer + tensors * (1 + FRAGMENTATION)
}

/** Tokens of a generation batch for which there is room to keep their projections; the result of a run does not depend on it. */
function tokensToKeep(
  promptTokens: number,
  config: GRPOConfig,
  bytes: {
    /** Of all other tensors. */
    readonly tensors: number
    readonly optimizer: number
    readonly keptPerToken: number
    readonly available: number
  },
): number {
  const rounds = config.dynamicSampling ? config.maxNumGenBatches : 1
  const { generationBatchSize, numGenerations, maxCompletionLength } = config
  const wanted =
    rounds * ((generationBatchSize / numGenerations) * promptTokens + generationBatchSize * (maxCompletionLength - 1))
  const room = Math.min(
    KEPT_BYTES,
    KEPT_LIMIT - bytes.tensors,
    (KEPT_SHARE * bytes.available - processBytes(bytes.tensors, bytes.optimizer)) / (1 + FRAGMENTATION),
  )
  return Math.max(0, Math.min(wanted, Math.floor(room / bytes.keptPerToken)))
}

/** Tokens of the prompts of a task's first problems. */
export function promptLengths(policy: CausalLM, task: Task): number[] {
  return task.problems.slice(0, MEASURED_PROMPTS).map((problem) => task.prompt(problem, policy.tokenizer).ids.length)
}

/**
 * Refuses a run that will not fit.
 * @throws EngineError that names the parts and what to make smaller
 */
export function checkMemory(
  forecast: MemoryForecast,
  /** Bytes that all tensors, and that this process may take. */
  { tensorLimit, available }: { readonly tensorLimit: number; readonly available: number },
): void {
  const { tensors, process: total } = forecast
  if (tensors <= tensorLimit && total <= available) return
  const limit =
    tensors > tensorLimit
      ? `needs ${gibibytes(tensors)} of tensors, more than the ${gibibytes(tensorLimit)} that the engine can hold`
      : `needs ${gibibytes(total)}, more than the ${gibibytes(available)} that this process may take`
  throw new EngineError(`this run ${limit} (${describeMemory(forecast)}); ${advice(forecast)}`)
}

function advice({ weights, trained, optimizer, sampling, activations, tensors }: MemoryForecast): string {
  if (trained + optimizer > (tensors + optimizer) / 2) {
    return 'train a LoRA adapter instead of all weights (model.withLora(), use_peft), a smaller one, or take a smaller model'
  }
  if (weights > tensors / 2) return 'take a smaller model'
  return activations >= sampling
    ? 'set a smaller maxTokensPerPass or maxCompletionLength'
    : 'set a smaller maxCompletionLength or shorten the prompts'
}

/** `program 0.32 GiB, weights 0.26 GiB, trained 5 MiB, …` */
export function describeMemory({ weights, trained, optimizer, sampling, activations, kept }: MemoryForecast): string {
  const parts = { program: PROCESS_BYTES, weights, trained, optimizer, sampling, activations, kept }
  return Object.entries(parts)
    .map(([name, bytes]) => `${name} ${bytes < 2 ** 30 / 10 ? mebibytes(bytes) : gibibytes(bytes)}`)
    .join(', ')
}
