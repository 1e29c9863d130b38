import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'

/** What has to be stored to go on with the same sequence; plain JSON. */
export interface PromptSamplerState {
  /** Numbers given so far. */
  readonly taken: number
  /** State of the random generator before it made the order of the pass that goes on. */
  readonly random: readonly number[]
}

/** An endless sequence of 0 … count − 1: pass after pass, each in an order of its own when `shuffle`, from a seed. */
export class PromptSampler {
  #random
  #order: number[] = []
  #taken = 0
  #passStart: readonly number[]

  constructor(
    private readonly count: number,
    private readonly shuffle: boolean,
    seed: number,
  ) {
    this.#random = xoroshiro128plus(seed)
    this.#passStart = this.#random.getState()
  }

  /** Passes made so far, a fraction while one goes on. */
  get epoch(): number {
    return this.#taken / this.count
  }

  next(): number {
    const place = this.#taken % this.count
    if (place === 0) this.#startPass()
    this.#taken++
    return this.#order[place]!
  }

  state(): PromptSamplerState {
    const betweenPasses = this.#taken % this.count === 0
    return { taken: this.#taken, random: betweenPasses ? this.#random.getState() : this.#passStart }
  }

  /** Goes on from a stored state of a sampler with the same count and the same choice of shuffling. */
  restore({ taken, random }: PromptSamplerState): void {
    this.#random = xoroshiro128plusFromState(random)
    this.#taken = taken
    if (taken % this.count !== 0) this.#startPass()
  }

  #startPass(): void {
    this.#passStart = this.#random.getState()
    this.#order = this.#newOrder()
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
