import fs from 'node:fs'
import type { Engine } from '../../engine/engine.js'

/** Most memory in use at one time since the process started. */
export interface PeakMemory {
  /** Bytes of weights, activations and everything else in the engine's memory; null where it does not know. */
  readonly tensorBytes: number | null
  /** Bytes of main memory that the process held, the tensors included. */
  readonly residentBytes: number
}

/** Reads both, from the engine and from the system. */
export function peakMemory(engine: Engine): PeakMemory {
  return { tensorBytes: engine.memory().peak, residentBytes: peakResidentBytes() }
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
