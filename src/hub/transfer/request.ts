import { HubError } from '../../errors.js'
import { TransientError, withRetries } from './client.js'
import type { HubClient } from './client.js'
import { responseError } from './responseError.js'
import type { Repository } from '../repository.js'

const MAXIMUM_REDIRECTS = 10
/** A page of a listing has a thousandth of it. */
const MAXIMUM_ANSWER_BYTES = 64 * 1024 * 1024

/** A response whose body is still to be read, under the watch for stalls. */
export interface WatchedResponse {
  readonly response: Response
  /** The body, chunk by chunk; stops with an error when the connection breaks or stalls. */
  readonly chunks: () => AsyncGenerator<Uint8Array>
}

/**
 * Sends one GET and gives its response to `body`. Redirects are followed here, because the token must go to the Hub's own
 * origin alone: never to the storage that it redirects to.
 *
 * Throws a TransientError for what may pass (connection, stall, 408, 429, 5xx, a storage link that has expired), a HubError
 * for any other refusal, and the signal's reason when it is aborted.
 */
export async function getOnce<T>(
  client: HubClient,
  repository: Repository,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: (response: WatchedResponse) => Promise<T>,
): Promise<T> {
  client.signal?.throwIfAborted()
  const watch = new StallWatch(client)
  try {
    const response = await followRedirects(client, url, headers, watch.signal)
    watch.alive()
    if (!response.ok) throw await responseError(client, repository, response)
    return await body({ response, chunks: () => readChunks(response, watch) })
  } catch (error) {
    throw watch.explain(error, url)
  } finally {
    watch.stop()
  }
}

/** A JSON answer of the Hub's API, retried; `what` names it in errors. */
export async function getJson(
  client: HubClient,
  repository: Repository,
  url: string,
  what: string,
): Promise<{ value: unknown; headers: Headers }> {
  return withRetries(client, what, () =>
    getOnce(client, repository, url, { Accept: 'application/json' }, async ({ response, chunks }) => {
      const pieces: Uint8Array[] = []
      let bytes = 0
      for await (const chunk of chunks()) {
        bytes += chunk.length
        if (bytes > MAXIMUM_ANSWER_BYTES) {
          throw new HubError(
            'http',
            `${withoutQuery(url)} answers with more than ${MAXIMUM_ANSWER_BYTES} bytes of JSON`,
          )
        }
        pieces.push(chunk)
      }
      try {
        return { value: JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown, headers: response.headers }
      } catch (cause) {
        // A proxy's login page, or a body that was cut.
        throw new TransientError(`${withoutQuery(url)} did not answer with JSON`, null, { cause })
      }
    }),
  )
}

async function followRedirects(
  client: HubClient,
  start: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  let url = new URL(start)
  const home = new URL(client.endpoint).origin
  for (let redirects = 0; redirects <= MAXIMUM_REDIRECTS; redirects++) {
    const authorization = client.token !== null && url.origin === home ? `Bearer ${client.token}` : null
    const response = await fetch(url, {
      redirect: 'manual',
      signal,
      headers: {
        // A compressed body would have another length than the file.
        'Accept-Encoding': 'identity',
        'User-Agent': 'grpo-ts',
        ...headers,
        ...(authorization !== null && { Authorization: authorization }),
      },
    })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || location === null) return response
    await response.body?.cancel()
    url = redirectTarget(start, location, url)
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new HubError('http', `${withoutQuery(start)} redirects to ${url.protocol}//…; expected http or https`)
    }
  }
  throw new HubError('http', `${withoutQuery(start)} redirects more than ${MAXIMUM_REDIRECTS} times`)
}

/** Where a redirect leads. fetch refuses addresses with a name and password, with both in its message. */
function redirectTarget(start: string, location: string, base: URL): URL {
  const target = URL.canParse(location, base) ? new URL(location, base) : null
  if (target !== null && target.username === '' && target.password === '') return target
  const what = target === null ? 'something that is no address' : 'an address with a user name'
  throw new HubError('http', `${withoutQuery(start)} redirects to ${what}; expected http or https`)
}

async function* readChunks(response: Response, watch: StallWatch): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    watch.alive()
    if (done) return
    yield value
    // What the caller did with the chunk is no stall of the network.
    watch.alive()
  }
}

/** Aborts a request when nothing has been heard for a while, and tells that from other ends. */
class StallWatch {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #client: HubClient
  #timer: NodeJS.Timeout | null = null

  constructor(client: HubClient) {
    this.#client = client
    this.signal = client.signal ? AbortSignal.any([client.signal, this.#controller.signal]) : this.#controller.signal
    this.alive()
  }

  alive(): void {
    if (this.#timer) this.#timer.refresh()
    else {
      this.#timer = setTimeout(() => {
        this.#controller.abort()
      }, this.#client.network.stallMilliseconds)
    }
  }

  /** Ends the request if it still goes on. */
  stop(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#controller.abort()
  }

  /** The error to throw for one that a request ended with; its text has no query, for a storage link's is a secret. */
  explain(error: unknown, url: string): unknown {
    if (this.#client.signal?.aborted) return this.#client.signal.reason
    if (error instanceof HubError || error instanceof TransientError) return error
    const address = withoutQuery(url)
    if (this.#controller.signal.aborted) {
      const seconds = this.#client.network.stallMilliseconds / 1000
      return new TransientError(`${address} sent nothing for ${seconds} s`)
    }
    return isNetworkError(error) ? new TransientError(`${address}: ${causeOf(error)}`, null, { cause: error }) : error
  }
}

/** fetch throws a TypeError whose cause has a code; reading a body throws 'terminated'. */
function isNetworkError(error: unknown): error is Error {
  return error instanceof TypeError && (error.message === 'fetch failed' || error.message === 'terminated')
}

function causeOf(error: Error): string {
  const { cause } = error
  if (!(cause instanceof Error)) return 'the connection was lost'
  if (cause.message !== '') return cause.message
  return 'code' in cause ? String(cause.code) : 'the connection was lost'
}

/** An address for a message. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
