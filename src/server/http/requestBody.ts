import type http from 'node:http'
import { findDuplicateKey } from '../../io/json.js'
import { HttpError } from './httpError.js'

/** Bytes of bodies that all requests of a service hold together. */
export class BodyBudget {
  #bytes = 0

  constructor(private readonly limit: number) {}

  /** Bytes that are held now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes room for some bytes. Throws an HttpError 429 when there is none. */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.limit) throw new HttpError(429, 'too many bytes wait already', 1)
    this.#bytes += bytes
  }

  free(bytes: number): void {
    this.#bytes -= bytes
  }
}

/**
 * Reads a body of JSON, which `use` gets; its bytes count in the budget until `use` is done.
 * @throws HttpError 413 for one that is longer than `limit`, 415 for another type, 400 for what is no JSON, 429 without budget
 */
export async function withJsonBody<T>(
  request: http.IncomingMessage,
  { limit, budget }: { readonly limit: number; readonly budget: BodyBudget },
  use: (body: unknown) => Promise<T>,
): Promise<T> {
  // A page in a browser can send text/plain anywhere without asking, and nothing else.
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new HttpError(415, 'expected the header content-type: application/json')
  }
  const tooLong = new HttpError(413, `the body is longer than ${limit} bytes; send smaller batches`)
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLong
  const chunks: Buffer[] = []
  let taken = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (taken + chunk.length > limit) throw tooLong
      budget.take(chunk.length)
      taken += chunk.length
      chunks.push(chunk)
    }
    return await use(parseBody(Buffer.concat(chunks)))
  } finally {
    budget.free(taken)
  }
}

function parseBody(bytes: Buffer): unknown {
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    throw new HttpError(400, `the body is not JSON in UTF-8 (${(cause as Error).message})`)
  }
  const twice = findDuplicateKey(text)
  if (twice !== undefined) throw new HttpError(400, `the body has the key ${JSON.stringify(twice)} twice in one object`)
  return value
}
