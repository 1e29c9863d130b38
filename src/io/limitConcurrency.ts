/** Runs what it is given, `limit` at a time; the others wait in their order. */
export function limitConcurrency(limit: number): <T>(body: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (body) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await body()
    } finally {
      // A place that is handed on stays taken.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
