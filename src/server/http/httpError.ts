/** Seconds after which a client may ask again that was refused only because of the moment. */
const retryAfterOf: Readonly<Record<number, number>> = { 429: 1, 503: 5 }

/**
 * What a request is refused with: the status, and the message that the client gets. The message is logged too, so it names places
 * (`problem_ids[3]`), not contents.
 */
export class HttpError extends Error {
  override name = 'HttpError'
  constructor(
    readonly status: number,
    message: string,
    /** Seconds after which the client may ask again. Defaults to 1 of 429, 5 of 503, null otherwise. */
    readonly retryAfter: number | null = retryAfterOf[status] ?? null,
  ) {
    super(message)
  }
}

/** The names that OpenAI's clients and vLLM know errors by. */
const types: Readonly<Record<number, string>> = {
  400: 'BadRequestError',
  401: 'AuthenticationError',
  403: 'PermissionDeniedError',
  404: 'NotFoundError',
  429: 'RateLimitError',
}

/** What a client gets of an error, in vLLM's form. */
export function errorBody(status: number, message: string): unknown {
  const type = types[status] ?? (status < 500 ? 'BadRequestError' : 'InternalServerError')
  return { error: { message, type, code: status } }
}
