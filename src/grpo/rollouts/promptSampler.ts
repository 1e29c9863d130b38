import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'

/** What has to be stored to go on with the same sequence; plain JSON. */
export interface PromptSamplerState {
  /** Numbers looked at so far, those that were passed over included. */
  readonly taken: number
  /** State of the random generator before it made the order of the pass that goes on. */
  readonly random: readonly number[]
  /** State of the random generator that decides what is passed over. */
  readonly poolRandom: readonly number[]
  /** Pass rate of each problem that has been tried, by its number. */
  readonly passRates: Readonly<Record<string, number>>
}

/** Pools of problems by their pass rate, and how many of those that come up are taken (prime-rl's bounds and weights). */
const pools = [
  { name: 'hard', below: 0.25, weight: 0.2 },
  { name: 'normal', below: 0.75, weight: 1 },
  { name: 'easy', below: Infinity, weight: 0.2 },
] as const

/** Weight of the newest group in a problem's running pass rate. */
const NEWEST = 0.5

/** After so many problems in a row that were passed over, the next one is taken whatever its pool. */
const MAXIMUM_PASSED_OVER = 50

export interface PromptSamplerOptions {
  /**
   * Passes over most problems that the policy nearly always or hardly ever solves, by a running estimate of their pass rate:
   * those from 0.25 to 0.75, and those not tried yet, are taken each time, one in five of the others. Defaults to false.
   */
  difficultyPools?: boolean
}

/** An endless sequence of 0 … count − 1: pass after pass, each in an order of its own when `shuffle`, from a seed. */
export class PromptSampler {
  #random
  #poolRandom
  #order: number[] = []
  #taken = 0
  #passStart: readonly number[]
  readonly #passRates = new Map<number, number>()

  constructor(
    private readonly count: number,
    private readonly shuffle: boolean,
    seed: number,
    private readonly options: PromptSamplerOptions = {},
  ) {
    this.#random = xoroshiro128plus(seed)
    this.#poolRandom = xoroshiro128plus(seed + 1)
    this.#passStart = this.#random.getState()
  }

  /** Passes made so far, a fraction while one goes on. */
  get epoch(): number {
    return this.#taken / this.count
  }

  next(): number {
    for (let passedOver = 0; ; passedOver++) {
      const number = this.#nextOfPass()
      const rate = this.#passRates.get(number)
      if (!this.options.difficultyPools || rate === undefined || passedOver === MAXIMUM_PASSED_OVER) return number
      const { weight } = poolOf(rate)
      if (weight === 1 || uniformFloat64(this.#poolRandom) < weight) return number
    }
  }

  /** Takes note of the pass rate of a problem's group, from 0 to 1; null when nothing judged it. */
  record(number: number, passRate: number | null): void {
    if (passRate === null) return
    const before = this.#passRates.get(number)
    this.#passRates.set(number, before === undefined ? passRate : before + NEWEST * (passRate - before))
  }

  /** `difficulty_pools/hard`, `/normal` and `/easy`: shares of the problems that have been tried. */
  poolMetrics(): Record<string, number> {
    const rates = [...this.#passRates.values()]
    return Object.fromEntries(
      pools.map(({ name }) => [
        `difficulty_pools/${name}`,
        rates.filter((rate) => poolOf(rate).name === name).length / Math.max(1, rates.length),
      ]),
    )
  }

  state(): PromptSamplerState {
    const betweenPasses = this.#taken % this.count === 0
    return {
      taken: this.#taken,
      random: betweenPasses ? this.#random.getState() : this.#passStart,
      poolRandom: this.#poolRandom.getState(),
      passRates: Object.fromEntries(this.#passRates),
    }
  }

  /** Goes on from a stored state of a sampler with the same count and the same options. */
  restore({ taken, random, poolRandom, passRates }: PromptSamplerState): void {
    this.#random = xoroshiro128plusFromState(random)
    this.#poolRandom = xoroshiro128plusFromState(poolRandom)
    this.#passRates.clear()
    for (const [number, rate] of Object.entries(passRates)) this.#passRates.set(Number(number), rate)
    this.#taken = taken
    if (taken % this.count !== 0) this.#startPass()
  }

  #nextOfPass(): number {
    const place = this.#taken % this.count
    if (place === 0) this.#startPass()
    this.#taken++
    return this.#order[place]!
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

function poolOf(rate: number): (typeof pools)[number] {
  return pools.find(({ below }) => rate < below) ?? pools[1]
}
