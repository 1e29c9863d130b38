import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { GrpoError } from '../errors.js'
import { sameSecret } from './sameSecret.js'

/** A page that is served to one person at this machine. */
export interface PageServer {
  /** Address of the page, with the token that it asks for. */
  readonly url: string
  /** Ends the server. */
  close(): Promise<void>
}

/** What a page server answers. */
export interface PageAnswer {
  readonly status: number
  /** Such as `text/html`. */
  readonly type: string
  readonly body: string
}

/** A request of the page itself. */
export interface PageRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Of a POST, as text; empty otherwise. */
  readonly body: string
}

/** What is behind the address of a page. */
export interface PageServed {
  /** The page, which gets the token for its requests. */
  page(token: string): string
  /** Answers a request of the page; null where there is nothing. What it throws is answered with 500 and its message. */
  answer(request: PageRequest): PageAnswer | null | Promise<PageAnswer | null>
}

/** Longest body of a request, in bytes: pages send a few words. */
const LONGEST_BODY = 16 * 1024

/**
 * Serves a page on 127.0.0.1. Whoever asks must know the token of the address, so that neither another page in the same browser nor
 * another user of the machine can read or do anything.
 * @param port 0 takes a free one
 * @throws GrpoError when the port is taken
 */
export async function servePage(served: PageServed, port: number): Promise<PageServer> {
  const token = randomBytes(24).toString('base64url')
  const server = http.createServer((request, response) => {
    void answerTo(request)
      .catch((error: unknown) => text(500, error instanceof Error ? error.message : String(error)))
      .then((answer) => {
        response.writeHead(answer.status, {
          'Content-Type': `${answer.type}; charset=utf-8`,
          'Cache-Control': 'no-store',
          'Content-Security-Policy': "frame-ancestors 'none'",
          'Cross-Origin-Opener-Policy': 'same-origin',
          'Cross-Origin-Resource-Policy': 'same-origin',
          'Referrer-Policy': 'no-referrer',
          'X-Content-Type-Options': 'nosniff',
        })
        response.end(answer.body)
      })
  })

  async function answerTo(request: http.IncomingMessage): Promise<PageAnswer> {
    const { host = '', origin } = request.headers
    // A page of another site that has its name resolve to 127.0.0.1 still names itself as the host.
    if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host)) return refusal(403, 'unknown host')
    const { method = 'GET', url = '/' } = request
    if (!url.startsWith('/')) return refusal(400, 'expected a path')
    const { pathname: path, searchParams: query } = new URL(`http://${host}${url}`)
    if (method === 'GET' && path === '/') {
      if (!sameSecret(query.get('token'), token)) return refusal(403, 'the address lacks its token; see the terminal')
      return { status: 200, type: 'text/html', body: served.page(token) }
    }
    const site = request.headers['sec-fetch-site']
    if ((origin !== undefined && origin !== `http://${host}`) || (site !== undefined && site !== 'same-origin')) {
      return refusal(403, 'only the page itself may ask')
    }
    if (!sameSecret(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null, token)) {
      return refusal(403, 'the token is missing or not that of this server')
    }
    const body = method === 'POST' ? await readBody(request) : ''
    if (body === null) return refusal(413, `the body is longer than ${LONGEST_BODY} bytes`)
    return (await served.answer({ method, path, query, body })) ?? refusal(404, 'there is no such page')
  }

  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new GrpoError(`cannot serve on port ${port} (${(cause as Error).message}); choose another one with --port`, {
      cause,
    })
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/?token=${token}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The body as text; null where it is too long. */
async function readBody(request: http.IncomingMessage): Promise<string | null> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > LONGEST_BODY) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** An answer in words. */
export function refusal(status: number, reason: string): PageAnswer {
  return text(status, `${reason}\n`)
}

function text(status: number, body: string): PageAnswer {
  return { status, type: 'text/plain', body }
}
