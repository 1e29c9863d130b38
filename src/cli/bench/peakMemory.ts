import fs from 'node:fs'
import * as tf from '../../bundled/tfjs.js'
import type { CpuBackend } from '../../backend/cpu/backend.js'

/** Most memory in use at one time since the process started. */
export interface PeakMemory {
  /** Bytes of weights, activations and everything else in the cpu backend's memory. */
  readonly tensorBytes: number
  /** Bytes of main memory that the process held, the tensors included. */
  readonly residentBytes: number
}

/** Reads both from the system and from the cpu backend, which has to be the current one. */
export function peakMemory(): PeakMemory {
  const { runtime } = tf.backend() as unknown as Pick<CpuBackend, 'runtime'>
  return { tensorBytes: runtime.allocator.peakBytes, residentBytes: peakResidentBytes() }
}

/** Most bytes of main memory that the process held at one time. */
export function peakResidentBytes(): number {
  // On Linux, getrusage counts what the parent held when it started this process; VmHWM does not.
  const status = '/proc/self/status'
  const kibibytes = fs.existsSync(status)
    ? /^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync(status, 'utf8'))?.[1]
    : undefined
  return 1024 * (kibibytes === undefined ? process.resourceUsage().maxRSS : Number(kibibytes))
}
