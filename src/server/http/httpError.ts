/** What a request is refused with: the status, and the message that the client gets. */
export class HttpError extends Error {
  override name = 'HttpError'
  constructor(
    readonly status: number,
    message: string,
    /** Seconds after which the client may ask again. */
    readonly retryAfter: number | null = null,
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
