import { HubError } from '../errors.js'
import { TransientError, withNetworkDefaults } from '../io/transfer/remote.js'
import type { NetworkOptions, Remote } from '../io/transfer/remote.js'
import { getText, withoutQuery } from '../io/transfer/request.js'
import { checkToken, hubEnvironment } from './environment.js'
import type { HubEnvironment } from './environment.js'
import type { Repository } from './repository.js'
import { responseError } from './responseError.js'

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
    network: withNetworkDefaults(options.network ?? {}, environment.stallMilliseconds),
  }
}

/** The Hub, for what belongs to a repository. The token goes to the Hub's own origin alone. */
export function remoteOf(client: HubClient, repository: Repository): Remote {
  const home = new URL(client.endpoint).origin
  return {
    signal: client.signal,
    network: client.network,
    authorization: (url) => (client.token !== null && url.origin === home ? `Bearer ${client.token}` : null),
    refusal: (response) => responseError(client, repository, response),
    failure: (kind, message, options) => new HubError(kind, message, options),
    advice: (error) => adviceFor(client, error),
  }
}

/** A JSON answer of the Hub's API, retried; `what` names it in errors. */
export async function getJson(
  client: HubClient,
  repository: Repository,
  url: string,
  what: string,
): Promise<{ value: unknown; headers: Headers }> {
  return getText(remoteOf(client, repository), url, { what, accept: 'application/json' }, (text, { headers }) => {
    try {
      return { value: JSON.parse(text) as unknown, headers }
    } catch (cause) {
      throw new TransientError(`${withoutQuery(url)} did not answer with JSON`, null, { cause })
    }
  })
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
