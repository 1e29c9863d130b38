import { GrpoError } from '../../errors.js'
import { TransientError, withRetries } from './remote.js'
import type { Remote } from './remote.js'

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
 * Sends one GET and gives its response to `body`. Redirects are followed here, because a token must go to the server's own
 * origin alone: never to the storage that it redirects to.
 *
 * Throws a TransientError for what may pass (connection, stall, 408, 429, 5xx, a storage link that has expired), the remote's
 * error for any other refusal, and the signal's reason when it is aborted.
 */
export async function getOnce<T>(
  remote: Remote,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: (response: WatchedResponse) => Promise<T>,
): Promise<T> {
  remote.signal?.throwIfAborted()
  const watch = new StallWatch(remote)
  try {
    const response = await followRedirects(remote, url, headers, watch.signal)
    watch.alive()
    if (!response.ok) {
      await response.body?.cancel().catch(() => undefined)
      throw remote.refusal(response)
    }
    return await body({ response, chunks: () => readChunks(response, watch) })
  } catch (error) {
    throw watch.explain(error, url)
  } finally {
    watch.stop()
  }
}

/**
 * A short answer as a text, retried, and what `read` makes of it; `what` names it in errors. A TransientError of `read` counts as one
 * of the network: a proxy's login page, or a body that was cut.
 */
export async function getText<T>(
  remote: Remote,
  url: string,
  { what, accept }: { what: string; accept: string },
  read: (text: string, response: Response) => T,
): Promise<T> {
  return withRetries(remote, what, () =>
    getOnce(remote, url, { Accept: accept }, async ({ response, chunks }) => {
      const pieces: Uint8Array[] = []
      let bytes = 0
      for await (const chunk of chunks()) {
        bytes += chunk.length
        if (bytes > MAXIMUM_ANSWER_BYTES) {
          throw remote.failure('http', `${withoutQuery(url)} answers with more than ${MAXIMUM_ANSWER_BYTES} bytes`)
        }
        pieces.push(chunk)
      }
      return read(Buffer.concat(pieces).toString('utf8'), response)
    }),
  )
}

async function followRedirects(
  remote: Remote,
  start: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  let url = new URL(start)
  for (let redirects = 0; redirects <= MAXIMUM_REDIRECTS; redirects++) {
    const authorization = remote.authorization(url)
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
    url = redirectTarget(remote, start, location, url)
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw remote.failure('http', `${withoutQuery(start)} redirects to ${url.protocol}//…; expected http or https`)
    }
  }
  throw remote.failure('http', `${withoutQuery(start)} redirects more than ${MAXIMUM_REDIRECTS} times`)
}

/** Where a redirect leads. fetch refuses addresses with a name and password, with both in its message. */
function redirectTarget(remote: Remote, start: string, location: string, base: URL): URL {
  const target = URL.canParse(location, base) ? new URL(location, base) : null
  if (target !== null && target.username === '' && target.password === '') return target
  const what = target === null ? 'something that is no address' : 'an address with a user name'
  throw remote.failure('http', `${withoutQuery(start)} redirects to ${what}; expected http or https`)
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
  readonly #remote: Remote
  #timer: NodeJS.Timeout | null = null

  constructor(remote: Remote) {
    this.#remote = remote
    this.signal = remote.signal ? AbortSignal.any([remote.signal, this.#controller.signal]) : this.#controller.signal
    this.alive()
  }

  alive(): void {
    if (this.#timer) this.#timer.refresh()
    else {
      this.#timer = setTimeout(() => {
        this.#controller.abort()
      }, this.#remote.network.stallMilliseconds)
    }
  }

  /** Ends the request if it still goes on. */
  stop(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#controller.abort()
  }

  /** The error to throw for one that a request ended with; its text has no query, for a storage link's is a secret. */
  explain(error: unknown, url: string): unknown {
    if (this.#remote.signal?.aborted) return this.#remote.signal.reason
    if (error instanceof GrpoError || error instanceof TransientError) return error
    const address = withoutQuery(url)
    if (this.#controller.signal.aborted) {
      const seconds = this.#remote.network.stallMilliseconds / 1000
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
export function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
