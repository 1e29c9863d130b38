import os from 'node:os'
import { BackendError } from '../../errors.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { keptBytesPerToken } from '../../engine/cpu/keptProjections.js'
import { hasKernel } from '../../ops/kernel.js'
import { cacheBytesPerToken, cacheLayout } from '../../engine/cpu/cacheSlots.js'
import { PREFILL_TOKENS } from '../../engine/cpu/scheduler.js'
import type { Task } from '../../tasks/task.js'
import { activationBytesPerToken, maximumTokens } from '../../engine/cpu/activations.js'
import type { GRPOConfig } from '../config/config.js'

/** Bytes of tensors that the 32-bit WebAssembly memory of the cpu backend can hold. */
const TENSOR_LIMIT = 4 * 2 ** 30
/** Bytes of a process that has loaded Node, tfjs and a tokenizer and has a heap of JavaScript objects in use. */
const PROCESS_BYTES = 330 * 2 ** 20
/** Of the tensors at their peak, what lies idle between blocks in use. */
const FRAGMENTATION = 0.05
/** Float32 vectors of the adapter's size that the optimizer keeps: values, gradients and the two moments. */
const OPTIMIZER_VECTORS = 4

/** The block of logits that exists at one time; see backend/cpu/kernels/tokenLogProbs.ts. */
const LOGIT_ROWS = 1024
const LOGIT_COLUMNS = 2048

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
  /** LoRA matrices, their packed copies and one gradient of each. */
  readonly adapter: number
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
  const longestPrompt = promptLengths.reduce((max, length) => Math.max(max, length), 1)
  const parameters = policy.adapter?.parameters().reduce((sum, { variable }) => sum + variable.size, 0) ?? 0
  const weights = policy.weightBytes
  const adapter = 3 * 4 * parameters
  const optimizer = OPTIMIZER_VECTORS * 4 * parameters
  const sampling = samplingBytes(policy, longestPrompt, config)
  const activations = trainingBytes(policy, longestPrompt, config)
  const without = weights + adapter + Math.max(sampling, activations)
  // With dropout, training does not compute what sampling computed.
  const keptTokens = policy.adapter?.dropout
    ? 0
    : tokensToKeep(policy.config, longestPrompt, config, without, optimizer)
  const kept = keptTokens * keptBytesPerToken(policy.config)
  const tensors = without + kept
  return {
    ...{ weights, adapter, sampling, activations, optimizer, kept, keptTokens, tensors },
    process: processBytes(tensors, optimizer),
  }
}

function processBytes(tensors: number, optimizer: number): number {
  return PROCESS_BYTES + optimizer + tensors * (1 + FRAGMENTATION)
}

/** Tokens of a generation batch for which there is room to keep their projections; the result of a run does not depend on it. */
function tokensToKeep(
  model: CausalLM['config'],
  longestPrompt: number,
  config: GRPOConfig,
  tensors: number, // bytes of all others
  optimizer: number,
): number {
  // Elsewhere writing a row copies the whole table.
  if (!hasKernel('WriteRows')) return 0
  const rounds = config.dynamicSampling ? config.maxNumGenBatches : 1
  const { generationBatchSize, numGenerations, maxCompletionLength } = config
  const wanted =
    rounds * ((generationBatchSize / numGenerations) * longestPrompt + generationBatchSize * (maxCompletionLength - 1))
  const room = Math.min(
    KEPT_BYTES,
    KEPT_LIMIT - tensors,
    (KEPT_SHARE * availableMemory() - processBytes(tensors, optimizer)) / (1 + FRAGMENTATION),
  )
  return Math.max(0, Math.min(wanted, Math.floor(room / keptBytesPerToken(model))))
}

function samplingBytes({ config: model }: CausalLM, longestPrompt: number, config: GRPOConfig): number {
  const { numGenerations, maxCompletionLength, generationBatchSize } = config
  const prompts = new Array<number>(generationBatchSize / numGenerations).fill(longestPrompt)
  const { promptSlots, rows, rowSlots } = cacheLayout(model, prompts, numGenerations, maxCompletionLength)
  const cache = cacheBytesPerToken(model) * (promptSlots + rows * rowSlots)
  const logits = 4 * rows * model.vocabularySize
  const promptTokens = Math.min(prompts.length * longestPrompt, Math.max(PREFILL_TOKENS, longestPrompt))
  // Without a gradient the intermediate values of one layer exist at a time.
  const layer = (Math.max(promptTokens, rows) * activationBytesPerToken(model, null)) / model.numLayers
  return cache + Math.max(logits, layer)
}

function trainingBytes(policy: CausalLM, longestPrompt: number, config: GRPOConfig): number {
  const { config: model, adapter } = policy
  const { numGenerations, perDeviceTrainBatchSize: rows } = config
  // The last token of a completion is not computed.
  const completion = config.maxCompletionLength - 1
  const microBatch = Math.ceil(rows / numGenerations) * longestPrompt + rows * completion
  const longestRow = longestPrompt + completion
  const limit = config.maxTokensPerPass ?? maximumTokens(policy)
  const perToken = activationBytesPerToken(model, adapter)
  // What the gradients of one layer take while they are computed is about what it keeps.
  const layer = perToken / model.numLayers
  const logits = 4 * LOGIT_ROWS * Math.min(model.vocabularySize, LOGIT_COLUMNS)
  if (longestRow <= limit) return Math.min(microBatch, limit) * (perToken + layer) + logits
  // A row that is too long keeps the input of each layer, and the activations of one.
  return longestRow * (4 * model.numLayers * model.hiddenSize + 2 * layer) + logits
}

/** Tokens of the prompts of a task's first problems. */
export function promptLengths(policy: CausalLM, task: Task): number[] {
  return task.problems.slice(0, MEASURED_PROMPTS).map((problem) => task.prompt(problem, policy.tokenizer).ids.length)
}

/** Memory that this process may take, in bytes: of the machine, or of the container when that allows less. */
export function availableMemory(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 && constrained < os.totalmem() ? constrained : os.totalmem()
}

/**
 * Refuses a run that will not fit.
 * @throws BackendError that names the parts and what to make smaller
 */
export function checkMemory(forecast: MemoryForecast, available = availableMemory()): void {
  const { tensors, process: total } = forecast
  if (tensors <= TENSOR_LIMIT && total <= available) return
  const limit =
    tensors > TENSOR_LIMIT
      ? `needs ${gibibytes(tensors)} of tensors, more than the ${gibibytes(TENSOR_LIMIT)} that 32-bit WebAssembly can hold`
      : `needs ${gibibytes(total)}, more than the ${gibibytes(available)} that this process may take`
  throw new BackendError(`this run ${limit} (${describeMemory(forecast)}); ${advice(forecast)}`)
}

function advice({ weights, sampling, activations, tensors }: MemoryForecast): string {
  if (weights > tensors / 2) return 'take a smaller model'
  return activations >= sampling
    ? 'set a smaller maxTokensPerPass or maxCompletionLength'
    : 'set a smaller maxCompletionLength or shorten the prompts'
}

/** `weights 0.26 GiB, adapter 0.05 GiB, …` */
export function describeMemory({ weights, adapter, optimizer, sampling, activations, kept }: MemoryForecast): string {
  const parts = { weights, adapter, optimizer, sampling, activations, kept }
  return Object.entries(parts)
    .map(([name, bytes]) => `${name} ${gibibytes(bytes)}`)
    .join(', ')
}

export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`
}
