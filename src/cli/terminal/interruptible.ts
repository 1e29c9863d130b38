import { GrpoError } from '../../errors.js'
import { watchEscapedErrors } from '../../io/userCode.js'
import { endProgram } from './endProgram.js'
import { Interrupted } from './exitCode.js'
import type { EndSignal } from './exitCode.js'

/** Signals by which terminals, containers and clusters ask a program to end. */
export const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The same signal within so many milliseconds is the same wish: npm hands on to its child what the terminal sends both. */
const SAME_WISH = 100

/** Interrupts what runs now; null while nothing does that could be. */
let interruptRunning: ((signal: EndSignal) => void) | null = null

/**
 * Runs something that Ctrl-C, SIGTERM and SIGHUP end by the signal that it gets, and then throws Interrupted; a second one ends
 * the program at once. Errors that escape the user's own code end it in the same way, and are thrown.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const { signal } = controller
  let first: { by: EndSignal; at: number } | null = null
  const interrupt = (by: EndSignal): void => {
    const now = performance.now()
    // The end of a terminal is told twice: by what cannot be written any more, and by SIGHUP.
    if (first && first.by !== 'SIGPIPE') {
      if (by === 'SIGPIPE' || (by === first.by && now - first.at < SAME_WISH)) return
      endProgram(new Interrupted(by).exitCode)
    }
    first = { by, at: now }
    controller.abort(new Interrupted(by))
  }
  const outer = interruptRunning
  interruptRunning = interrupt
  for (const name of endSignals) process.on(name, interrupt)
  const stopWatching = watchEscapedErrors((error) => {
    controller.abort(error)
  })
  try {
    const result = await body(signal)
    if (signal.aborted && !(signal.reason instanceof Interrupted)) throw signal.reason
    return result
  } catch (error) {
    const reason: unknown = signal.aborted ? signal.reason : error
    // What ended because of an error may know better what to say about it.
    throw reason instanceof Interrupted || !(error instanceof GrpoError) ? reason : error
  } finally {
    stopWatching()
    for (const name of endSignals) process.off(name, interrupt)
    interruptRunning = outer
  }
}

/** Calls `tell` with `interrupted`, or `interrupted by SIGTERM`, as soon as a signal has interrupted what runs. */
export function onInterruption(signal: AbortSignal, tell: (what: string) => void): void {
  const listen = (): void => {
    const { reason } = signal as { reason: unknown }
    if (reason instanceof Interrupted) tell(reason.signal === 'SIGINT' ? 'interrupted' : reason.message)
  }
  signal.addEventListener('abort', listen, { once: true })
}

/** Whether something runs that ends by itself after a signal. */
export function isInterruptible(): boolean {
  return interruptRunning !== null
}

/** Does what the signal would do to what is {@link interruptible} now, if anything. */
export function interruptBy(signal: EndSignal): void {
  interruptRunning?.(signal)
}
