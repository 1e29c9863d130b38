import { setImmediate } from 'node:timers/promises'

/**
 * Goes through an iterable until its end, or until the notebook's kernel is interrupted (■, or Ctrl-C in a program); then it breaks
 * off behind the item that is being computed. A `GRPOTrainer` that was left so goes on in the next loop:
 *
 * `for await (const step of untilInterrupted(trainer)) …`
 */
export async function* untilInterrupted<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  const interruption = new AbortController()
  const interrupt = (): void => {
    interruption.abort()
  }
  // tslab forgets listeners that are added before a cell's first pause.
  await setImmediate()
  process.on('SIGINT', interrupt)
  try {
    for await (const item of items) {
      yield item
      if (interruption.signal.aborted) return
    }
  } finally {
    process.removeListener('SIGINT', interrupt)
  }
}
