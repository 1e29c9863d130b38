import { BLOCK_COLUMNS } from '../../backend/cpu/constants.js'
import { CHUNK_ROWS } from '../../backend/cpu/kernels/tokenLogProbs.js'
import type { ModelConfig } from '../../model/config.js'
import { LoraAdapter } from '../../model/lora.js'
import type { Parameters } from '../../model/parameters.js'
import { hasKernel } from '../../ops/kernel.js'
import type { Workload, WorkloadMemory } from '../engine.js'
import { activationBytesPerToken, maximumTokens } from './activations.js'
import { cacheBytesPerToken, cacheLayout } from './cacheSlots.js'
import { keptBytesPerToken } from './keptProjections.js'
import { PREFILL_TOKENS } from './scheduler.js'

/** Bytes of tensors that a step takes at its largest. */
export function forecastWorkload(config: ModelConfig, trained: Parameters | null, workload: Workload): WorkloadMemory {
  const adapter = trained instanceof LoraAdapter ? trained : null
  const head = trained && !adapter ? headBytes(config, workload) : 0
  return {
    // Matrices, their packed copies and one gradient of each.
    trained: 3 * 4 * (trained?.values.length ?? 0),
    sampling: samplingBytes(config, workload),
    activations: trainingBytes(config, adapter, workload) + head,
    // Elsewhere writing a row copies the whole table; with dropout, training does not compute what sampling computed.
    keptPerToken: hasKernel('WriteRows') && !trained?.dropout ? keptBytesPerToken(config) : null,
  }
}

function samplingBytes(
  config: ModelConfig,
  { promptTokens, prompts, numGenerations, maxCompletionLength }: Workload,
): number {
  const lengths = new Array<number>(prompts).fill(promptTokens)
  const { promptSlots, rows, rowSlots } = cacheLayout(config, lengths, numGenerations, maxCompletionLength)
  const cache = cacheBytesPerToken(config) * (promptSlots + rows * rowSlots)
  const logits = 4 * rows * config.vocabularySize
  const prefilled = Math.min(prompts * promptTokens, Math.max(PREFILL_TOKENS, promptTokens))
  // Without a gradient the intermediate values of one layer exist at a time.
  const layer = (Math.max(prefilled, rows) * activationBytesPerToken(config, null)) / config.numLayers
  return cache + Math.max(logits, layer)
}

function trainingBytes(
  config: ModelConfig,
  adapter: LoraAdapter | null,
  { promptTokens, numGenerations, maxCompletionLength, rows, maxTokens }: Workload,
): number {
  // The last token of a completion is not computed.
  const completion = maxCompletionLength - 1
  const microBatch = Math.ceil(rows / numGenerations) * promptTokens + rows * completion
  const longestRow = promptTokens + completion
  const limit = maxTokens ?? maximumTokens({ config, adapter })
  const perToken = activationBytesPerToken(config, adapter)
  // What the gradients of one layer take while they are computed is about what it keeps.
  const layer = perToken / config.numLayers
  // The block of logits that exists at one time.
  const logits = 4 * CHUNK_ROWS * Math.min(config.vocabularySize, BLOCK_COLUMNS)
  if (longestRow <= limit) return Math.min(microBatch, limit) * (perToken + layer) + logits
  // A row that is too long keeps the input of each layer, and the activations of one.
  return longestRow * (4 * config.numLayers * config.hiddenSize + 2 * layer) + logits
}

/**
 * What training the output head takes beside its gradient: the gradients of a block of logits of all completion tokens, and for tied
 * embeddings the gradient of their other use.
 */
function headBytes({ vocabularySize, hiddenSize, tieWordEmbeddings }: ModelConfig, workload: Workload): number {
  const { rows, maxCompletionLength } = workload
  const logits = 4 * rows * maxCompletionLength * Math.min(vocabularySize, BLOCK_COLUMNS)
  return logits + (tieWordEmbeddings ? 4 * vocabularySize * hiddenSize : 0)
}
