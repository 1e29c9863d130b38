import { setTimeout as sleep } from 'node:timers/promises'
import { HttpError } from '../http/httpError.js'
import type { Outcome, ScoringSample } from './scoringJob.js'
import { startScoringWorker } from './scoringWorker.js'
import type { Loss, ScoringWorker, ScoringWorkerOptions } from './scoringWorker.js'

/** Completions that a thread takes at a time. */
const PIECE = 16
/** Completions that wait or are scored, beyond which a further batch is refused. */
const MAX_COMPLETIONS = 2 ** 15
/** Milliseconds after which a thread that could not be started is tried again. */
const PAUSE = 1000

/** A part of a batch that one thread scores. */
interface Piece {
  readonly pairs: readonly (readonly [sample: number, reward: number])[]
  readonly isBatch: boolean
}

/** Completions that are scored together. */
interface Batch {
  readonly samples: readonly ScoringSample[]
  readonly outcomes: (Outcome | undefined)[][] // [N][functions]
  readonly pieces: Piece[]
  /** Outcomes that are missing. */
  missing: number
  settle(error?: Error): void
}

/** Threads that score completions. */
export class ScoringPool {
  readonly #queue: Batch[] = []
  readonly #idle: (() => void)[] = []
  readonly #workers = new Set<ScoringWorker>()
  readonly #lanes: Promise<void>[] = []
  #completions = 0
  #lost = 0
  #isEnding = false

  private constructor(
    private readonly options: ScoringWorkerOptions,
    /** Of each reward function, whether it gets whole batches. */
    private readonly takesBatches: readonly boolean[],
  ) {}

  /** Starts `options.workers` threads. Throws a GrpoError when they cannot be started. */
  static async start(options: ScoringWorkerOptions, takesBatches: readonly boolean[]): Promise<ScoringPool> {
    const pool = new ScoringPool(options, takesBatches)
    const started = await Promise.allSettled(Array.from({ length: options.workers }, () => startScoringWorker(options)))
    const workers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const failed = started.find((result) => result.status === 'rejected')
    if (failed) {
      await Promise.all(workers.map((worker) => worker.end()))
      throw failed.reason
    }
    for (const worker of workers) pool.#lanes.push(pool.#lane(worker))
    return pool
  }

  /** Threads that are there now: one that was lost takes a moment to be replaced. */
  get workers(): number {
    return this.#workers.size
  }

  /** Threads that were lost. */
  get lost(): number {
    return this.#lost
  }

  /** Completions that wait or are scored. */
  get completions(): number {
    return this.#completions
  }

  /**
   * What each function says about each completion. Functions that take batches get all completions at once; where such a call fails,
   * none of them has a value of it.
   *
   * Throws an HttpError 429 when too many completions wait already, and the reason of the signal.
   */
  async score(samples: readonly ScoringSample[], signal: AbortSignal): Promise<Outcome[][]> {
    signal.throwIfAborted()
    if (this.#completions > 0 && this.#completions + samples.length > MAX_COMPLETIONS) {
      throw new HttpError(429, `${this.#completions} completions wait already; ask again`)
    }
    const functions = this.takesBatches.length
    const outcomes = samples.map(() => new Array<Outcome | undefined>(functions).fill(undefined))
    if (samples.length === 0) return []
    this.#completions += samples.length
    try {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          batch.settle(signal.reason as Error)
        }
        const batch: Batch = {
          samples,
          outcomes,
          pieces: piecesOf(samples.length, this.takesBatches, this.options.workers),
          missing: samples.length * functions,
          settle(error) {
            signal.removeEventListener('abort', onAbort)
            batch.pieces.length = 0
            if (error) reject(error)
            else resolve()
          },
        }
        signal.addEventListener('abort', onAbort)
        this.#offer(batch)
      })
    } finally {
      this.#completions -= samples.length
    }
    return outcomes as Outcome[][]
  }

  /** Ends all threads; what they score is lost. */
  async end(): Promise<void> {
    this.#isEnding = true
    for (const batch of this.#queue.splice(0)) batch.settle(new HttpError(503, 'the service has ended'))
    await Promise.all([...this.#workers].map((worker) => worker.end()))
    for (const wake of this.#idle.splice(0)) wake()
    await Promise.all(this.#lanes)
  }

  #offer(batch: Batch): void {
    if (!this.#queue.includes(batch)) this.#queue.push(batch)
    for (const wake of this.#idle.splice(0)) wake()
  }

  /** The next piece; batches take turns, so that a small one does not wait for a large one. */
  #take(): { batch: Batch; piece: Piece } | null {
    for (;;) {
      const batch = this.#queue.shift()
      if (!batch) return null
      const piece = batch.pieces.shift()
      if (batch.pieces.length > 0) this.#queue.push(batch)
      if (piece) return { batch, piece }
    }
  }

  /** One thread after the other. */
  async #lane(first: ScoringWorker): Promise<void> {
    let worker: ScoringWorker | null = first
    while (!this.#isEnding) {
      if (!worker) {
        try {
          worker = await startScoringWorker(this.options)
        } catch {
          await sleep(PAUSE)
        }
        continue
      }
      this.#workers.add(worker)
      await this.#useUp(worker)
      this.#workers.delete(worker)
      this.#lost++
      worker = null
    }
    await worker?.end()
  }

  /** Has a thread score until it ends. */
  async #useUp(worker: ScoringWorker): Promise<void> {
    while (!worker.hasEnded && !this.#isEnding) {
      const next = this.#take()
      if (!next) {
        await Promise.race([new Promise<void>((resolve) => this.#idle.push(resolve)), worker.ended])
        continue
      }
      const { batch, piece } = next
      const places = [...new Set(piece.pairs.map(([sample]) => sample))]
      const job = {
        samples: places.map((place) => batch.samples[place]!),
        pairs: piece.pairs.map(([sample, reward]) => [places.indexOf(sample), reward] as const),
        isBatch: piece.isBatch,
      }
      const loss = await worker.run(job, (sample, reward, outcome) => {
        note(batch, places[sample]!, reward, outcome)
      })
      if (!loss) continue
      const at = loss.at && ([places[loss.at[0]]!, loss.at[1]] as const)
      this.#repair(batch, piece, { ...loss, at })
      return
    }
  }

  /** What was not scored when a thread was lost is scored again, but for what ended it. */
  #repair(batch: Batch, piece: Piece, { reason, isTimeout, at }: Loss): void {
    if (batch.missing === 0) return
    const left = piece.pairs.filter(([sample, reward]) => batch.outcomes[sample]![reward] === undefined)
    const guilty = piece.isBatch || left.length === 1 ? left : left.filter((pair) => isSame(pair, at))
    for (const [sample, reward] of guilty) note(batch, sample, reward, { value: null, error: reason, isTimeout })
    const innocent = left.filter((pair) => !guilty.includes(pair))
    if (innocent.length === 0) return
    // Where it is not known what it was, each is tried by itself.
    const again = guilty.length > 0 ? [innocent] : innocent.map((pair) => [pair])
    batch.pieces.unshift(...again.map((pairs) => ({ pairs, isBatch: false })))
    this.#offer(batch)
  }
}

function isSame([sample, reward]: readonly [number, number], other: readonly [number, number] | null): boolean {
  return other !== null && sample === other[0] && reward === other[1]
}

function note(batch: Batch, sample: number, reward: number, outcome: Outcome): void {
  const row = batch.outcomes[sample]!
  if (row[reward] !== undefined) return
  row[reward] = outcome
  if (--batch.missing === 0) batch.settle()
}

function piecesOf(completions: number, takesBatches: readonly boolean[], workers: number): Piece[] {
  const all = Array.from({ length: completions }, (_, sample) => sample)
  const functions = takesBatches.map((_, reward) => reward)
  const whole = functions
    .filter((reward) => takesBatches[reward])
    .map((reward) => ({ pairs: all.map((sample) => [sample, reward] as const), isBatch: true }))
  const single = functions.filter((reward) => !takesBatches[reward])
  if (single.length === 0) return whole
  const size = Math.min(PIECE, Math.ceil(completions / workers))
  const pieces = Array.from({ length: Math.ceil(completions / size) }, (_, i) => ({
    pairs: all.slice(i * size, (i + 1) * size).flatMap((sample) => single.map((reward) => [sample, reward] as const)),
    isBatch: false,
  }))
  return [...whole, ...pieces]
}
