import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError, GrpoError } from '../../errors.js'
import { isLoopback, mayAsk } from './access.js'
import { errorBody, HttpError } from './httpError.js'
import { BodyBudget, withJsonBody } from './requestBody.js'

/** What a service answers at one address. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** Such as `/v1/rewards`. */
  readonly path: string
  /** Whether it is answered without the token. Defaults to false. */
  readonly isOpen?: boolean
  /** Longest body, in bytes. Defaults to the service's. */
  readonly maxBodyBytes?: number
  /** @throws HttpError for what it refuses; anything else it throws is answered with 500 and its message */
  answer(request: ServiceRequest): Promise<ServiceAnswer> | ServiceAnswer
}

/** A request that may ask. */
export interface ServiceRequest {
  /** Of JSON; null of GET. */
  readonly body: unknown
  /** Aborted when the client is gone, and when the service has waited long enough to end. */
  readonly signal: AbortSignal
}

/** What a request gets. */
export interface ServiceAnswer {
  /** Defaults to 200. */
  readonly status?: number
  /** A text is sent as it is, with `type`; anything else as JSON. */
  readonly body: unknown
  /** Of a text. Defaults to text/plain. */
  readonly type?: string
}

/** How a service is offered. */
export interface ServiceOptions {
  /** Address to listen at. Beyond this machine (not loopback) a token is demanded. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** What requests have to show, as `Authorization: Bearer TOKEN` or as the password of Basic; null for nothing. */
  readonly token: string | null
  /** Longest body, in bytes. */
  readonly maxBodyBytes: number
  /** Bytes of all bodies together; requests beyond get 429. */
  readonly maxBufferedBytes: number
  /** Requests with a body that are worked on or wait; further ones get 429 with Retry-After. */
  readonly maxRequests: number
  /** Milliseconds that a client may take to send its request, and to take its answer. */
  readonly transferTimeout: number
  /** Told of every request when it is answered; nothing of its contents. Defaults to nobody. */
  readonly onRequest?: (request: RequestLine) => void
}

/** What is told of a request. */
export interface RequestLine {
  readonly method: string
  /** The path of a route; `other` for all else, for what clients send is theirs. */
  readonly path: string
  readonly status: number
  /** From its first byte to the last of the answer. */
  readonly milliseconds: number
  /** Of its body. */
  readonly bytes: number
  /** Why it was refused, without contents; null otherwise. */
  readonly error: string | null
}

/** A service that listens. */
export interface Service {
  /** Such as `http://127.0.0.1:8765`. */
  readonly url: string
  readonly port: number
  /** Takes no new requests, waits until those that are worked on are answered, at most so many ms, and ends. */
  stop(graceMilliseconds: number): Promise<void>
}

/** Listens, and answers by the routes. Throws a GrpoError when the port is taken, a ConfigError for an open address without a token. */
export async function startService(routes: readonly Route[], options: ServiceOptions): Promise<Service> {
  if (options.token === null && !isLoopback(options.host)) {
    throw new ConfigError(
      `host ${options.host} is open to other machines, and there is no token; give one, or listen at 127.0.0.1`,
    )
  }
  const budget = new BodyBudget(options.maxBufferedBytes)
  const ending = new AbortController()
  let working = 0
  let stopped = false

  async function answerTo(request: http.IncomingMessage, route: Route, signal: AbortSignal): Promise<ServiceAnswer> {
    if (route.method === 'GET') return route.answer({ body: null, signal })
    if (working >= options.maxRequests) {
      throw new HttpError(429, `${working} requests are worked on already; ask again`, 1)
    }
    working++
    try {
      return await withJsonBody(request, { limit: route.maxBodyBytes ?? options.maxBodyBytes, budget }, async (body) =>
        route.answer({ body, signal }),
      )
    } finally {
      working--
    }
  }

  const server = http.createServer((request, response) => {
    const started = performance.now()
    const path = pathOf(request)
    const atPath = routes.filter((route) => route.path === path)
    const gone = new AbortController()
    const signal = AbortSignal.any([gone.signal, ending.signal])
    let error: string | null = null
    response.on('close', () => {
      gone.abort(new HttpError(499, 'the client is gone'))
      options.onRequest?.({
        method: request.method ?? '',
        path: atPath.length > 0 ? path : 'other',
        status: response.writableFinished ? response.statusCode : 499,
        milliseconds: performance.now() - started,
        bytes: Number(request.headers['content-length'] ?? 0) || 0,
        error,
      })
    })
    const respond = async (): Promise<ServiceAnswer> => {
      if (stopped) throw new HttpError(503, 'the service ends', 5)
      const route = atPath.find(({ method }) => method === request.method)
      if (route?.isOpen !== true) mayAsk(request, options)
      if (atPath.length === 0) throw new HttpError(404, 'there is nothing at this address')
      if (!route) throw new HttpError(405, `expected ${atPath.map(({ method }) => method).join(' or ')}`)
      return answerTo(request, route, signal)
    }
    respond().then(
      (answer) => {
        send(request, response, answer, options.transferTimeout)
      },
      (cause: unknown) => {
        const refused = cause instanceof HttpError ? cause : null
        const message = cause instanceof Error ? cause.message : String(cause)
        error = refused?.message ?? 'internal error'
        if (refused?.retryAfter != null) response.setHeader('Retry-After', String(refused.retryAfter))
        const status = refused?.status ?? 500
        send(request, response, { status, body: errorBody(status, message) }, options.transferTimeout)
      },
    )
  })
  server.headersTimeout = Math.min(options.transferTimeout, 30_000)
  server.requestTimeout = options.transferTimeout
  server.keepAliveTimeout = 120_000
  server.maxHeadersCount = 100
  server.listen(options.port, options.host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new GrpoError(
      `cannot listen at ${options.host}, port ${options.port} (${(cause as Error).message}); choose another port`,
      { cause },
    )
  }
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    port,
    async stop(graceMilliseconds) {
      stopped = true
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      const timer = setTimeout(() => {
        ending.abort(new HttpError(503, 'the service has ended', 5))
        setTimeout(() => {
          server.closeAllConnections()
        }, 1000).unref()
      }, graceMilliseconds)
      await closed
      clearTimeout(timer)
    },
  }
}

/** Sends an answer; a client that does not take it within the time limit loses its connection. */
function send(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { status = 200, body, type = 'text/plain; charset=utf-8' }: ServiceAnswer,
  transferTimeout: number,
): void {
  if (response.destroyed) return
  const isText = typeof body === 'string'
  const bytes = Buffer.from(isText ? body : JSON.stringify(body))
  // What was not read of the request would be taken for the next one.
  if (!request.complete) response.setHeader('Connection', 'close')
  response.writeHead(status, {
    'Content-Type': isText ? type : 'application/json',
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  const timer = setTimeout(() => response.destroy(), transferTimeout)
  response.on('close', () => {
    clearTimeout(timer)
  })
  response.end(bytes)
}

function pathOf({ url = '' }: http.IncomingMessage): string {
  return url.split('?', 1)[0]!
}
