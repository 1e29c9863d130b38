import type http from 'node:http'
import { sameSecret } from '../../io/sameSecret.js'
import { HttpError } from './httpError.js'

/** Whether an address to listen at is reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/**
 * Whether a request may ask: it shows the token, and where none is asked for, it is no page in a browser, which could be anybody's.
 * @throws HttpError 401 or 403
 */
export function mayAsk(
  request: Pick<http.IncomingMessage, 'headers'>,
  { host, token }: { readonly host: string; readonly token: string | null },
): void {
  const { authorization = '', origin, host: named = '' } = request.headers
  if (token !== null) {
    if (!sameSecret(givenToken(authorization), token)) throw new HttpError(401, 'the token is missing or wrong')
    return
  }
  if (origin !== undefined) throw new HttpError(403, 'pages in browsers may not ask')
  // A page of another site that has its name resolve to this machine still names itself as the host.
  const name = named
    .toLowerCase()
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
  if (isLoopback(host) && !isLoopback(name)) throw new HttpError(403, 'unknown host')
}

/** Bearer, or the password of Basic: what a client sends that knows an address only, http://x:TOKEN@host/. */
function givenToken(authorization: string): string | null {
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(authorization) ?? []
  if (scheme.toLowerCase() === 'bearer') return credentials
  if (scheme.toLowerCase() !== 'basic') return null
  return Buffer.from(credentials, 'base64')
    .toString('utf8')
    .replace(/^[^:]*:/, '')
}
