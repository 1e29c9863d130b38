import type { Tokenizer } from '../text/tokenizer.js'
import type { TokenIds } from './engine.js'
import type { Completion, SamplingOptions } from './sampling.js'
import { sequenceRandom } from './sequenceRandom.js'

/** The text of tokens. A model may sample ids that its tokenizer does not know: embeddings are often padded. */
export function decodeTokens(tokenizer: Tokenizer, ids: readonly number[], skipSpecialTokens: boolean): string {
  const known = ids.filter((id) => tokenizer.idToToken(id) !== undefined)
  return tokenizer.decode(known, { skipSpecialTokens })
}

/** One completion while it is being sampled. */
export class Sequence {
  readonly ids: number[] = []
  readonly logProbs: number[] = []
  readonly entropies: number[] = []
  /** Null while the completion goes on. */
  finishReason: 'stop' | 'length' | null = null

  constructor(
    readonly promptIds: readonly number[],
    /** The next random number of this completion, uniform in [0, 1). */
    readonly random: () => number,
    private readonly tokenizer: Tokenizer | null,
    private readonly limits: {
      readonly maxCompletionLength: number
      readonly eosTokenIds: readonly number[]
      readonly stopStrings: readonly string[]
    },
  ) {}

  /** Takes a sampled token with its log-probability and entropy, and notes whether the completion ends with it. */
  append(id: number, logProb: number, entropy: number): void {
    this.ids.push(id)
    this.logProbs.push(logProb)
    this.entropies.push(entropy)
    if (this.limits.eosTokenIds.includes(id) || this.#endsWithStopString()) this.finishReason = 'stop'
    else if (this.ids.length >= this.limits.maxCompletionLength) this.finishReason = 'length'
  }

  /** The tokens of prompt and completion. */
  history(): number[] {
    return [...this.promptIds, ...this.ids]
  }

  completion(): Completion {
    return {
      ids: this.ids,
      logProbs: this.logProbs,
      entropies: this.entropies,
      finishReason: this.finishReason ?? 'length',
      text: this.tokenizer ? decodeTokens(this.tokenizer, this.ids, true) : '',
    }
  }

  /** Whether the newest token completed a stop string. The last tokens are enough to see it: each is at least a byte. */
  #endsWithStopString(): boolean {
    const { stopStrings } = this.limits
    if (stopStrings.length === 0 || !this.tokenizer) return false
    const longest = Math.max(...stopStrings.map((stop) => Buffer.byteLength(stop)))
    const tail = decodeTokens(this.tokenizer, this.ids.slice(-longest - 4), false)
    return stopStrings.some((stop) => tail.includes(stop))
  }
}

/** The sequences to sample: for each prompt `numGenerations`, numbered on where the same prompt occurs again. */
export function startSequences(
  model: { readonly tokenizer: Tokenizer | null; readonly eosTokenIds: TokenIds },
  prompts: readonly (readonly number[])[],
  options: SamplingOptions,
): Sequence[][] {
  const { maxCompletionLength, numGenerations = 1, seed = 0, stopStrings = [] } = options
  const eosTokenIds = options.eosTokenIds ?? model.eosTokenIds
  const occurrences = new Map<string, number>()
  return prompts.map((promptIds) => {
    const key = promptIds.join()
    const first = occurrences.get(key) ?? 0
    occurrences.set(key, first + numGenerations)
    return Array.from(
      { length: numGenerations },
      (_, generation) =>
        new Sequence(promptIds, sequenceRandom(seed, promptIds, first + generation), model.tokenizer, {
          maxCompletionLength,
          eosTokenIds,
          stopStrings,
        }),
    )
  })
}
