/** Runs before measuring, in milliseconds: the engine compiles hot WebAssembly once more, in the background. */
const WARM_UP_MILLISECONDS = 60
const MINIMUM_RUNS = 3

/** Time of the fastest of many runs in milliseconds: what the work takes when nobody else wants the machine. */
export function bestMilliseconds(body: () => void, milliseconds: number): number {
  const warm = performance.now()
  do body()
  while (performance.now() - warm < Math.min(milliseconds, WARM_UP_MILLISECONDS))
  let best = Infinity
  const started = performance.now()
  for (let runs = 0; runs < MINIMUM_RUNS || performance.now() - started < milliseconds; runs++) {
    const before = performance.now()
    body()
    best = Math.min(best, performance.now() - before)
  }
  return best
}
