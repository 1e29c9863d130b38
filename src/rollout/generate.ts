import { setImmediate } from 'node:timers/promises'
import * as tf from '@tensorflow/tfjs'
import { ConfigError } from '../errors.js'
import type { CausalLM } from '../model/causalLM.js'
import { KeyValueCache } from '../model/keyValueCache.js'
import type { PackedBatch } from '../model/packedBatch.js'
import { sampleTokens } from '../ops/sampleTokens.js'
import type { SampledTokens, SamplingParameters } from '../ops/sampleTokens.js'
import { selectRows } from '../ops/selectRows.js'
import { startSequences } from './sequence.js'
import type { Sequence } from './sequence.js'

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
  /** Called after each step of decoding with the number of tokens generated so far. */
  onProgress?: (tokens: number) => void
}

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

/** Sequences that are decoded together. */
const MAXIMUM_ROWS = 64

/**
 * Samples completions of each prompt. The completions of a prompt share its prefill and its keys and values; one that has ended
 * leaves the batch at once. A completion depends on the seed, its prompt and its number only, not on the batch.
 * @returns for each prompt its `numGenerations` completions
 * @throws ConfigError for options out of range, and for a prompt that is empty or leaves no room for maxCompletionLength
 */
export async function generate(
  model: CausalLM,
  prompts: readonly (readonly number[])[],
  options: SamplingOptions,
): Promise<Completion[][]> {
  checkOptions(model, prompts, options)
  const numGenerations = options.numGenerations ?? 1
  const sequences = startSequences(model, prompts, options)
  const promptsAtOnce = Math.max(1, Math.floor(MAXIMUM_ROWS / numGenerations))
  for (let start = 0; start < prompts.length; start += promptsAtOnce) {
    options.signal?.throwIfAborted()
    const finished = sequences.slice(0, start).flat()
    const before = finished.reduce((sum, sequence) => sum + sequence.ids.length, 0)
    await generateBatch(model, sequences.slice(start, start + promptsAtOnce), options, before)
  }
  return sequences.map((group) => group.map((sequence) => sequence.completion()))
}

/** Decodes groups of sequences, each group with a prompt of its own, until all have ended. */
async function generateBatch(
  model: CausalLM,
  groups: readonly (readonly Sequence[])[],
  options: SamplingOptions,
  tokensBefore: number,
): Promise<void> {
  const parameters: SamplingParameters = {
    temperature: options.temperature ?? 1,
    topK: options.topK ?? 0,
    topP: options.topP ?? 1,
    minP: options.minP ?? 0,
    repetitionPenalty: options.repetitionPenalty ?? 1,
  }
  // A prompt's slots, then those of its completions; the last token of a completion is never fed back.
  const ownSlots = options.maxCompletionLength - 1
  let slots = 0
  const promptStarts = groups.map(([first]) => {
    const start = slots
    slots += first?.promptIds.length ?? 0
    return start
  })
  const rows = groups.flatMap((group, index) =>
    group.map((sequence) => {
      const row = { sequence, promptStart: promptStarts[index]!, ownStart: slots }
      slots += ownSlots
      return row
    }),
  )
  const cache = new KeyValueCache(model.config, slots)
  try {
    const { batch, lastRows } = prefillBatch(groups, promptStarts)
    let sampled = await sampleNext(model, batch, cache, lastRows, groups.flat(), parameters)
    let active = rows
    for (let length = 1; ; length++) {
      for (const [i, { sequence }] of active.entries())
        sequence.append(sampled.ids[i]!, sampled.logProbs[i]!, sampled.entropies[i]!)
      active = active.filter(({ sequence }) => sequence.finishReason === null)
      options.onProgress?.(tokensBefore + rows.reduce((sum, { sequence }) => sum + sequence.ids.length, 0))
      if (active.length === 0) return
      // Nothing here waits for anything outside: without this, timers and Ctrl-C would have no turn until the end.
      await setImmediate()
      options.signal?.throwIfAborted()
      // The token of the last step goes to the slot behind its sequence's others.
      const step: PackedBatch = {
        tokenIds: Int32Array.from(active, ({ sequence }) => sequence.ids.at(-1)!),
        positions: Int32Array.from(active, ({ sequence }) => sequence.promptIds.length + length - 1),
        slots: Int32Array.from(active, ({ ownStart }) => ownStart + length - 1),
        segments: active.map(({ sequence, promptStart, ownStart }, i) => ({
          ...{ queryStart: i, queryLength: 1, keyStart: ownStart, keyLength: length },
          ...{ prefixStart: promptStart, prefixLength: sequence.promptIds.length },
        })),
      }
      sampled = await sampleNext(
        model,
        step,
        cache,
        null,
        active.map(({ sequence }) => sequence),
        parameters,
      )
    }
  } finally {
    cache.dispose()
  }
}

/** All prompts as one packed batch, and for each sequence the row that predicts its first token. */
function prefillBatch(
  groups: readonly (readonly Sequence[])[],
  promptStarts: readonly number[],
): { batch: PackedBatch; lastRows: Int32Array } {
  const prompts = groups.map((group) => group[0]?.promptIds ?? [])
  const tokenIds = Int32Array.from(prompts.flat())
  return {
    batch: {
      tokenIds,
      positions: Int32Array.from(prompts.flatMap((prompt) => prompt.map((_, position) => position))),
      slots: Int32Array.from(tokenIds, (_, slot) => slot),
      segments: prompts.map((prompt, index) => ({
        ...{ queryStart: promptStarts[index]!, queryLength: prompt.length, prefixStart: 0, prefixLength: 0 },
        ...{ keyStart: promptStarts[index]!, keyLength: prompt.length },
      })),
    },
    lastRows: Int32Array.from(
      groups.flatMap((group, index) => group.map(() => promptStarts[index]! + prompts[index]!.length - 1)),
    ),
  }
}

/** Computes a batch and draws the next token of each sequence from the given rows of it (from all, in order, for null). */
async function sampleNext(
  model: CausalLM,
  batch: PackedBatch,
  cache: KeyValueCache,
  rows: Int32Array | null,
  sequences: readonly Sequence[],
  parameters: SamplingParameters,
): Promise<SampledTokens> {
  const logits = tf.tidy(() => {
    const hidden = model.forward(batch, { cache })
    return model.logits(rows ? selectRows(hidden, rows) : hidden)
  })
  try {
    const uniforms = sequences.map((sequence) => (parameters.temperature === 0 ? 0 : sequence.random()))
    const histories = parameters.repetitionPenalty === 1 ? null : sequences.map((sequence) => sequence.history())
    return await sampleTokens(logits, parameters, uniforms, histories)
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
