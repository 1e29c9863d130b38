import { mix } from '../ops/mix.js'

/** The key of a micro-batch: every one of a run has its own, the same whenever the run is made again or resumed. */
export function dropoutKey(
  seed: number,
  step: number, // optimizer steps made before
  microBatch: number, // of the step, from 0
): number {
  return [seed % 2 ** 32, Math.floor(seed / 2 ** 32), step, microBatch].reduce(mixKey, 0)
}

/** A key made of another one and a number. */
export function mixKey(key: number, part: number): number {
  return mix((Math.imul(key, 31) + part + 1) | 0)
}

/** A key for each token, made of the tokens up to it. */
export function runningKeys(ids: readonly number[], start: number): number[] {
  let key = start
  return ids.map((id) => (key = mixKey(key, id)))
}
