import fs from 'node:fs'
import path from 'node:path'
import type { Worker } from 'node:worker_threads'
import { GrpoError } from '../errors.js'
import { asWriteError } from '../io/atomicWrite.js'
import { holdsLock, newLockHolder, releaseLock, takeLock } from '../io/fileLock.js'
import type { HeldLock } from '../io/fileLock.js'
import { startModuleWorker } from '../io/moduleWorker.js'
import { runLayout } from './layout.js'
import type { HeartbeatData } from './lockHeartbeat.js'

/** A holder on another machine that has not touched its lock for so long, in ms, is taken for dead. */
export const LOCK_SILENCE = 60_000
/** The holder touches its lock so often, in ms. */
const HEARTBEAT = 10_000

/** The right to write into the folder of a run; {@link lockRunFolder}. */
export interface RunLock {
  /** Throws a GrpoError when another process has taken the folder over, as when this one was asleep for minutes. */
  check(): void
  /** From now on nothing else in this process may train there. Throws a GrpoError when something does, or did since the lock was taken. */
  begin(): void
  /** Gives the right back; {@link begin} asks for it again. */
  release(): void
}

/** A folder that this process holds. */
interface HeldFolder {
  readonly file: string
  id: string
  /** What in this process wants it held. */
  readonly claims: Set<symbol>
  /** The one that trains there. */
  training: symbol | null
}

const heldFolders = new Map<string, HeldFolder>()
/** For each folder the number of the newest claim that has trained there. */
const newestTraining = new Map<string, number>()
let claimsMade = 0

/**
 * Makes sure that no other process writes into the folder of a run while this one does: `lock.json` there says who does. The lock
 * of a process that has ended, however that happened, is taken over: at once on the same machine, else 60 s after its last sign
 * of life, which is written every 10 s. Within this process several may hold it; one of them trains. Makes the folder where it is
 * missing.
 * @throws GrpoError that names the holder, and what to do
 */
export function lockRunFolder(folder: string): RunLock {
  makeFolder(folder)
  const key = fs.realpathSync(folder)
  const claim = Symbol(folder)
  const number = ++claimsMade
  const claimFolder = (): HeldFolder => {
    const held = heldFolders.get(key) ?? hold(folder, key)
    if (held.training !== null && held.training !== claim) {
      throw new GrpoError(
        `${folder}: another trainer of this process trains there; let it end first, or take another output folder`,
      )
    }
    held.claims.add(claim)
    return held
  }
  claimFolder()
  return {
    check: () => {
      const held = heldFolders.get(key)
      if (held) checkHeld(folder, held)
    },
    begin: () => {
      const held = claimFolder()
      if ((newestTraining.get(key) ?? 0) > number) {
        releaseClaim(key, claim)
        throw new GrpoError(
          `${folder}: another trainer of this process has trained there since this one was made; make a new one, with resume: true`,
        )
      }
      try {
        checkHeld(folder, held)
      } catch (error) {
        releaseClaim(key, claim)
        throw error
      }
      newestTraining.set(key, number)
      held.training = claim
    },
    release: () => {
      releaseClaim(key, claim)
    },
  }
}

function hold(folder: string, key: string): HeldFolder {
  const file = runLayout(folder).lock
  const holder = newLockHolder(describeProcess())
  const other = takeLock(file, holder, { unknown: LOCK_SILENCE, running: Infinity })
  if (other) throw new GrpoError(describeConflict(folder, other))
  const held: HeldFolder = { file: path.resolve(file), id: holder.id, claims: new Set(), training: null }
  if (heldFolders.size === 0) process.on('exit', releaseAll)
  heldFolders.set(key, held)
  keepHeartbeat()
  return held
}

function makeFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw asWriteError(folder, error)
  }
}

/** Takes the lock again when the file is gone. */
function checkHeld(folder: string, held: HeldFolder): void {
  if (holdsLock(held.file, held.id)) return
  makeFolder(folder)
  const holder = newLockHolder(describeProcess())
  const other = fs.existsSync(held.file)
    ? null
    : takeLock(held.file, holder, { unknown: LOCK_SILENCE, running: Infinity })
  if (!fs.existsSync(held.file) || other || !holdsLock(held.file, holder.id)) {
    throw new GrpoError(
      `${folder} was taken over by another process while this one gave no sign of life, so this one stopped and wrote nothing ` +
        `more there. See ${held.file} for which one it is`,
    )
  }
  held.id = holder.id
  keepHeartbeat()
}

function releaseClaim(key: string, claim: symbol): void {
  const held = heldFolders.get(key)
  if (!held?.claims.delete(claim)) return
  if (held.training === claim) held.training = null
  if (held.claims.size > 0) return
  heldFolders.delete(key)
  if (heldFolders.size === 0) process.off('exit', releaseAll)
  keepHeartbeat()
  releaseLock(held.file, held.id)
}

function releaseAll(): void {
  for (const { file, id } of heldFolders.values()) {
    try {
      releaseLock(file, id)
    } catch {
      // The process ends; others will see that it has.
    }
  }
}

/** What this process is, without arguments, which may hold secrets. */
function describeProcess(): string {
  const [, script = 'node', verb = ''] = process.argv
  const name = path.basename(script)
  const isOurs = /^(grpo-ts|main\.[jt]s)$/.test(name)
  return isOurs ? `grpo-ts ${/^[a-z-]+$/.test(verb) ? verb : ''}`.trim() : name
}

function describeConflict(folder: string, { holder, silentMilliseconds, isAlive }: HeldLock): string {
  const seconds = Math.round(silentMilliseconds / 1000)
  if (!holder) {
    return `${folder} is in use: its lock.json, ${seconds} s old, cannot be read. Try again in a minute, or take another output folder`
  }
  const { command, pid, host, since } = holder
  const who = `${folder} is in use: ${command} (process ${pid} on ${host}) writes there since ${since}`
  return isAlive
    ? `${who}. Wait for its end, stop it (Ctrl-C there, or kill ${pid}: it saves a checkpoint), or take another output folder`
    : `${who}, and gave a sign of life ${seconds} s ago. If it has ended, that is noticed ${LOCK_SILENCE / 1000} s after the last one: ` +
        'try again then. Else wait for its end, stop it there, or take another output folder'
}

let heartbeat: Worker | null = null
let heartbeatStart: NodeJS.Timeout | null = null

/** Has the locks that are held touched, in a thread of its own: training may keep this one busy for minutes. */
function keepHeartbeat(): void {
  const locks = [...heldFolders.values()].map(({ file, id }) => ({ file, id }))
  if (locks.length === 0) {
    if (heartbeatStart) clearTimeout(heartbeatStart)
    void heartbeat?.terminate()
    heartbeatStart = heartbeat = null
  } else if (heartbeat) heartbeat.postMessage(locks)
  // What is over sooner needs none.
  else heartbeatStart ??= setTimeout(startHeartbeat, HEARTBEAT / 2).unref()
}

function startHeartbeat(): void {
  const locks = [...heldFolders.values()].map(({ file, id }) => ({ file, id }))
  const workerData: HeartbeatData = { interval: HEARTBEAT, locks }
  heartbeat = startModuleWorker(new URL('./lockHeartbeat.js', import.meta.url), { workerData })
  heartbeat.on('error', () => {
    // Without it other machines take the lock for that of a dead process after a while; the run will notice.
    heartbeat = null
  })
  heartbeat.unref()
}
