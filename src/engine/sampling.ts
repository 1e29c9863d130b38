import { z } from 'zod'
import { ConfigError } from '../errors.js'
import type { ModelConfig } from '../model/config.js'
import { problemsOf } from '../options/schema.js'
import { drawOptions, samplingOptions } from './samplingOptions.js'
import type { SamplingSettings } from './samplingSettings.js'

/** How completions are drawn. */
export interface SamplingOptions extends SamplingSettings {
  /** Most tokens of a completion. */
  readonly maxCompletionLength: number
  /** Completions for each prompt; they share its prefill. Defaults to 1. */
  numGenerations?: number
  /** The same seed gives the same completions of a prompt, whatever else is generated with it. Defaults to 0. */
  seed?: number
  /** Tokens that end a completion. Defaults to the model's. */
  eosTokenIds?: readonly number[]
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

const samplingSchema = z.object({ ...samplingOptions, ...drawOptions })

/** Throws a ConfigError that names every option out of range and every prompt that is empty, holds what is no token id, or leaves no room for a completion. */
export function checkSampling(
  { config, hasTokenizer }: { config: Pick<ModelConfig, 'maxPositions' | 'vocabularySize'>; hasTokenizer: boolean },
  prompts: readonly (readonly number[])[],
  options: SamplingOptions,
): void {
  const { problems } = problemsOf(samplingSchema, { ...options })
  if (options.stopStrings?.length && !hasTokenizer) problems.push('stopStrings need a model with a tokenizer')
  problems.push(...prompts.flatMap((prompt, index) => promptProblem(prompt, index, config.vocabularySize) ?? []))
  const tooLong = describeTooLong(prompts, options.maxCompletionLength, config.maxPositions)
  if (tooLong !== null) problems.push(tooLong)
  if (problems.length > 0) throw new ConfigError(`generate: ${problems.join('\n  ')}`)
}

/** What is wrong with a prompt by itself; null when nothing is. */
function promptProblem(prompt: unknown, index: number, vocabularySize: number): string | null {
  if (!isTokenIds(prompt))
    return `prompt ${index} is ${typeof prompt}; expected an array of token ids, as a tokenizer gives`
  if (prompt.length === 0) return `prompt ${index} is empty`
  const at = prompt.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < vocabularySize))
  if (at < 0) return null
  return `prompt ${index} holds token ${prompt[at]}; expected whole numbers from 0 to ${vocabularySize - 1}`
}

function isTokenIds(prompt: unknown): prompt is readonly number[] {
  return Array.isArray(prompt) || ArrayBuffer.isView(prompt)
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
