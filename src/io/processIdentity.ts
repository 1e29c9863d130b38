import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'

/** What tells a process from all others, also from a later one of the same number. */
export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** Where its number means something: on Linux the boot and the PID namespace (a container has its own), else the host. */
  readonly place: string
  /** When it was started, in whatever form the system tells it; null where that is not known. */
  readonly started: string | null
}

let own: ProcessIdentity | null = null

/** The identity of this process. */
export function ownProcess(): ProcessIdentity {
  return (own ??= { pid: process.pid, host: os.hostname(), place: placeHere(), started: startOf(process.pid) })
}

/** Whether a process still runs; null when that cannot be known from here. */
export function isRunning({ pid, place, started }: ProcessIdentity): boolean | null {
  if (place !== ownProcess().place || !Number.isSafeInteger(pid) || pid <= 0) return null
  if (!exists(pid)) return false
  const now = startOf(pid)
  if (now === 'ended') return false
  return now === null || started === null || now === started
}

function placeHere(): string {
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot} ${fs.readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return os.hostname()
  }
}

/** When a process was started; `ended` for one that has ended and is only not buried yet; null when that is not known. */
function startOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      const status = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The name, the second field, may hold blanks and brackets.
      const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19]!
    }
    if (process.platform === 'win32') return null
    const options = { encoding: 'utf8', env: { PATH: process.env.PATH, LC_ALL: 'C' }, stdio: 'pipe' } as const
    return execFileSync('ps', ['-o', 'lstart=', '-p', `${pid}`], options).trim() || null
  } catch {
    return null
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
