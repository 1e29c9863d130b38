import { HttpError } from './httpError.js'

/** Bytes that all requests of a service hold together. */
export class ByteBudget {
  #bytes = 0

  constructor(private readonly limit: number) {}

  /** Bytes that are held now. */
  get bytes(): number {
    return this.#bytes
  }

  /** What one request holds; nothing yet. */
  claim(): ByteClaim {
    let bytes = 0
    let taken = 0
    return {
      get taken() {
        return taken
      },
      take: (more) => {
        if (this.#bytes + more > this.limit) return new HttpError(429, 'too many bytes wait already; ask again')
        this.#bytes += more
        bytes += more
        taken += more
        return null
      },
      free: () => {
        this.#bytes -= bytes
        bytes = 0
      },
    }
  }
}

/** The bytes of one request. */
export interface ByteClaim {
  /** All that it ever took. */
  readonly taken: number
  /** Takes room for some bytes; or says why there is none. */
  take(bytes: number): HttpError | null
  /** Gives all of it back. */
  free(): void
}
