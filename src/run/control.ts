import fs from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { atomicWriteJson, removeQuietly } from '../io/atomicWrite.js'
import { isJsonObject } from '../io/json.js'
import { isRunning, ownProcess } from '../io/processIdentity.js'
import { runLayout } from './layout.js'
import { LOCK_SILENCE } from './lock.js'

/** What somebody outside of the training process may ask of it. */
export type RunCommand = 'pause' | 'resume' | 'stop'

/** What the folder of a run tells about its process. */
export interface RunStatus {
  /** `pausing` and `stopping`: asked for, but the step is not over yet; `ended`: no process trains in this folder. */
  readonly state: 'running' | 'pausing' | 'paused' | 'stopping' | 'ended'
  readonly maxSteps: number | null
}

/** Milliseconds between two looks at control.json. */
const POLL_INTERVAL = 200

/**
 * Lets others steer a run through two small files in its folder: status.json, which the training process keeps while it runs
 * (`{"state": "running", "pid": 123, "max_steps": 200}`), and control.json, which others write ({@link commandRun}). Both are
 * removed when the run ends.
 */
export class RunControl {
  readonly #folder: string
  readonly #maxSteps: number
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | null = null

  constructor(folder: string, maxSteps: number) {
    this.#folder = folder
    this.#maxSteps = maxSteps
  }

  /** Aborts when somebody has asked the run to stop. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** From now on commands count; one that was left there for an earlier run does not. */
  start(): void {
    fs.rmSync(runLayout(this.#folder).control, { force: true })
    this.#writeState('running')
    this.#timer = setInterval(() => {
      if (readCommand(this.#folder) === 'stop') this.#stop.abort()
    }, POLL_INTERVAL).unref()
  }

  /** To be awaited between two steps: returns when the run may go on, which is at once unless it was paused. */
  async waitWhilePaused(signal: AbortSignal): Promise<void> {
    if (readCommand(this.#folder) !== 'pause') return
    this.#writeState('paused')
    while (readCommand(this.#folder) === 'pause' && !signal.aborted) await setTimeout(POLL_INTERVAL)
    this.#writeState('running')
  }

  end(): void {
    if (this.#timer) clearInterval(this.#timer)
    const { control, status } = runLayout(this.#folder)
    for (const file of [control, status]) removeQuietly(file)
  }

  #writeState(state: 'running' | 'paused'): void {
    atomicWriteJson(runLayout(this.#folder).status, { state, max_steps: this.#maxSteps, ...ownProcess() })
  }
}

/**
 * Asks the process that trains in a folder to pause after its step, to go on, or to stop as after Ctrl-C. Returns false when there
 * is no such process. Throws a GrpoError when the folder cannot be written to.
 */
export function commandRun(folder: string, command: RunCommand): boolean {
  if (readRunStatus(folder).state === 'ended') return false
  atomicWriteJson(runLayout(folder).control, { command })
  return true
}

/** Whether a process trains in a folder, and whether it goes on. */
export function readRunStatus(folder: string): RunStatus {
  const status = readObject(runLayout(folder).status)
  const maxSteps = typeof status.max_steps === 'number' ? status.max_steps : null
  if (!isAlive(folder, status)) return { state: 'ended', maxSteps }
  const command = readCommand(folder)
  if (command === 'stop') return { state: 'stopping', maxSteps }
  if (status.state === 'paused') return { state: command === 'pause' ? 'paused' : 'running', maxSteps }
  return { state: command === 'pause' ? 'pausing' : 'running', maxSteps }
}

function readCommand(folder: string): unknown {
  return readObject(runLayout(folder).control).command
}

/** Empty when the file is missing or not JSON. */
function readObject(file: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(fs.readFileSync(file, 'utf8'))
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}

/** Whether the process that a status speaks of runs; one of another machine does while it touches its lock. */
function isAlive(folder: string, status: Readonly<Record<string, unknown>>): boolean {
  const { pid, host, place = ownProcess().place, started = null } = status
  if (typeof pid !== 'number') return false
  const runs = isRunning({ pid, host: String(host), place: String(place), started: started as string | null })
  const touched = fs.statSync(runLayout(folder).lock, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return runs ?? Date.now() - touched < LOCK_SILENCE
}
