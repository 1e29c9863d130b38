import { HubError } from '../errors.js'
import { retryAfter, TransientError } from '../io/transfer/remote.js'
import type { HubClient } from './client.js'
import { pageOf } from './repository.js'
import type { Repository } from './repository.js'

const TOKENS_PAGE = 'https://huggingface.co/settings/tokens'

/**
 * The error for a response that is not ok: a TransientError when it may pass, else a HubError that says what to do. The
 * Hub's header X-Error-Code tells what it means, as in huggingface_hub's hf_raise_for_status.
 */
export function responseError(
  client: HubClient,
  repository: Repository,
  response: Response,
): HubError | TransientError {
  const { status, headers } = response
  const isFromHub = response.url === '' || new URL(response.url).origin === new URL(client.endpoint).origin
  if (status === 408 || status === 429 || status >= 500) {
    const reason = status === 429 ? 'the limit of requests is reached' : 'the server is not available'
    return new TransientError(`the Hub answered ${status}: ${reason}`, retryAfter(headers) ?? untilReset(headers))
  }
  // The Hub signs the links to its storage for some minutes; the next attempt gets a new one.
  if (!isFromHub) return new TransientError(`the link to the storage was refused (${status}); it may have expired`)
  const { kind, message } = explain(client, repository, response)
  const requestId = requestIdOf(client, headers)
  return new HubError(kind, requestId === null ? message : `${message} (request ${requestId})`, { status })
}

/** The id by which the Hub finds a request. Whatever else a server sends, the token among it, is not for messages. */
function requestIdOf({ token }: HubClient, headers: Headers): string | null {
  const id = headers.get('x-request-id')
  if (id === null || !/^[\w=;:-]{1,100}$/.test(id)) return null
  return token !== null && id.includes(token) ? null : id
}

function explain(
  client: HubClient,
  repository: Repository,
  { status, headers }: Response,
): { kind: HubError['kind']; message: string } {
  const { type, id, revision } = repository
  const code = headers.get('x-error-code')
  const detail = headers.get('x-error-message') ?? ''
  const page = pageOf(client.endpoint, repository)
  const hasToken = client.token !== null
  if (code === 'GatedRepo') {
    const how = hasToken
      ? `the account of your token has not been granted access: ask for it on ${page}`
      : `accept its conditions on ${page} with your account, then set HF_TOKEN to a token of it (${TOKENS_PAGE})`
    return { kind: 'gated', message: `${type} ${id} is gated: ${how}` }
  }
  if (detail === 'Access to this resource is disabled.') {
    return { kind: 'disabled', message: `${type} ${id} was disabled by the Hub; see ${page}` }
  }
  if (code === 'RevisionNotFound') {
    const message = `${type} ${id} has no revision ${revision}; expected a branch, a tag or a commit of ${page}/commits`
    return { kind: 'revision-not-found', message }
  }
  if (code === 'EntryNotFound') {
    return { kind: 'entry-not-found', message: `${type} ${id} at ${revision} lacks a file that it lists; try again` }
  }
  if (status === 401 && hasToken && code !== 'RepoNotFound') {
    const message = `the Hub does not accept the token for ${type} ${id}: it is wrong, revoked or has expired; make a new one on ${TOKENS_PAGE}`
    return { kind: 'unauthorized', message }
  }
  if (code === 'RepoNotFound' || status === 401 || status === 404) {
    // The Hub does not say which of the two, so that nobody can find out what others keep private.
    const how = hasToken
      ? 'or is private and the account of your token may not read it; check the spelling and the account'
      : `or is private; check the spelling, and for a private one set HF_TOKEN (${TOKENS_PAGE})`
    return { kind: 'repository-not-found', message: `${type} ${id} does not exist on ${client.endpoint}, ${how}` }
  }
  if (status === 403) {
    const message = `the Hub refuses ${type} ${id} (403): the token lacks the right to read it; see ${TOKENS_PAGE}`
    return { kind: 'forbidden', message }
  }
  return { kind: 'http', message: `the Hub answered ${status} for ${type} ${id}` }
}

/** The `t` of the Hub's `RateLimit: "api";r=0;t=55`, in ms. */
function untilReset(headers: Headers): number | null {
  const limit = /;\s*r=0\s*;\s*t=(\d+)/.exec(headers.get('ratelimit') ?? '')
  return limit ? Number(limit[1]) * 1000 : null
}
