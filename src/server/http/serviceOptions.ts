/** How a service is offered. */
export interface ServiceOptions {
  /** Address to listen at. Beyond this machine (not loopback) a token is demanded. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** What requests have to show, as `Authorization: Bearer TOKEN` or as the password of Basic; null for nothing. */
  readonly token: string | null
  /** Longest body, in bytes. */
  readonly maxBodyBytes: number
  /** Bytes of all bodies together; requests beyond get 429. As many again of answers that clients have not taken; 503 beyond. */
  readonly maxBufferedBytes: number
  /** Requests with a body that are worked on or wait; further ones get 429 with Retry-After. */
  readonly maxRequests: number
  /** Milliseconds that a client may take to send its request, and to take its answer; then its connection is ended. */
  readonly transferTimeout: number
  /** Connections at a time; further ones are refused, and those that wait for nothing ended. Defaults to 1000. */
  readonly maxConnections?: number
  /** Told of every request when it is answered; nothing of its contents. Defaults to nobody. */
  readonly onRequest?: (request: RequestLine) => void
}

/** What is told of a request. */
export interface RequestLine {
  readonly method: string
  /** The path of a route; `other` for all else, for what clients send is theirs. */
  readonly path: string
  readonly status: number
  /** From its first byte to the last of the answer. */
  readonly milliseconds: number
  /** Of its body, as far as it was read. */
  readonly bytes: number
  /** Why it was refused, without contents; null otherwise. */
  readonly error: string | null
}
