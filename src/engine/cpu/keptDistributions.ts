import type { SampledTokens } from '../../ops/sampleTokens.js'

type TokenIds = readonly number[]

/** The distributions that the tokens of some rows were drawn from, as one list. */
export interface Distributions {
  readonly logProbs: Float32Array // [n]
  readonly entropies: Float32Array // [n]
  /** As in {@link SampledTokens}. */
  readonly statistics: Float32Array // [n, 2]
}

/** Numbers that are kept of a token: log-probability, entropy and two of statistics. */
const WIDTH = 4

/**
 * What sampling found of the distribution of every token: the product of the hidden states with the output head, the largest one of a
 * model, need not be computed again for the values of the same tokens by the same policy, but for their gradient only.
 *
 * Tokens are found by the array of ids that they come from, the very same one.
 */
export class KeptDistributions {
  readonly #values = new Map<TokenIds, number[]>() // WIDTH for each token
  #temperature: number | null = null

  /** Begins anew when the temperature is another one. */
  setTemperature(temperature: number): void {
    if (temperature !== this.#temperature) this.#values.clear()
    this.#temperature = temperature
  }

  /** Adds the next token of a completion: number `i` of those that were sampled together. */
  append(ids: TokenIds, { logProbs, entropies, statistics }: SampledTokens, i: number): void {
    if (!statistics) return
    let values = this.#values.get(ids)
    if (!values) this.#values.set(ids, (values = []))
    values.push(logProbs[i]!, entropies[i]!, statistics[2 * i]!, statistics[2 * i + 1]!)
  }

  /** Those of all tokens of some completions; null when one of them is not known, or not at this temperature. */
  of(completions: readonly TokenIds[], temperature: number): Distributions | null {
    if (temperature !== this.#temperature) return null
    const rows = completions.map((ids) => {
      const values = this.#values.get(ids)
      return values?.length === WIDTH * ids.length ? values : null
    })
    const count = completions.reduce((sum, { length }) => sum + length, 0)
    const [logProbs, entropies, statistics] = [count, count, 2 * count].map((size) => new Float32Array(size))
    let at = 0
    for (const values of rows) {
      if (!values) return null
      for (let i = 0; i < values.length; i += WIDTH, at++) {
        logProbs![at] = values[i]!
        entropies![at] = values[i + 1]!
        statistics![2 * at] = values[i + 2]!
        statistics![2 * at + 1] = values[i + 3]!
      }
    }
    return { logProbs: logProbs!, entropies: entropies!, statistics: statistics! }
  }
}
