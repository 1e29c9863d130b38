import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { asWriteError, removeQuietly } from './atomicWrite.js'
import { isJsonObject } from './json.js'
import { isRunning, ownProcess } from './processIdentity.js'
import type { ProcessIdentity } from './processIdentity.js'

/** What a lock file says of who holds it. */
export interface LockHolder extends ProcessIdentity {
  /** Another for each time that a lock is taken. */
  readonly id: string
  /** What the process is doing, such as `grpo-ts train`. */
  readonly command: string
  /** When the lock was taken, in ISO 8601. */
  readonly since: string
}

/** What a lock file holds. */
interface LockRecord extends LockHolder {
  /** Which file it is: another number at another place is that of a copy, as of the whole folder, which nobody holds. */
  readonly inode: number
  readonly path: string
}

/** A lock that somebody else holds. */
export interface HeldLock {
  /** Null when the file cannot be read. */
  readonly holder: LockHolder | null
  /** Since the holder last touched it, by the clock of the file system. */
  readonly silentMilliseconds: number
  /** Whether it is known that the holder runs: only of a process on this machine can we know. */
  readonly isAlive: boolean
}

/** A holder that is this process. */
export function newLockHolder(command: string): LockHolder {
  return { ...ownProcess(), id: randomBytes(8).toString('hex'), command, since: new Date().toISOString() }
}

/** After how long without a touch a lock is taken from its holder, in ms. */
export interface LockPatience {
  /** When it cannot be known from this machine whether the holder runs. */
  readonly unknown: number
  /** When it runs on this machine. */
  readonly running: number
}

/**
 * Takes the lock file, also from a holder that has died, or has been silent for too long. Works on network file systems too,
 * for it needs no more than creating a file that is not there. Throws a GrpoError when the file cannot be made.
 * @returns who holds it; null when it is taken
 */
export function takeLock(file: string, holder: LockHolder, patience: LockPatience): HeldLock | null {
  for (;;) {
    const { isTaken, now } = tryCreate(file, holder)
    if (isTaken) return null
    const found = look(file)
    // It was given back just now.
    if (found === null) continue
    const silentMilliseconds = Math.max(0, now - found.touched)
    const runs = found.isCopy ? false : found.holder && isRunning(found.holder)
    const limit = runs === false ? -1 : runs === null ? patience.unknown : patience.running
    if (silentMilliseconds <= limit) return { holder: found.holder, silentMilliseconds, isAlive: runs === true }
    breakLock(file, found.holder)
  }
}

/** Tells others that the holder of this id is at work. Returns false when the lock is not its own any more. */
export function touchLock(file: string, id: string): boolean {
  if (!holdsLock(file, id)) return false
  try {
    // The same bytes again: so the time is that of the file system, as others see it, and not of this machine's clock.
    const bytes = fs.readFileSync(file)
    const descriptor = fs.openSync(file, 'r+')
    try {
      fs.writeSync(descriptor, bytes, 0, bytes.length, 0)
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
    return true
  } catch {
    return false
  }
}

/** Whether the holder of this id has the lock. */
export function holdsLock(file: string, id: string): boolean {
  return look(file)?.holder?.id === id
}

/** Gives the lock back if it is still that of the holder of this id. */
export function releaseLock(file: string, id: string): void {
  if (holdsLock(file, id)) fs.rmSync(file, { force: true })
}

export interface FileLockOptions {
  /** After so long without a touch the lock is taken from its holder. Defaults to 30 s. */
  staleMilliseconds?: number
  /** Defaults to 200. */
  pollMilliseconds?: number
  /** Called once when another process holds the lock. */
  onWait?: () => void
  signal?: AbortSignal | null
}

/**
 * Runs `body` while this process alone holds the lock file, when it can be had. The holder touches it while it works. Throws
 * a GrpoError when the file cannot be made, and the reason of the signal.
 */
export async function withFileLock<T>(file: string, options: FileLockOptions, body: () => Promise<T>): Promise<T> {
  const { staleMilliseconds = 30_000, pollMilliseconds = 200, signal } = options
  const holder = newLockHolder('grpo-ts')
  const patience = { unknown: staleMilliseconds, running: staleMilliseconds }
  for (let waits = 0; takeLock(file, holder, patience) !== null; waits++) {
    signal?.throwIfAborted()
    if (waits === 0) options.onWait?.()
    await wait(pollMilliseconds, undefined, signal ? { signal } : {})
  }
  // When somebody removed it, the worst that follows is that a file is fetched twice.
  const heartbeat = setInterval(() => touchLock(file, holder.id), staleMilliseconds / 4)
  heartbeat.unref()
  try {
    return await body()
  } finally {
    clearInterval(heartbeat)
    releaseLock(file, holder.id)
  }
}

/** `now` is the time by the clock of the file system. */
function tryCreate(file: string, holder: LockHolder): { isTaken: boolean; now: number } {
  // With its content at once: others read it as soon as it is there.
  const temporary = `${file}.${holder.id}.tmp`
  let now = Date.now()
  try {
    now = writeNew(temporary, file, holder)
    fs.linkSync(temporary, file)
    return { isTaken: true, now }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return { isTaken: false, now }
    if (isWithoutHardLinks(error)) return { isTaken: tryCreateExclusively(file, holder), now }
    throw asWriteError(file, error)
  } finally {
    removeQuietly(temporary)
  }
}

function isWithoutHardLinks(error: unknown): boolean {
  return ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function tryCreateExclusively(file: string, holder: LockHolder): boolean {
  try {
    writeNew(file, file, holder)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw asWriteError(file, error)
  }
}

/** Writes a file that becomes the lock; returns when that was, by the clock of the file system. */
function writeNew(file: string, lock: string, holder: LockHolder): number {
  const descriptor = fs.openSync(file, 'wx')
  try {
    const { ino: inode } = fs.fstatSync(descriptor)
    const record: LockRecord = { ...holder, inode, path: realPath(lock) }
    fs.writeFileSync(descriptor, JSON.stringify(record, null, 2))
    return fs.fstatSync(descriptor).mtimeMs
  } finally {
    fs.closeSync(descriptor)
  }
}

function realPath(lock: string): string {
  return path.join(fs.realpathSync(path.dirname(lock)), path.basename(lock))
}

/** Puts a lock of a holder that is gone aside. */
function breakLock(file: string, holder: LockHolder | null): void {
  const aside = `${file}.${randomBytes(4).toString('hex')}.stale`
  try {
    fs.renameSync(file, aside)
    // Between looking and renaming, another process may have taken the lock over: then it is not ours to remove.
    if (look(aside)?.holder?.id !== holder?.id) fs.linkSync(aside, file)
  } catch {
    // Another process was faster.
  }
  fs.rmSync(aside, { force: true })
}

/** Who holds the lock, and when that was last touched, in ms; null when nobody does. */
function look(file: string): { holder: LockHolder | null; touched: number; isCopy: boolean } | null {
  let descriptor: number
  try {
    // Opening makes a network file system ask its server.
    descriptor = fs.openSync(file, 'r')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw asWriteError(file, error)
  }
  try {
    const value = parse(fs.readFileSync(descriptor, 'utf8'))
    const { mtimeMs: touched, ino } = fs.fstatSync(descriptor)
    if (!isJsonObject(value)) return { holder: null, touched, isCopy: false }
    const record = value as unknown as Partial<LockRecord> & LockHolder
    const isCopy = record.inode !== undefined && record.inode !== ino && record.path !== realPath(file)
    return { holder: record, touched, isCopy }
  } finally {
    fs.closeSync(descriptor)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
