import { ConfigError } from '../errors.js'
import type { ModelConfig } from '../model/config.js'

/** How completions are drawn. */
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
  /**
   * Keeps what training on the completions will need again, where the engine was told to (see EngineModel.startKeeping).
   * Defaults to false.
   */
  keep?: boolean
  /** Called after each step of decoding with the numbers of tokens generated and of completions ended so far. */
  onProgress?: (tokens: number, completions: number) => void
}

/** One sampled completion. */
export interface Completion {
  /** [L] its tokens, the one that ended the completion included. */
  ids: number[]
  /** [L] log p of each sampled token under softmax(logits / temperature), in nats; at temperature 0 under temperature 1. */
  logProbs: number[]
  /** [L] entropy of the distribution that each token was drawn from, before filters and penalty, in nats. */
  entropies: number[]
  /** [L] 1 where a token was sampled, 0 where it was given, such as the answer of a tool. Defaults to none: all were sampled. */
  mask?: readonly number[]
  /** `stop`: an EOS token or a stop string; `length`: cut off at maxCompletionLength. */
  finishReason: 'stop' | 'length'
  /** Without special tokens; empty when the model has no tokenizer. */
  text: string
}

/** Throws a ConfigError that names every option out of range and every prompt that is empty or leaves no room for a completion. */
export function checkSampling(
  { config, hasTokenizer }: { config: Pick<ModelConfig, 'maxPositions'>; hasTokenizer: boolean },
  prompts: readonly (readonly number[])[],
  options: SamplingOptions,
): void {
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
  if (options.stopStrings?.length && !hasTokenizer) problems.push('stopStrings need a model with a tokenizer')
  if (options.stopStrings?.includes('')) problems.push('stopStrings holds an empty string')
  for (const [index, { length }] of prompts.entries()) if (length === 0) problems.push(`prompt ${index} is empty`)
  const tooLong = describeTooLong(prompts, options.maxCompletionLength, config.maxPositions)
  if (tooLong !== null) problems.push(tooLong)
  if (problems.length > 0) throw new ConfigError(`generate: ${problems.join('; ')}`)
}

/** The longest completion, in tokens, that a model has room for behind a prompt; below 1 when it has room for none. */
export function roomForCompletion(promptTokens: number, maxPositions: number): number {
  // The last token of a completion is never fed back.
  return maxPositions - promptTokens + 1
}

/**
 * Most tokens of a completion where nobody says how many: 512, or half of the model's positions where that is less. It depends
 * on the model alone, so that no completion depends on the prompts beside it.
 */
export function defaultCompletionLength({ maxPositions }: Pick<ModelConfig, 'maxPositions'>): number {
  return Math.min(512, Math.ceil(maxPositions / 2))
}

/** Names the longest of the prompts that leave no room for a completion, and what would leave it; null when all have room. */
function describeTooLong(
  prompts: readonly (readonly number[])[],
  maxCompletionLength: number,
  maxPositions: number,
): string | null {
  const lengths = prompts.map(({ length }) => length)
  const isTooLong = (length: number): boolean => roomForCompletion(length, maxPositions) < maxCompletionLength
  const count = lengths.filter(isTooLong).length
  if (count === 0) return null
  const longest = lengths.reduce((max, length) => Math.max(max, length), 0)
  const room = roomForCompletion(longest, maxPositions)
  const others = count === 1 ? '' : ` (so it is with ${count} of the ${lengths.length} prompts)`
  const remedy = room < 1 ? 'shorten it' : `set maxCompletionLength to ${room} or less`
  return (
    `prompt ${lengths.indexOf(longest)} of ${longest} tokens and maxCompletionLength ${maxCompletionLength} are more than the ` +
    `model's ${maxPositions} positions${others}; ${remedy}`
  )
}
