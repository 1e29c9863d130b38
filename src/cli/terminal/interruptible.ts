import { Interrupted } from './exitCode.js'

/** Runs something that Ctrl-C ends by the signal that it gets; then throws Interrupted. A second Ctrl-C ends the program at once. */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const interrupt = (): void => {
    controller.abort()
  }
  // Without a listener the second Ctrl-C is not ours.
  process.once('SIGINT', interrupt)
  try {
    return await body(controller.signal)
  } catch (error) {
    throw controller.signal.aborted ? new Interrupted() : error
  } finally {
    process.removeListener('SIGINT', interrupt)
  }
}
