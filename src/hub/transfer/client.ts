import { setTimeout as wait } from 'node:timers/promises'
import { HubError } from '../../errors.js'
import { checkToken, hubEnvironment } from '../environment.js'
import type { HubEnvironment } from '../environment.js'

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

/** What every function of the Hub takes; each value defaults to what the environment says. */
export interface HubOptions {
  /** Address of the Hub. Defaults to HF_ENDPOINT, else https://huggingface.co. */
  endpoint?: string
  /** Access token; null for none. Defaults to HF_TOKEN, else the token of `hf auth login`. */
  token?: string | null
  /** The cache that is shared with Python's tools. Defaults to HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub. */
  cacheFolder?: string
  /** Uses the cache alone. Defaults to HF_HUB_OFFLINE. */
  offline?: boolean
  /** Ends the transfer; what has been fetched stays and is taken up by the next one. */
  signal?: AbortSignal
  /** Gets a line that the user should see, such as that a repository was renamed. Defaults to console.warn. */
  onWarning?: (message: string) => void
  /** How often and how long the network is tried. Defaults to the values of {@link NetworkOptions}. */
  network?: NetworkOptions
}

/** The options with every default filled in. */
export interface HubClient extends HubEnvironment {
  readonly signal: AbortSignal | null
  readonly onWarning: (message: string) => void
  readonly network: Required<NetworkOptions>
}

const MAXIMUM_BACKOFF_MILLISECONDS = 8000
/** A longer wait than this is for the user to decide on. */
const MAXIMUM_RETRY_AFTER_MILLISECONDS = 300_000

export function createClient(options: HubOptions): HubClient {
  const environment = hubEnvironment()
  const token = options.token === undefined ? environment.token : options.token
  checkToken(token)
  return {
    ...environment,
    token,
    endpoint: (options.endpoint ?? environment.endpoint).replace(/\/+$/, ''),
    cacheFolder: options.cacheFolder ?? environment.cacheFolder,
    offline: options.offline ?? environment.offline,
    signal: options.signal ?? null,
    onWarning: options.onWarning ?? console.warn,
    network: {
      retries: 5,
      backoffMilliseconds: 1000,
      partBytes: 64 * 1024 * 1024,
      stallMilliseconds: environment.stallMilliseconds,
      ...options.network,
    },
  }
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
 * that calls `progressed` starts the count anew. `what` names the transfer in the HubError when it is given up.
 */
export async function withRetries<T>(
  client: HubClient,
  what: string,
  attempt: (progressed: () => void) => Promise<T>,
): Promise<T> {
  const { retries, backoffMilliseconds } = client.network
  for (let failures = 0; ; failures++) {
    try {
      return await attempt(() => {
        failures = 0
      })
    } catch (error) {
      client.signal?.throwIfAborted()
      if (!(error instanceof TransientError)) throw error
      const { retryAfterMilliseconds } = error
      if (failures >= retries || (retryAfterMilliseconds ?? 0) > MAXIMUM_RETRY_AFTER_MILLISECONDS) {
        throw new HubError('network', `${what}: ${error.message}; ${adviceFor(client, error)}`, { cause: error })
      }
      const backoff = Math.min(backoffMilliseconds * 2 ** failures, MAXIMUM_BACKOFF_MILLISECONDS)
      // Spread, so that many processes that failed together do not return together.
      const pause = Math.max(retryAfterMilliseconds ?? 0, backoff * (0.75 + Math.random() / 2))
      await wait(pause, undefined, client.signal ? { signal: client.signal } : {})
    }
  }
}

function adviceFor(client: HubClient, { retryAfterMilliseconds }: TransientError): string {
  if (retryAfterMilliseconds !== null) {
    const account = client.token === null ? ', or set HF_TOKEN: an account may make more requests' : ''
    return `try again in ${Math.ceil(retryAfterMilliseconds / 1000)} s${account}`
  }
  return (
    `tried ${client.network.retries + 1} times; check the network and HF_ENDPOINT (${client.endpoint}), then run it again: ` +
    'it goes on where it stopped. With HF_HUB_OFFLINE=1 only the cache is used'
  )
}
