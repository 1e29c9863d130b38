import type http from 'node:http'
import { GrpoError } from '../../errors.js'
import type { ByteBudget } from './byteBudget.js'
import { HttpError, errorBody } from './httpError.js'

/** What a request gets. */
export interface ServiceAnswer {
  /** Defaults to 200. */
  readonly status?: number
  /** A text is sent as it is, with `type`; anything else as JSON. */
  readonly body: unknown
  /** Of a text. Defaults to text/plain. */
  readonly type?: string
}

/** An answer as bytes. */
export interface EncodedAnswer {
  readonly status: number
  readonly bytes: Buffer
  readonly headers: Readonly<Record<string, string>>
}

export function encodeAnswer({ status = 200, body, type = 'text/plain; charset=utf-8' }: ServiceAnswer): EncodedAnswer {
  const isText = typeof body === 'string'
  return {
    status,
    bytes: Buffer.from(isText ? body : JSON.stringify(body)),
    headers: { 'Content-Type': isText ? type : 'application/json' },
  }
}

/** The answer to what was thrown, and what the log says of it: of what is no refusal the client gets nothing. */
export function errorAnswer(cause: unknown): EncodedAnswer & { readonly logged: string } {
  const refusal =
    cause instanceof HttpError ? cause : new HttpError(500, 'internal error; the log of the service has it')
  const { status, message, retryAfter } = refusal
  const encoded = encodeAnswer({ status, body: errorBody(status, message) })
  const headers = {
    ...encoded.headers,
    ...(retryAfter !== null && { 'Retry-After': String(retryAfter) }),
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
  }
  return { ...encoded, headers, logged: refusal === cause ? message : describe(cause) }
}

/** Messages of other code may quote contents: of an error that is not ours, the name and the place. */
function describe(cause: unknown): string {
  if (cause instanceof GrpoError) return cause.message
  if (!(cause instanceof Error)) return `threw a ${typeof cause}`
  const place = cause.stack?.split('\n').find((line) => /^\s+at /.test(line)) ?? ''
  return `${cause.name}${place.replace(/^\s+/, ' ')}`
}

/** How an answer is sent. */
interface SendOptions {
  readonly request: http.IncomingMessage
  readonly response: http.ServerResponse
  /** Of all answers that wait for their clients. */
  readonly budget: ByteBudget
  /** Milliseconds that a client may take to take its answer; then its connection is ended. */
  readonly transferTimeout: number
  /** Whether the connection ends with this answer. */
  readonly isLast: boolean
}

/** Below, answers need no room. */
const SMALL = 1024

/**
 * Sends an answer, or, where too many wait already, the reason why not; a client that does not take it in time is cut off. What it
 * returns is to be called when the answer is sent or its client is gone.
 */
export function send(answer: EncodedAnswer, options: SendOptions): () => void {
  const { request, response, budget, transferTimeout, isLast } = options
  const claim = budget.claim()
  const isRefused = answer.bytes.length > SMALL && claim.take(answer.bytes.length) !== null
  const sent = isRefused
    ? errorAnswer(new HttpError(503, 'too many answers wait for clients that do not read; ask again'))
    : answer
  if (isLast) response.setHeader('Connection', 'close')
  // What is left of a body that was refused is dropped: a client may not listen while it sends, and is to hear why.
  request.on('error', () => undefined).resume()
  let timer: NodeJS.Timeout | undefined
  const startTimer = (): void => {
    timer = setTimeout(() => response.destroy(), transferTimeout)
  }
  // It may wait for the answers to earlier requests of the same connection.
  if (response.socket) startTimer()
  else response.once('socket', startTimer)
  response.writeHead(sent.status, {
    ...sent.headers,
    'Content-Length': sent.bytes.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(sent.bytes)
  return () => {
    clearTimeout(timer)
    response.off('socket', startTimer)
    claim.free()
  }
}
