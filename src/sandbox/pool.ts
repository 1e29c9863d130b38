import { cpus } from 'node:os'

/** Something that runs one job after another: a thread or a process. */
export interface Lane<Job, Result> {
  /** Runs a job. Rejects when the lane cannot go on, for example because it ended; it is then replaced. */
  run(job: Job): Promise<{ readonly result: Result; readonly reusable: boolean }>
  /** Ends it at once, whatever it is doing. */
  kill(): void
  /** Whether it keeps the process alive. */
  setIdle(isIdle: boolean): void
}

/**
 * Runs jobs in lanes, as many at a time as there are cores. A lane that takes longer than a job's limit, fails, or says that
 * it is not reusable is ended and replaced, so a job can spoil its own result only.
 */
export class Pool<Job, Result> {
  readonly #idle: Lane<Job, Result>[] = []
  readonly #waiting: (() => void)[] = []
  #busy = 0

  constructor(
    private readonly start: () => Promise<Lane<Job, Result>>,
    private readonly size = Math.max(1, cpus().length),
  ) {}

  /** The result of a job; null when it did not end within `limit` ms, or ended its lane. */
  async run(job: Job, limit: number): Promise<Result | null> {
    if (this.#busy >= this.size) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#busy++
    try {
      const lane = this.#idle.pop() ?? (await this.start())
      return await this.#runIn(lane, job, limit)
    } finally {
      // A place that is handed on stays taken.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#busy--
    }
  }

  async #runIn(lane: Lane<Job, Result>, job: Job, limit: number): Promise<Result | null> {
    lane.setIdle(false)
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<null>((resolve) => {
      timer = setTimeout(() => {
        resolve(null)
      }, limit)
    })
    const outcome = await Promise.race([lane.run(job).catch(() => null), timeout])
    clearTimeout(timer)
    if (outcome?.reusable === true) {
      lane.setIdle(true)
      this.#idle.push(lane)
    } else lane.kill()
    return outcome?.result ?? null
  }
}
