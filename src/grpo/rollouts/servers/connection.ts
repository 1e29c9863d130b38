import http from 'node:http'
import https from 'node:https'
import { ConfigError, GrpoError } from '../../../errors.js'
import { isJsonObject } from '../../../io/json.js'
import { retryAfter, TransientError } from '../../../io/transfer/remote.js'

/** Of an answer that is an error, what is read and what is told. */
const LONGEST_ERROR_BYTES = 64 * 1024
const LONGEST_MESSAGE = 300
/** A server that is busy and does not say for how long. */
const BUSY_MILLISECONDS = 1000

/** An answer that is neither a success nor a failure that may pass. */
export class ServerRefusal extends GrpoError {
  override name = 'ServerRefusal'
  constructor(
    /** Of HTTP. */
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** A request to a server. */
export interface ServerRequest {
  /** JSON; without it the request is a GET. */
  readonly body?: unknown
  /** Milliseconds until the whole answer is there. */
  readonly timeout: number
  /** Most bytes of the answer. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/** The way to one server. */
export class ServerConnection {
  readonly #client: typeof http | typeof https
  readonly #agent: http.Agent

  constructor(
    /** Without a slash at its end. */
    readonly url: string,
    /** Sent as a bearer token; null for none. */
    private readonly key: string | null,
  ) {
    this.#client = url.startsWith('https:') ? https : http
    this.#agent = new this.#client.Agent({ keepAlive: true })
  }

  /**
   * The JSON of an answer, or its text where it is none. Redirects are not followed: the key is for this server alone.
   * @throws TransientError for what may pass: no connection, no answer in time, 408, 429, 5xx. ConfigError for 401 and 403,
   *   ServerRefusal for any other answer that is no success, the signal's reason
   */
  async ask(path: string, request: ServerRequest): Promise<unknown> {
    const { status, headers, text } = await this.#send(path, request)
    const what = `${this.url}${path}`
    if (status >= 200 && status < 300) {
      try {
        return text === '' ? null : JSON.parse(text)
      } catch {
        return text
      }
    }
    const message = this.shown(messageOf(this.#withoutKey(text)))
    const answered = `${what} answered ${status}${message === '' ? '' : `: ${message}`}`
    if (status === 429 || status === 408 || status >= 500) {
      const wait = retryAfter(new Headers({ 'retry-after': headers['retry-after'] ?? '' }))
      throw new TransientError(answered, wait ?? (status === 429 ? BUSY_MILLISECONDS : null))
    }
    if (status === 401 || status === 403) {
      const advice =
        this.key === null
          ? 'give its key: apiKeyEnv names the environment variable that holds it'
          : 'is the key in the variable that apiKeyEnv names the right one?'
      throw new ConfigError(`${answered}; ${advice}`)
    }
    throw new ServerRefusal(status, answered)
  }

  /** Ends its connections. */
  close(): void {
    this.#agent.destroy()
  }

  #send(
    path: string,
    { body, timeout, maxBytes, signal }: ServerRequest,
  ): Promise<{ status: number; headers: http.IncomingHttpHeaders; text: string }> {
    const content = body === undefined ? null : Buffer.from(JSON.stringify(body))
    return new Promise((resolve, reject) => {
      const limit = new AbortController()
      const timer = setTimeout(() => {
        limit.abort()
      }, timeout)
      const fail = (error: Error): void => {
        clearTimeout(timer)
        if (signal.aborted) reject(signal.reason as Error)
        else if (error instanceof GrpoError) reject(error)
        else if (limit.signal.aborted) {
          reject(new TransientError(`${this.url}${path} gave no whole answer within ${timeout / 1000} s`))
        } else reject(new TransientError(`${this.url}${path}: ${describe(error)}`, null, { cause: error }))
      }
      const request = this.#client.request(
        `${this.url}${path}`,
        {
          method: content ? 'POST' : 'GET',
          agent: this.#agent,
          signal: AbortSignal.any([limit.signal, signal]),
          headers: {
            Accept: 'application/json',
            'User-Agent': 'grpo-ts',
            ...(content && { 'Content-Type': 'application/json', 'Content-Length': content.length }),
            ...(this.key !== null && { Authorization: `Bearer ${this.key}` }),
          },
        },
        (response) => {
          const status = response.statusCode ?? 0
          const most = status >= 200 && status < 300 ? maxBytes : LONGEST_ERROR_BYTES
          const chunks: Buffer[] = []
          let bytes = 0
          response.on('error', fail)
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length
            if (bytes <= most) chunks.push(chunk)
            else if (status >= 200 && status < 300) {
              request.destroy(new GrpoError(`${this.url}${path} answers with more than ${maxBytes} bytes`))
            } else {
              // Of an error, which may go on for ever, that is enough.
              finish()
              request.destroy()
            }
          })
          const finish = (): void => {
            clearTimeout(timer)
            resolve({ status, headers: response.headers, text: Buffer.concat(chunks).toString('utf8') })
          }
          response.on('end', finish)
        },
      )
      request.on('error', fail)
      request.end(content ?? undefined)
    })
  }

  /** What a server says, as it may stand in a message: in one line, not too long, without the key and what moves a cursor. */
  shown(text: string): string {
    const line = this.#withoutKey(text)
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim()
    return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line
  }

  /** A server may repeat what it was sent. */
  #withoutKey(text: string): string {
    return this.key === null || this.key === '' ? text : text.replaceAll(this.key, '…')
  }
}

/** What an answer says is wrong: `{ error: { message } }` of vLLM, `{ message }`, `{ detail }`, or its text. */
function messageOf(text: string): string {
  let said: unknown = text
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) {
      const inner = isJsonObject(value.error) ? value.error.message : value.error
      said = inner ?? value.message ?? value.error_message ?? value.detail ?? text
    }
  } catch {
    // A text, or a page.
  }
  return typeof said === 'string' ? said : JSON.stringify(said)
}

/** Errors of several addresses of a name have no message of their own. */
function describe(error: Error): string {
  if (error.message !== '') return error.message
  return 'code' in error ? String(error.code) : 'the connection was lost'
}
