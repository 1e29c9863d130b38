import { Draw } from './wordProblems/draw.js'

/** Random choices, of several things at once as well. */
export class Random extends Draw {
  /** Some of the items, each at most once, in random order. */
  sample<T>(items: readonly T[], count: number): T[] {
    return this.shuffle(items).slice(0, count)
  }

  /** The items in random order. */
  shuffle<T>(items: readonly T[]): T[] {
    return shuffle(this, items)
  }
}

/** The items in random order (Fisher-Yates). */
export function shuffle<T>(draw: Draw, items: readonly T[]): T[] {
  const shuffled = [...items]
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = draw.int(0, last)
    ;[shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!]
  }
  return shuffled
}
