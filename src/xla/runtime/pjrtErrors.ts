import { EngineError, OutOfDeviceMemoryError } from '../../errors.js'

/** What the addon threw as an error of ours: what failed, XLA's message, and for a full memory how much was asked for. */
export function asEngineError(what: string, cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'UNKNOWN'
  if (code !== 'RESOURCE_EXHAUSTED') return new EngineError(`${what}: ${message} (${code})`, { cause })
  const bytes = readBytes(message)
  const asked = bytes === null ? '' : `${(bytes / 1e9).toPrecision(3)} GB more were asked for; `
  return new OutOfDeviceMemoryError(
    `${what}: the device is out of memory. ${asked}compute fewer sequences at a time, shorter ones, or a smaller model. ` +
      `The device said: ${message}`,
    bytes,
    { cause },
  )
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** How much was asked for: XLA writes `allocate 12345 bytes` or `allocate 1.50GiB`. */
function readBytes(message: string): number | null {
  const found = /allocat\w*(?: request for)? (\d+(?:\.\d+)?) ?(?:([KMGT]?)i?B\b|bytes)/.exec(message)
  return found ? Math.round(Number(found[1]) * UNITS[found[2] ?? '']!) : null
}
