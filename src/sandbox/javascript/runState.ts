import fs from 'node:fs'

/** A failure of the run as a whole, which neither the program nor the tests can catch. */
export class RunEnded extends Error {}

/** Time that waits for a processor does not count, until so many times the limit are over. */
export const MAX_PATIENCE = 3

/** How a run goes on: until its time is over, or something ended it. */
export class RunState {
  /** Whether an engine itself failed, as opposed to what runs in it. */
  isBroken = false
  readonly #timeLimit: number
  readonly #started = Date.now()
  readonly #waited = waited()
  #deadline: number
  #ended: string | null = null

  /** `timeLimit` in ms. */
  constructor(timeLimit: number) {
    this.#timeLimit = timeLimit
    this.#deadline = this.#started + timeLimit
  }

  /** Why the run is over; null while it is not. */
  get ended(): string | null {
    if (this.#ended === null && Date.now() > this.#deadline) {
      const patience = Math.min(waited() - this.#waited, (MAX_PATIENCE - 1) * this.#timeLimit)
      this.#deadline = this.#started + this.#timeLimit + patience
      if (Date.now() > this.#deadline) this.#ended = `time limit of ${this.#timeLimit} ms`
    }
    return this.#ended
  }

  /** Ends the run: what is running is interrupted, and nothing that comes later counts. */
  end(reason: string): RunEnded {
    if (this.ended === null) this.#ended = reason
    return new RunEnded(this.ended!)
  }
}

/** Time, in ms, that this thread has waited for a processor since it began; 0 where the system does not say. */
function waited(): number {
  try {
    return Number(fs.readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
