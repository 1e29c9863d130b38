import assert from 'node:assert/strict'
import type { EngineError } from '../../../src/errors.js'
import { OutOfDeviceMemoryError } from '../../../src/errors.js'
import { asEngineError } from '../../../src/xla/runtime/pjrtErrors.js'

function errorOf(code: string, message: string): EngineError {
  return asEngineError('the program decode cannot be run', Object.assign(new Error(message), { code }))
}

describe('xla/runtime: errors', () => {
  it('say how much memory was asked for, in all the ways that XLA writes it', () => {
    for (const [message, bytes, said] of [
      ['Out of memory allocating 100000000000000 bytes.', 1e14, '93132.26 GiB'],
      ['Out of memory while trying to allocate 2147483648 bytes.', 2 ** 31, '2.00 GiB'],
      ['Out of memory while trying to allocate 1.50GiB.\n', 1.5 * 2 ** 30, '1.50 GiB'],
      ['Out of memory while trying to allocate 18.5KiB.', 18944, '1 MiB'],
      ['Failed to allocate request for 3.00MiB (3145728B) on device ordinal 0', 3 * 2 ** 20, '3 MiB'],
      ['Allocation of 512 bytes failed', 512, '1 MiB'],
    ] as const) {
      const error = errorOf('RESOURCE_EXHAUSTED', message)
      assert.ok(error instanceof OutOfDeviceMemoryError)
      assert.equal(error.bytes, bytes)
      assert.match(
        error.message,
        new RegExp(`^the program decode cannot be run: the device's memory is too small for ${said} more \\(`),
      )
      assert.match(error.message, /[^.]\); compute fewer sequences at a time, or shorter ones$/)
    }
    const unknown = errorOf('RESOURCE_EXHAUSTED', 'Ran out of memory in memory space hbm')
    assert.ok(unknown instanceof OutOfDeviceMemoryError)
    assert.equal(unknown.bytes, null)
  })

  it('carry the message and the kind of everything else', () => {
    const error = errorOf('INVALID_ARGUMENT', 'No such compile option')
    assert.equal(error.message, 'the program decode cannot be run: No such compile option (INVALID_ARGUMENT)')
    assert.ok(error.cause instanceof Error)
    assert.ok(!(errorOf('RESOURCE_EXHAUSTED', 'Shared memory size limit exceeded') instanceof OutOfDeviceMemoryError))
    assert.match(asEngineError('it failed', 'why').message, /^it failed: why \(UNKNOWN\)$/)
    assert.equal(asEngineError('again', error), error)
  })
})
