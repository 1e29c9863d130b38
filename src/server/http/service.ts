import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError, GrpoError } from '../../errors.js'
import { isLoopback, mayAsk } from './access.js'
import { ByteBudget } from './byteBudget.js'
import type { ByteClaim } from './byteBudget.js'
import { Connections } from './connections.js'
import { HttpError } from './httpError.js'
import { checkBodyHeaders, parseBody, readBody } from './requestBody.js'
import { encodeAnswer, errorAnswer, send } from './send.js'
import type { EncodedAnswer } from './send.js'
import type { Route } from './route.js'
import type { ServiceOptions } from './serviceOptions.js'

export type { Route, ServiceRequest } from './route.js'
export type { ServiceAnswer } from './send.js'
export type { RequestLine, ServiceOptions } from './serviceOptions.js'

/** A service that listens. */
export interface Service {
  /** Such as `http://127.0.0.1:8765`. */
  readonly url: string
  readonly port: number
  /** Takes no new requests, waits until those that are worked on are answered, at most so many ms, and ends. */
  stop(graceMilliseconds: number): Promise<void>
}

/**
 * Listens, and answers by the routes. Throws a GrpoError when the port is taken, a ConfigError for a token that no header can hold,
 * and for an open address without one.
 */
export async function startService(routes: readonly Route[], options: ServiceOptions): Promise<Service> {
  checkAccess(options)
  const { host, transferTimeout } = options
  const bodies = new ByteBudget(options.maxBufferedBytes)
  const answers = new ByteBudget(options.maxBufferedBytes)
  const connections = new Connections()
  const asking = new Set<AbortController>()
  let working = 0
  let stopping: Promise<void> | null = null

  async function answerTo(
    request: http.IncomingMessage,
    route: Route,
    { signal, claim, goOn }: { signal: AbortSignal; claim: ByteClaim; goOn: () => void },
  ): Promise<EncodedAnswer> {
    if (route.method === 'GET') return encodeAnswer(await route.answer({ body: null, signal }))
    const limit = route.maxBodyBytes ?? options.maxBodyBytes
    checkBodyHeaders(request, limit)
    const checkRoom = (): void => {
      if (working >= options.maxRequests) throw new HttpError(429, `${working} requests are worked on; ask again`)
    }
    checkRoom()
    goOn()
    try {
      const bytes = await readBody(request, { limit, claim })
      // Those that send slowly keep nobody from being worked on.
      checkRoom()
      working++
      try {
        return encodeAnswer(await route.answer({ body: parseBody(bytes), signal }))
      } finally {
        working--
      }
    } finally {
      claim.free()
    }
  }

  function onRequest(request: http.IncomingMessage, response: http.ServerResponse, waitsToSend: boolean): void {
    const started = performance.now()
    const path = pathOf(request)
    const atPath = routes.filter((route) => route.path === path)
    const controller = new AbortController()
    const claim = bodies.claim()
    let error: string | null = null
    let onSent = (): void => undefined
    let isSent = false
    let isClosed = false
    const onClose = (): void => {
      if (isClosed) return
      isClosed = true
      end?.()
      onSent()
      asking.delete(controller)
      controller.abort(new HttpError(499, 'the client is gone'))
      options.onRequest?.({
        method: request.method ?? '',
        path: atPath.length > 0 ? path : 'other',
        status: isSent ? response.statusCode : 499,
        milliseconds: performance.now() - started,
        bytes: claim.taken,
        error: isSent ? error : 'the client is gone, or was too slow',
      })
    }
    const end = connections.begin(request.socket, onClose)
    if (!end) return
    asking.add(controller)
    response.once('close', onClose)
    // It is told of the end of a connection too. Node's own listener ends those that are not kept.
    response.prependOnceListener('finish', () => (isSent = !request.socket.destroyed))
    let sends = !waitsToSend
    const goOn = (): void => {
      if (!sends) response.writeContinue()
      sends = true
    }
    const respond = async (): Promise<EncodedAnswer> => {
      if (stopping) throw new HttpError(503, 'the service ends')
      const route = atPath.find(({ method }) => method === request.method)
      mayAsk(request, route?.isOpen === true ? { host, token: null } : options)
      if (atPath.length === 0) throw new HttpError(404, 'there is nothing at this address')
      if (!route) {
        const methods = atPath.map(({ method }) => method)
        response.setHeader('Allow', methods.join(', '))
        throw new HttpError(405, `expected ${methods.join(' or ')}`)
      }
      return answerTo(request, route, { signal: controller.signal, claim, goOn })
    }
    void respond()
      .catch((cause: unknown) => {
        const answer = errorAnswer(cause)
        error = answer.logged
        return answer
      })
      .then((answer) => {
        if (isClosed) return
        const isLast = stopping !== null || !sends
        onSent = send(answer, { request, response, budget: answers, transferTimeout, isLast })
      })
  }

  const server = http.createServer({
    connectionsCheckingInterval: Math.min(Math.max(transferTimeout / 4, 50), 5000),
    headersTimeout: Math.min(transferTimeout, 30_000),
    requestTimeout: transferTimeout,
    keepAliveTimeout: KEEP_ALIVE,
  })
  server.maxHeadersCount = 100
  server.maxConnections = options.maxConnections ?? 1000
  server.on('connection', (socket) => {
    connections.add(socket)
  })
  // The next one finds room.
  server.on('drop', () => {
    connections.closeIdle()
  })
  server.on('request', (request, response) => {
    onRequest(request, response, false)
  })
  server.on('checkContinue', (request, response) => {
    onRequest(request, response, true)
  })
  server.listen(options.port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new GrpoError(
      `cannot listen at ${host}, port ${options.port} (${(cause as Error).message}); choose another port`,
      { cause },
    )
  }
  // A connection that cannot be accepted, for want of file descriptors, is the client's loss only.
  server.on('error', () => undefined)
  const { port } = server.address() as AddressInfo

  async function end(graceMilliseconds: number): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    connections.closeIdle()
    const timers = [
      setTimeout(() => {
        for (const controller of asking) controller.abort(new HttpError(503, 'the service has ended'))
      }, graceMilliseconds),
      setTimeout(() => {
        server.closeAllConnections()
      }, graceMilliseconds + LAST_ANSWERS),
    ]
    await closed
    timers.forEach(clearTimeout)
  }

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    stop: (graceMilliseconds) => (stopping ??= end(graceMilliseconds)),
  }
}

/** Milliseconds that a connection may wait for its next request: longer than clients keep theirs, so that they end them. */
const KEEP_ALIVE = 120_000
/** Milliseconds in which what is aborted at the end is answered. */
const LAST_ANSWERS = 1000

/** Throws a ConfigError for a token that no header can hold, and for an open address without one. */
export function checkAccess({ host, token }: Pick<ServiceOptions, 'host' | 'token'>): void {
  if (token === null && !isLoopback(host)) {
    throw new ConfigError(
      `host ${host} is open to other machines, and there is no token; give one by --token-file, or listen at 127.0.0.1`,
    )
  }
  if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
    throw new ConfigError(
      'the token is empty, or has characters besides visible ASCII; expected such as openssl rand -hex 32 prints',
    )
  }
}

function pathOf({ url = '' }: http.IncomingMessage): string {
  return url.split('?', 1)[0]!
}
