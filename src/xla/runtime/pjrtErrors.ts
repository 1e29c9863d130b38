import { EngineError, OutOfDeviceMemoryError } from '../../errors.js'
import { gibibytes, mebibytes } from '../../io/units.js'

/** What the addon threw as an error of ours: what failed, XLA's message, and for a full memory how much was asked for. */
export function asEngineError(what: string, cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause
  const message = (cause instanceof Error ? cause.message : String(cause)).trim()
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'UNKNOWN'
  // A multiprocessor's shared memory is too small for a kernel, not the device's for arrays.
  if (code !== 'RESOURCE_EXHAUSTED' || /shared memory/i.test(message)) {
    return new EngineError(`${what}: ${message} (${code})`, { cause })
  }
  const bytes = readBytes(message)
  const size = bytes === null ? '' : ` for ${bytes < 2 ** 30 ? mebibytes(bytes) : gibibytes(bytes)} more`
  return new OutOfDeviceMemoryError(
    `${what}: the device's memory is too small${size} (${message.replace(/\.$/, '')}); ` +
      'compute fewer sequences at a time, or shorter ones',
    bytes,
    { cause },
  )
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** How much was asked for: XLA writes `allocating 12345 bytes`, `allocate 1.50GiB` or `Allocation of 12345 bytes`. */
function readBytes(message: string): number | null {
  const found = /allocat\w*(?: of| request for)? (\d+(?:\.\d+)?) ?(?:([KMGT]?)i?B\b|bytes)/i.exec(message)
  return found ? Math.round(Number(found[1]) * UNITS[found[2] ?? '']!) : null
}
