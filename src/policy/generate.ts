import { setImmediate } from 'node:timers/promises'
import * as tf from '../bundled/tfjs.js'
import { ConfigError } from '../errors.js'
import type { CausalLM } from './causalLM.js'
import type { KeptProjections } from '../engine/cpu/keptProjections.js'
import { KeyValueCache } from '../engine/cpu/keyValueCache.js'
import { sampleTokens } from '../ops/sampleTokens.js'
import type { SampledTokens } from '../ops/sampleTokens.js'
import { selectRows } from '../ops/selectRows.js'
import { cacheLayout } from '../engine/cpu/cacheSlots.js'
import { Scheduler } from '../engine/cpu/scheduler.js'
import type { DecodingStep } from '../engine/cpu/scheduler.js'
import { startSequences } from '../engine/cpu/sequence.js'

/** How completions are sampled. */
export interface SamplingOptions {
  /** Most tokens of a completion. */
  maxCompletionLength: number
  /** Divides the logits; 0 takes the likeliest token. Defaults to 1. */
  temperature?: number
  /** Sample among the k likeliest tokens. Defaults to 0: all. */
  topK?: number
  /** Sample among the likeliest tokens that together have this probability. Defaults to 1: all. */
  topP?: number
  /** Sample among tokens at least this times as likely as the likeliest. Defaults to 0: all. */
  minP?: number
  /** Above 1, tokens that occurred in the prompt or the completion become less likely. Defaults to 1: off. */
  repetitionPenalty?: number
  /** Completions for each prompt; they share its prefill. Defaults to 1. */
  numGenerations?: number
  /** The same seed gives the same completions of a prompt, whatever else is generated with it. Defaults to 0. */
  seed?: number
  /** Tokens that end a completion. Defaults to the model's. */
  eosTokenIds?: readonly number[]
  /** A completion ends when its text contains one of these. Needs a tokenizer. */
  stopStrings?: readonly string[]
  /** Ends the generation early with the reason of the signal. */
  signal?: AbortSignal
  /** Keeps what training on the completions will need again. */
  keep?: KeptProjections | undefined
  /** Called after each step of decoding with the numbers of tokens generated and of completions ended so far. */
  onProgress?: (tokens: number, completions: number) => void
}

/** One sampled completion. */
export interface Completion {
  /** The sampled tokens, the one that ended the completion included. */
  ids: number[]
  /** log p of each sampled token under softmax(logits / temperature), in nats; at temperature 0 under temperature 1. */
  logProbs: number[]
  /** Entropy of the distribution that each token was drawn from, before filters and penalty, in nats. */
  entropies: number[]
  /** `stop`: an EOS token or a stop string; `length`: cut off at maxCompletionLength. */
  finishReason: 'stop' | 'length'
  /** Without special tokens; empty when the model has no tokenizer. */
  text: string
}

/**
 * Samples completions of each prompt. The completions of a prompt share its prefill and its keys and values; where one has ended,
 * the next one that waits takes its place at once. A completion depends on the seed, its prompt and its number only, not on the batch.
 * @returns for each prompt its `numGenerations` completions
 * @throws ConfigError for options out of range, and for a prompt that is empty or leaves no room for maxCompletionLength
 */
export async function generate(
  model: CausalLM,
  prompts: readonly (readonly number[])[],
  options: SamplingOptions,
): Promise<Completion[][]> {
  checkOptions(model, prompts, options)
  const sequences = startSequences(model, prompts, options)
  const lengths = prompts.map(({ length }) => length)
  const layout = cacheLayout(model.config, lengths, options.numGenerations ?? 1, options.maxCompletionLength)
  const scheduler = new Scheduler(sequences, layout, options.keep)
  const cache = new KeyValueCache(model.config, layout.promptSlots + layout.rows * layout.rowSlots)
  try {
    let tokens = 0
    let ended = 0
    for (let step = scheduler.next(); step; step = scheduler.next()) {
      const sampled = await sampleNext(model, step, cache, options)
      for (const [i, sequence] of step.sequences.entries()) {
        sequence.append(sampled.ids[i]!, sampled.logProbs[i]!, sampled.entropies[i]!)
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
  model: CausalLM,
  { batch, rows, sequences, keptRows }: DecodingStep,
  cache: KeyValueCache,
  { temperature = 1, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1, keep: projections }: SamplingOptions,
): Promise<SampledTokens> {
  const keep = projections && { projections, rows: keptRows }
  const logits = tf.tidy(() => model.logits(selectRows(model.forward(batch, { cache, ...(keep && { keep }) }), rows)))
  try {
    const uniforms = sequences.map((sequence) => (temperature === 0 ? 0 : sequence.random()))
    const histories = repetitionPenalty === 1 ? null : sequences.map((sequence) => sequence.history())
    return await sampleTokens(logits, { temperature, topK, topP, minP, repetitionPenalty }, uniforms, histories)
  } finally {
    logits.dispose()
  }
}

function checkOptions(model: CausalLM, prompts: readonly (readonly number[])[], options: SamplingOptions): void {
  const problems: string[] = []
  const expect = (name: keyof SamplingOptions, holds: (value: number) => boolean, expected: string): void => {
    const value = options[name] as number | undefined
    if (value !== undefined && !holds(value)) problems.push(`${name} is ${value}, expected ${expected}`)
  }
  const whole = (minimum: number) => (value: number) => Number.isSafeInteger(value) && value >= minimum
  expect('maxCompletionLength', whole(1), 'a whole number of at least 1')
  expect('numGenerations', whole(1), 'a whole number of at least 1')
  expect('seed', whole(0), 'a whole number of at least 0')
  expect('temperature', (value) => value >= 0 && value < Infinity, 'a number of at least 0')
  expect('topK', whole(0), 'a whole number of at least 0')
  expect('topP', (value) => value > 0 && value <= 1, 'a number above 0 and at most 1')
  expect('minP', (value) => value >= 0 && value <= 1, 'a number from 0 to 1')
  expect('repetitionPenalty', (value) => value > 0 && value < Infinity, 'a number above 0')
  if (options.stopStrings?.length && !model.tokenizer) problems.push('stopStrings need a model with a tokenizer')
  if (options.stopStrings?.includes('')) problems.push('stopStrings holds an empty string')
  const { maxPositions } = model.config
  for (const [index, { length }] of prompts.entries()) {
    if (length === 0) problems.push(`prompt ${index} is empty`)
    // The last token of a completion is never fed back.
    if (length + options.maxCompletionLength - 1 > maxPositions) {
      problems.push(
        `prompt ${index} of ${length} tokens and maxCompletionLength ${options.maxCompletionLength} are more than the model's ${maxPositions} positions`,
      )
    }
  }
  if (problems.length > 0) throw new ConfigError(`generate: ${problems.join('; ')}`)
}
