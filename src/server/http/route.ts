import type { ServiceAnswer } from './send.js'

/** What a service answers at one address. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** Such as `/v1/rewards`. */
  readonly path: string
  /** Whether it is answered without the token, though not to pages in browsers. Defaults to false. */
  readonly isOpen?: boolean
  /** Longest body, in bytes. Defaults to the service's. */
  readonly maxBodyBytes?: number
  /** @throws HttpError for what it refuses; anything else it throws is answered with 500, and told to the log only */
  answer(request: ServiceRequest): Promise<ServiceAnswer> | ServiceAnswer
}

/** A request that may ask. */
export interface ServiceRequest {
  /** Of JSON; null of GET. */
  readonly body: unknown
  /** Aborted when the client is gone, and when the service has waited long enough to end. */
  readonly signal: AbortSignal
}
