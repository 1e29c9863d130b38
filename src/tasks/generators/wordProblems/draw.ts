import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Random choices; the same seed gives the same ones on every machine. */
export class Draw {
  readonly #random: ReturnType<typeof xoroshiro128plus>

  constructor(seed: number) {
    this.#random = xoroshiro128plus(seed)
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return uniformInt(this.#random, least, most)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return uniformFloat64(this.#random) < probability
  }

  /** A key, each with the probability of its weight among all. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][]
    let left = uniformFloat64(this.#random) * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of entries) {
      left -= weight
      if (left < 0) return key
    }
    return entries.findLast(([, weight]) => weight > 0)![0]
  }
}
