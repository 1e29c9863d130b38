import assert from 'node:assert/strict'
import { HubError } from '../../src/errors.js'

/** The HubError that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<HubError> {
  const error = await promise.then(
    () => assert.fail('it did not reject'),
    (reason: unknown) => reason,
  )
  if (error instanceof HubError) return error
  throw error
}
