import type http from 'node:http'
import { findDuplicateKey } from '../../io/json.js'
import type { ByteClaim } from './byteBudget.js'
import { HttpError } from './httpError.js'
import { checkJsonShape } from './jsonShape.js'

/** Smallest room that is made for a body of unknown length. */
const FIRST_ROOM = 2 ** 14

/** Throws an HttpError 415 for a body that is not JSON, 413 for one that says it is longer than `limit`. */
export function checkBodyHeaders({ headers }: Pick<http.IncomingMessage, 'headers'>, limit: number): void {
  // A page in a browser can send text/plain anywhere without asking, and nothing else.
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    throw new HttpError(415, 'expected the header content-type: application/json')
  }
  if (!/^(identity)?$/i.test(headers['content-encoding'] ?? '')) {
    throw new HttpError(415, 'expected a body without content-encoding')
  }
  if (Number(headers['content-length'] ?? 0) > limit) throw tooLong(limit)
}

/**
 * Reads the bytes of a body, which `claim` holds from then on. What is left of one that is refused stays in the request.
 * @throws HttpError 413 for one that is longer than `limit`, 429 without room, 499 when the client is gone
 */
export function readBody(
  request: http.IncomingMessage,
  { limit, claim }: { readonly limit: number; readonly claim: ByteClaim },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // One buffer that grows: as a list, each byte that is sent by itself would take a hundred.
    let bytes = Buffer.alloc(0)
    let length = 0
    const stopReading = (): void => {
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      // Nobody else listens to the end of a connection.
      request.on('error', () => undefined)
      request.pause()
    }
    const onData = (chunk: Buffer): void => {
      const refusal = length + chunk.length > limit ? tooLong(limit) : claim.take(chunk.length)
      if (refusal) {
        stopReading()
        reject(refusal)
        return
      }
      if (length + chunk.length > bytes.length) {
        const longer = Buffer.allocUnsafeSlow(Math.max(FIRST_ROOM, 2 * bytes.length, length + chunk.length))
        bytes.copy(longer, 0, 0, length)
        bytes = longer
      }
      length += chunk.copy(bytes, length)
    }
    const onEnd = (): void => {
      stopReading()
      resolve(bytes.subarray(0, length))
    }
    const onGone = (): void => {
      stopReading()
      reject(new HttpError(499, 'the client went away, or took too long, while it sent the body'))
    }
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  })
}

/** The JSON in a body. Throws an HttpError 400 for what is none, nested too deeply, of too many parts or with a key twice. */
export function parseBody(bytes: Uint8Array): unknown {
  checkJsonShape(bytes)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new HttpError(400, 'the body is not UTF-8')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // Of the message, which quotes the text, only the place.
    const [place] = /at position \d+/.exec((cause as Error).message) ?? []
    throw new HttpError(400, `the body is not JSON${place === undefined ? '' : ` (${place})`}`)
  }
  if (findDuplicateKey(text) !== undefined) throw new HttpError(400, 'the body has a key twice in one object')
  return value
}

function tooLong(limit: number): HttpError {
  return new HttpError(413, `the body is longer than ${limit} bytes; send smaller batches`)
}
