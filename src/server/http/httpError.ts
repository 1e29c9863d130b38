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
