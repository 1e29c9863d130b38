/** A failure of the run as a whole, which neither the program nor the tests can catch. */
export class RunEnded extends Error {}

/** How a run goes on: until its time is over, or something ended it. */
export class RunState {
  /** Whether an engine itself failed, as opposed to what runs in it. */
  isBroken = false
  readonly #deadline: number
  readonly #timeLimit: number
  #ended: string | null = null

  /** `timeLimit` in ms. */
  constructor(timeLimit: number) {
    this.#timeLimit = timeLimit
    this.#deadline = Date.now() + timeLimit
  }

  /** Why the run is over; null while it is not. */
  get ended(): string | null {
    if (this.#ended === null && Date.now() > this.#deadline) this.#ended = `time limit of ${this.#timeLimit} ms`
    return this.#ended
  }

  /** Ends the run: what is running is interrupted, and nothing that comes later counts. */
  end(reason: string): RunEnded {
    if (this.ended === null) this.#ended = reason
    return new RunEnded(this.ended!)
  }
}
