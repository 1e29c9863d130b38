import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { asWriteError } from '../../io/atomicWrite.js'

interface Holder {
  readonly pid: number
  readonly host: string
  readonly id: string
}

export interface FileLockOptions {
  /** A lock that its holder has not touched for so long is taken over. Defaults to 30 s. */
  staleMilliseconds?: number
  /** Defaults to 200. */
  pollMilliseconds?: number
  /** Called once when another process holds the lock. */
  onWait?: () => void
  signal?: AbortSignal | null
}

/**
 * Runs `body` while this process alone holds the lock file. The holder touches it while it works; a lock whose holder has
 * died is taken over. Works on network file systems too, for it needs no more than creating a file that is not there.
 * Throws a GrpoError when the file cannot be made.
 */
export async function withFileLock<T>(file: string, options: FileLockOptions, body: () => Promise<T>): Promise<T> {
  const { staleMilliseconds = 30_000, pollMilliseconds = 200, signal } = options
  const holder: Holder = { pid: process.pid, host: os.hostname(), id: randomBytes(8).toString('hex') }
  for (let waits = 0; !tryCreate(file, holder); waits++) {
    signal?.throwIfAborted()
    if (breakStale(file, staleMilliseconds)) continue
    if (waits === 0) options.onWait?.()
    await wait(pollMilliseconds, undefined, signal ? { signal } : {})
  }
  const heartbeat = setInterval(() => {
    try {
      const now = new Date()
      fs.utimesSync(file, now, now)
    } catch {
      // Somebody removed it. The worst that follows is that a file is fetched twice.
    }
  }, staleMilliseconds / 4)
  heartbeat.unref()
  try {
    return await body()
  } finally {
    clearInterval(heartbeat)
    if (readHolder(file)?.id === holder.id) fs.rmSync(file, { force: true })
  }
}

function tryCreate(file: string, holder: Holder): boolean {
  // With its content at once: others read it as soon as it is there.
  const temporary = `${file}.${holder.id}.tmp`
  try {
    fs.writeFileSync(temporary, JSON.stringify(holder))
    fs.linkSync(temporary, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    if (isWithoutHardLinks(error)) return tryCreateExclusively(file, holder)
    throw asWriteError(file, error)
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

function isWithoutHardLinks(error: unknown): boolean {
  return ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function tryCreateExclusively(file: string, holder: Holder): boolean {
  try {
    fs.writeFileSync(file, JSON.stringify(holder), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw asWriteError(file, error)
  }
}

/** Removes a lock whose holder is gone; true when it is worth trying to take it. */
function breakStale(file: string, staleMilliseconds: number): boolean {
  const status = fs.statSync(file, { throwIfNoEntry: false })
  if (status === undefined) return true
  const holder = readHolder(file)
  const isStale = Date.now() - status.mtimeMs > staleMilliseconds || (holder !== null && hasDied(holder))
  if (!isStale) return false
  const aside = `${file}.${randomBytes(4).toString('hex')}.stale`
  try {
    fs.renameSync(file, aside)
    // Between looking and renaming, another process may have taken the lock over: then it is not ours to remove.
    if (readHolder(aside)?.id !== holder?.id) fs.linkSync(aside, file)
  } catch {
    // Another process was faster.
  }
  fs.rmSync(aside, { force: true })
  return true
}

function readHolder(file: string): Holder | null {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Holder
  } catch {
    return null
  }
}

/** Only of a process on this machine can we know. */
function hasDied({ pid, host }: Holder): boolean {
  if (host !== os.hostname() || !Number.isInteger(pid)) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
