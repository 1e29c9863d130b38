import http from 'node:http'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { startService } from '../../../src/server/http/service.js'
import type { RequestLine, Route, Service, ServiceOptions } from '../../../src/server/http/service.js'

/** What a service answered. */
export interface Reply {
  readonly status: number
  readonly body: string
  readonly headers: http.IncomingHttpHeaders
}

const defaults: ServiceOptions = {
  host: '127.0.0.1',
  port: 0,
  token: null,
  maxBodyBytes: 2 ** 20,
  maxBufferedBytes: 2 ** 22,
  maxRequests: 8,
  transferTimeout: 5000,
}

/** Services of one test file, which end after each test, and what they logged. */
export function useServices(): {
  start: (routes: readonly Route[], options?: Partial<ServiceOptions>) => Promise<Service>
  lines: RequestLine[]
} {
  const services: Service[] = []
  const lines: RequestLine[] = []
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.stop(0)))
    lines.length = 0
  })
  const start = async (routes: readonly Route[], options: Partial<ServiceOptions> = {}): Promise<Service> => {
    const service = await startService(routes, { ...defaults, onRequest: (line) => lines.push(line), ...options })
    services.push(service)
    return service
  }
  return { start, lines }
}

/** Sends a request; a body that is no text is sent as JSON. */
export function ask(
  { port }: Pick<Service, 'port'>,
  path: string,
  {
    method,
    headers = {},
    body,
    agent,
    signal,
  }: {
    method?: string
    headers?: http.OutgoingHttpHeaders
    body?: unknown
    agent?: http.Agent
    signal?: AbortSignal
  } = {},
): Promise<Reply> {
  const bytes = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: method ?? (bytes === undefined ? 'GET' : 'POST'),
        headers: { ...(bytes !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(agent && { agent }),
        ...(signal && { signal }),
      },
      (response) => {
        text(response).then((answer) => {
          resolve({ status: response.statusCode!, body: answer, headers: response.headers })
        }, reject)
      },
    )
    request.on('error', reject)
    request.end(bytes)
  })
}

/** A connection that sends what it is told, byte by byte, and keeps all that comes back. */
export class RawConnection {
  readonly #socket: net.Socket
  readonly closed: Promise<void>
  received = ''

  constructor({ port }: Pick<Service, 'port'>, { reads = true }: { reads?: boolean } = {}) {
    this.#socket = net.connect(port, '127.0.0.1')
    this.#socket.on('error', () => undefined)
    this.closed = new Promise((resolve) =>
      this.#socket.on('close', () => {
        resolve()
      }),
    )
    if (reads) this.#socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')))
  }

  send(text: string | Buffer): void {
    this.#socket.write(text)
  }

  /** Waits until all that was received matches. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.received)) {
      await new Promise<void>((resolve, reject) => {
        const onClose = (): void => {
          this.#socket.off('data', onData)
          reject(new Error(`closed before ${String(pattern)}: ${JSON.stringify(this.received)}`))
        }
        const onData = (): void => {
          this.#socket.off('close', onClose)
          resolve()
        }
        if (this.#socket.closed) onClose()
        else this.#socket.once('data', onData).once('close', onClose)
      })
    }
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** The head of a POST of JSON. */
export function head(path: string, headers: readonly string[] = []): string {
  return [`POST ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Content-Type: application/json', ...headers, '', ''].join('\r\n')
}

/** Waits until something is so. */
export async function waitUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10))
}
