import { setImmediate } from 'node:timers/promises'
import { ShapeError } from '../errors.js'
import type { CausalLM } from './causalLM.js'

/** A token sequence of which everything from `promptLength` on is scored. */
export interface SequenceToScore {
  /** Tokens of the prompt and of what is scored. */
  readonly inputIds: readonly number[]
  /** At least 1: the first token has nothing before it. */
  readonly promptLength: number
}

/** For each scored token, in nats. */
export interface TokenScores {
  /** log p of the token given those before it. */
  readonly logProbs: number[]
  /** Entropy of the distribution that the token was drawn from. */
  readonly entropies: number[]
}

/** Tokens that are computed together; enough to keep the kernels busy, few enough to need little memory. */
const TOKENS_PER_BATCH = 2048

/**
 * Log-probabilities and entropies of given tokens at a temperature: what the model would have assigned had it sampled them.
 * Sequences are packed without padding; a sequence's numbers do not depend on the others.
 * @throws ShapeError for a prompt length out of range
 */
export async function scoreTokens(
  model: CausalLM,
  sequences: readonly SequenceToScore[],
  options: {
    /** Divides the logits. Defaults to 1. */
    temperature?: number
    /** Ends the scoring early with the reason of the signal. */
    signal?: AbortSignal
  } = {},
): Promise<TokenScores[]> {
  for (const [index, { inputIds, promptLength }] of sequences.entries()) {
    if (Number.isInteger(promptLength) && promptLength >= 1 && promptLength <= inputIds.length) continue
    throw new ShapeError(
      `sequence ${index} has ${inputIds.length} tokens and promptLength ${promptLength}; expected a whole number from 1 to the number of tokens`,
    )
  }
  const scores: TokenScores[] = []
  for (let start = 0; start < sequences.length;) {
    let end = start + 1
    let tokens = sequences[start]!.inputIds.length
    while (end < sequences.length && tokens + sequences[end]!.inputIds.length <= TOKENS_PER_BATCH) {
      tokens += sequences[end++]!.inputIds.length
    }
    // Nothing here waits for anything outside: without this, timers and Ctrl-C would have no turn until the end.
    await setImmediate()
    options.signal?.throwIfAborted()
    scores.push(...(await scoreBatch(model, sequences.slice(start, end), options.temperature ?? 1)))
    start = end
  }
  return scores
}

async function scoreBatch(
  model: CausalLM,
  sequences: readonly SequenceToScore[],
  temperature: number,
): Promise<TokenScores[]> {
  const rows = sequences.map(({ inputIds, promptLength }) => ({
    promptIds: inputIds.slice(0, promptLength),
    completionIds: inputIds.slice(promptLength),
  }))
  const { logProbs, entropies } = await model.engineModel.values(rows, { temperature, maxTokens: Infinity })
  return sequences.map((_, i) => ({ logProbs: [...logProbs[i]!], entropies: [...entropies[i]!] }))
}
