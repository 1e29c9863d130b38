import { setImmediate } from 'node:timers/promises'
import type { ModelConfig } from '../../model/config.js'
import type { SampleTokensAttributes } from '../../ops/sampleTokens.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { TokenIds } from '../engine.js'
import type { Completion, SamplingOptions } from '../sampling.js'
import { cacheLayout } from './cacheSlots.js'
import type { KeptProjections } from './keptProjections.js'
import type { SamplingSteps } from './samplingSteps.js'
import { Scheduler } from './scheduler.js'
import { startSequences } from '../sequence.js'
import type { Sequence } from '../sequence.js'

/** What sampling needs of a model. */
export interface Sampler {
  readonly config: ModelConfig
  readonly tokenizer: Tokenizer | null
  readonly eosTokenIds: TokenIds
  /** Starts to compute steps over a cache of so many slots. */
  readonly startSteps: (slots: number, kept: KeptProjections | null) => SamplingSteps
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
  const steps = model.startSteps(layout.promptSlots + layout.rows * layout.rowSlots, kept)
  kept?.distributions.setTemperature(options.temperature ?? 1)
  try {
    let tokens = 0
    let ended = 0
    for (let step = scheduler.next(); step; step = scheduler.next()) {
      const sampled = await steps.sample(step, drawOf(step.sequences, options))
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
    steps.dispose()
  }
  return sequences.map((group) => group.map((sequence) => sequence.completion()))
}

/** How the next token of each sequence is drawn. */
function drawOf(
  sequences: readonly Sequence[],
  { temperature = 1, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 }: SamplingOptions,
): SampleTokensAttributes {
  return {
    parameters: { temperature, topK, topP, minP: minP ?? 0, repetitionPenalty },
    uniforms: sequences.map((sequence) => (temperature === 0 ? 0 : sequence.random())),
    histories: repetitionPenalty === 1 ? null : sequences.map((sequence) => sequence.history()),
  }
}
