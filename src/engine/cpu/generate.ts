import { setImmediate } from 'node:timers/promises'
import * as tf from '../../bundled/tfjs.js'
import type { ModelConfig } from '../../model/config.js'
import { sampleTokens } from '../../ops/sampleTokens.js'
import type { SampledTokens } from '../../ops/sampleTokens.js'
import { selectRows } from '../../ops/selectRows.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TokenIds } from '../engine.js'
import type { Completion, SamplingOptions } from '../sampling.js'
import { cacheLayout } from './cacheSlots.js'
import type { ForwardOptions } from './decoder.js'
import type { KeptProjections } from './keptProjections.js'
import { KeyValueCache } from './keyValueCache.js'
import type { PackedBatch } from './packedBatch.js'
import { Scheduler } from './scheduler.js'
import type { DecodingStep } from './scheduler.js'
import { startSequences } from './sequence.js'

/** What sampling needs of a model. */
export interface Sampler {
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer | null
  readonly eosTokenIds: TokenIds
  readonly forward: (batch: PackedBatch, options: ForwardOptions) => tf.Tensor2D // [N, hidden]
  readonly logits: (hidden: tf.Tensor2D /* [n, hidden] */) => tf.Tensor2D // [n, V]
}

/**
 * Samples completions of each prompt. The completions of a prompt share its prefill and its keys and values; where one has ended,
 * the next one that waits takes its place at once.
 */
export async function generateCompletions(
  model: Sampler,
  prompts: readonly TokenIds[],
  options: SamplingOptions,
  kept: KeptProjections | null,
): Promise<Completion[][]> {
  const sequences = startSequences(model, prompts, options)
  const lengths = prompts.map(({ length }) => length)
  const layout = cacheLayout(model.config, lengths, options.numGenerations ?? 1, options.maxCompletionLength)
  const scheduler = new Scheduler(sequences, layout, kept)
  const cache = new KeyValueCache(model.config, layout.promptSlots + layout.rows * layout.rowSlots)
  kept?.distributions.setTemperature(options.temperature ?? 1)
  try {
    let tokens = 0
    let ended = 0
    for (let step = scheduler.next(); step; step = scheduler.next()) {
      const sampled = await sampleNext(model, step, cache, options, kept)
      for (const [i, sequence] of step.sequences.entries()) {
        sequence.append(sampled.ids[i]!, sampled.logProbs[i]!, sampled.entropies[i]!)
        kept?.distributions.append(sequence.ids, sampled, i)
        if (sequence.finishReason !== null) ended++
      }
      tokens += step.sequences.length
      options.onProgress?.(tokens, ended)
      // Nothing here waits for anything outside: without this, timers and Ctrl-C would have no turn until the end.
      await setImmediate()
      options.signal?.throwIfAborted()
    }
  } finally {
    cache.dispose()
  }
  return sequences.map((group) => group.map((sequence) => sequence.completion()))
}

/** Computes a step and draws the next token of each of its sequences. */
async function sampleNext(
  model: Sampler,
  { batch, rows, sequences, keptRows }: DecodingStep,
  cache: KeyValueCache,
  { temperature = 1, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 }: SamplingOptions,
  kept: KeptProjections | null,
): Promise<SampledTokens> {
  const keep = kept && { projections: kept, rows: keptRows }
  const logits = tf.tidy(() => model.logits(selectRows(model.forward(batch, { cache, ...(keep && { keep }) }), rows)))
  try {
    const uniforms = sequences.map((sequence) => (temperature === 0 ? 0 : sequence.random()))
    const histories = repetitionPenalty === 1 ? null : sequences.map((sequence) => sequence.history())
    return await sampleTokens(
      logits,
      { temperature, topK, topP, minP: minP ?? 0, repetitionPenalty },
      uniforms,
      histories,
    )
  } finally {
    logits.dispose()
  }
}
