import { KernelId } from './constants.js'
import type { Runtime } from './runtime.js'

/** Groups of calls of one kernel with one number of tiles, in one phase. */
export interface GroupEntry {
  readonly phase: string
  /** A name of KernelId; of groups of several calls that of the first. */
  readonly kernel: string
  readonly tiles: number
  /** Whether they were in a list of calls, or called by an op. */
  readonly isListed: boolean
  /** Whether the helpers take part. */
  readonly isParallel: boolean
  groups: number
  /** Rough number of multiply-adds, or the like. */
  operations: number
  /** On the main thread. */
  milliseconds: number
  /** Of these, those in which the main thread had no tile left and waited for the helpers. */
  waiting: number
}

const names = new Map<number, string>(Object.entries(KernelId).map(([name, id]) => [id, name]))

/**
 * Measures how the threads of a runtime share its work: what each group of calls takes, with the helpers or without, and how long the
 * main thread waits for them. While it runs, a group takes some tenths of a microsecond more.
 */
export class GroupProfile {
  /** What is being done: a part of the key of the next groups. */
  phase = ''
  readonly #entries = new Map<string, GroupEntry>()

  /** Starts to measure. */
  constructor(private readonly runtime: Runtime) {
    runtime.observe(({ kernel, tiles, operations, isListed, isParallel, milliseconds, waiting }) => {
      const key = `${this.phase}/${kernel}/${tiles}/${isListed}/${isParallel}`
      let entry = this.#entries.get(key)
      if (!entry) {
        const name = names.get(kernel) ?? String(kernel)
        const nothing = { groups: 0, operations: 0, milliseconds: 0, waiting: 0 }
        entry = { phase: this.phase, kernel: name, tiles, isListed, isParallel, ...nothing }
        this.#entries.set(key, entry)
      }
      entry.groups++
      entry.operations += operations
      entry.milliseconds += milliseconds
      entry.waiting += waiting
    })
  }

  /** Ends measuring. */
  stop(): void {
    this.runtime.observe(null)
  }

  /** What was measured so far. */
  entries(): GroupEntry[] {
    return [...this.#entries.values()]
  }
}

/** How the threads shared the work of a phase, in milliseconds of the main thread. */
export interface SharedWork {
  /** Outside kernels, where there is one thread: JavaScript. */
  readonly outside: number
  /** In kernels that are too small for the helpers. */
  readonly alone: number
  /** In kernels with the helpers. */
  readonly together: number
  /** Of these, waiting for the helpers' last tiles. */
  readonly waiting: number
  readonly groups: number
  /** Groups with the helpers. */
  readonly sharedGroups: number
  /** What one thread does alone, as a share of what one thread would take for everything. */
  readonly serialShare: number
}

/** Sums entries of a phase that took so many milliseconds in all. */
export function sharedWork(entries: readonly GroupEntry[], milliseconds: number, threads: number): SharedWork {
  const sum = (of: (entry: GroupEntry) => number, isParallel: boolean): number =>
    entries.reduce((total, entry) => total + (entry.isParallel === isParallel ? of(entry) : 0), 0)
  const alone = sum((entry) => entry.milliseconds, false)
  const together = sum((entry) => entry.milliseconds, true)
  const waiting = sum((entry) => entry.waiting, true)
  const sharedGroups = sum((entry) => entry.groups, true)
  const outside = milliseconds - alone - together
  const serial = outside + alone
  // While the main thread waits, one other works at least.
  const parallel = threads * (together - waiting) + waiting
  return {
    outside,
    alone,
    together,
    waiting,
    groups: sharedGroups + sum((entry) => entry.groups, false),
    sharedGroups,
    serialShare: serial / (serial + parallel),
  }
}
