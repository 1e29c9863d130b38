/** Servers that files are fetched from, whatever they are, and how often they are asked. */
import { setTimeout as wait } from 'node:timers/promises'
import type { GrpoError } from '../../errors.js'

/** How often and how long the network is tried. */
export interface NetworkOptions {
  /** Attempts after one that failed, counted anew whenever one brought data. Defaults to 5. */
  retries?: number
  /** Wait before the first retry, doubled for each further one up to 8 s. Defaults to 1000. */
  backoffMilliseconds?: number
  /** A connection without data for so long is given up. Defaults to HF_HUB_DOWNLOAD_TIMEOUT or 10 s. */
  stallMilliseconds?: number
  /** Larger files are fetched in parts of this size, several at once. Defaults to 64 MiB. */
  partBytes?: number
}

/** What a transfer may end with. */
export type TransferFailure = 'network' | 'http' | 'integrity'

/** A server: who may ask it, and what its refusals mean. */
export interface Remote {
  readonly signal: AbortSignal | null
  readonly network: Required<NetworkOptions>
  /** The header Authorization for an address, which may be one that was redirected to; null for none. */
  readonly authorization: (url: URL) => string | null
  /** The error for an answer that is not ok; a TransientError when it may pass. */
  readonly refusal: (response: Response) => Error
  /** The error that a transfer is ended with. */
  readonly failure: (kind: TransferFailure, message: string, options?: ErrorOptions) => GrpoError
  /** What to do about a transfer that was given up. */
  readonly advice: (error: TransientError) => string
}

const MAXIMUM_BACKOFF_MILLISECONDS = 8000
/** A longer wait than this is for the user to decide on. */
const MAXIMUM_RETRY_AFTER_MILLISECONDS = 300_000

/** The options with every default filled in. */
export function withNetworkDefaults(options: NetworkOptions, stallMilliseconds = 10_000): Required<NetworkOptions> {
  return { retries: 5, backoffMilliseconds: 1000, partBytes: 64 * 1024 * 1024, stallMilliseconds, ...options }
}

/** A failure that may pass: it is tried again. */
export class TransientError extends Error {
  override name = 'TransientError'
  constructor(
    message: string,
    /** How long the server asked to wait. */
    readonly retryAfterMilliseconds: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/**
 * Repeats `attempt` while it throws a TransientError, with growing pauses or those that the server asks for. An attempt
 * that calls `progressed` starts the count anew. `what` names the transfer in the error when it is given up.
 */
export async function withRetries<T>(
  remote: Pick<Remote, 'signal' | 'network' | 'failure' | 'advice'>,
  what: string,
  attempt: (progressed: () => void) => Promise<T>,
): Promise<T> {
  const { retries, backoffMilliseconds } = remote.network
  for (let failures = 0; ; failures++) {
    try {
      return await attempt(() => {
        failures = 0
      })
    } catch (error) {
      remote.signal?.throwIfAborted()
      if (!(error instanceof TransientError)) throw error
      const { retryAfterMilliseconds } = error
      if (failures >= retries || (retryAfterMilliseconds ?? 0) > MAXIMUM_RETRY_AFTER_MILLISECONDS) {
        throw remote.failure('network', `${what}: ${error.message}; ${remote.advice(error)}`, { cause: error })
      }
      const backoff = Math.min(backoffMilliseconds * 2 ** failures, MAXIMUM_BACKOFF_MILLISECONDS)
      // Spread, so that many processes that failed together do not return together.
      const pause = Math.max(retryAfterMilliseconds ?? 0, backoff * (0.75 + Math.random() / 2))
      await wait(pause, undefined, remote.signal ? { signal: remote.signal } : {})
    }
  }
}

/** How long an answer asks to wait, in ms: `Retry-After` in seconds or as a date. */
export function retryAfter(headers: Headers): number | null {
  const value = headers.get('retry-after')?.trim()
  if (value !== undefined && /^\d+$/.test(value)) return Number(value) * 1000
  const date = value === undefined ? NaN : Date.parse(value)
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now())
}
