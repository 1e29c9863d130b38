import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** An endless sequence of 0 … count − 1: pass after pass, each in an order of its own when `shuffle`, from a seed. */
export class PromptSampler {
  readonly #random
  #order: number[] = []
  #taken = 0

  constructor(
    private readonly count: number,
    private readonly shuffle: boolean,
    seed: number,
  ) {
    this.#random = xoroshiro128plus(seed)
  }

  /** Passes made so far, a fraction while one goes on. */
  get epoch(): number {
    return this.#taken / this.count
  }

  next(): number {
    const place = this.#taken % this.count
    if (place === 0) this.#order = this.#newOrder()
    this.#taken++
    return this.#order[place]!
  }

  /** A permutation by Fisher and Yates, or the numbers as they are. */
  #newOrder(): number[] {
    const order = Array.from({ length: this.count }, (_, i) => i)
    if (!this.shuffle) return order
    for (let i = order.length - 1; i > 0; i--) {
      const j = uniformInt(this.#random, 0, i)
      ;[order[i], order[j]] = [order[j]!, order[i]!]
    }
    return order
  }
}
