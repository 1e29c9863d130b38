import type { GroupEntry } from '../src/backend/cpu/groupProfile.js'

/** A step on one thread whose work was cut into tiles for so many threads, in milliseconds. */
export interface CutStep {
  readonly threads: number
  /** Outside kernels. */
  readonly outside: number
  readonly entries: readonly Pick<GroupEntry, 'tiles' | 'isParallel' | 'groups' | 'milliseconds'>[]
}

/** What a step would take on as many cores, in milliseconds. */
export interface Prediction {
  readonly threads: number
  /** What one thread does alone: JavaScript, and kernels too small for the helpers. */
  readonly serial: number
  /** The work of the other kernels, divided by the threads. */
  readonly parallel: number
  /** What they take longer because their tiles cannot be divided evenly. */
  readonly imbalance: number
  /** To hand out their tiles and to wait for each other. */
  readonly barriers: number
  readonly total: number
  /** `serial` as a share of what one thread takes for everything. */
  readonly serialShare: number
}

/**
 * t(n) = serial + parallel / n + imbalance(n) + groups · barrier(n). Of a group of T equal tiles some thread has ⌈T / n⌉, which is how
 * long it takes. That all cores are as fast as one, memory included, is assumed: where they share a memory that is too slow, it takes
 * longer.
 */
export function predictStep(
  { threads, outside, entries }: CutStep,
  /** Milliseconds that a group costs on so many threads; see {@link barrierMilliseconds}. */
  barrier: number,
): Prediction {
  const shared = entries.filter(({ isParallel }) => isParallel)
  const sum = (of: (entry: CutStep['entries'][number]) => number, among = shared): number =>
    among.reduce((total, entry) => total + of(entry), 0)
  const alone = entries.filter(({ isParallel }) => !isParallel)
  const serial = outside + sum(({ milliseconds }) => milliseconds, alone)
  const work = sum(({ milliseconds }) => milliseconds)
  const longest = sum(({ milliseconds, tiles }) => (milliseconds * Math.ceil(tiles / threads)) / tiles)
  const parallel = work / threads
  const imbalance = longest - parallel
  const barriers = sum(({ groups }) => groups) * barrier
  return {
    threads,
    serial,
    parallel,
    imbalance,
    barriers,
    total: serial + parallel + imbalance + barriers,
    serialShare: serial / (serial + work),
  }
}

/**
 * What a group costs on n threads, from what it costs on two. Each thread reads what was begun, asks once in vain for a tile and tells
 * how many it did: cache lines that go from one core to the next, so that it grows with the number of threads.
 */
export function barrierMilliseconds(threads: number, ofTwo: number): number {
  return threads === 1 ? 0 : (ofTwo * threads) / 2
}
