import { setImmediate } from 'node:timers/promises'
import type { ModelConfig } from '../config.js'
import { expectedTensors } from '../modelTensors.js'
import type { ModelWeights } from './modelWeights.js'

/** How far the loading of a model has come, in bytes of its files. */
export interface LoadProgress {
  /** Read so far. */
  readonly bytes: number
  /** Of all tensors. */
  readonly totalBytes: number
}

/** Visits every tensor of a model, one after the other, and lets others have their turn in between. */
export async function forEachTensor(
  config: ModelConfig,
  weights: ModelWeights,
  onProgress: ((progress: LoadProgress) => void) | undefined,
  visit: (name: string, isMatrix: boolean) => void,
): Promise<void> {
  const loaded = loadCounter(config, weights, onProgress)
  for (const [name, shape] of expectedTensors(config)) {
    visit(name, shape.length === 2)
    loaded(name)
    await setImmediate()
  }
}

/** What is to be called after each tensor that was loaded: it tells how far the loading has come. */
export function loadCounter(
  config: ModelConfig,
  weights: ModelWeights,
  onProgress: ((progress: LoadProgress) => void) | undefined,
): (name: string) => void {
  const sizes = [...expectedTensors(config)].map(([name, shape]): [name: string, bytes: number] => {
    // Vectors are so small that it does not matter in what they are stored.
    return [name, shape.length === 2 ? weights.matrix(name).storedBytes : shape[0]! * 4]
  })
  const sizeOf = new Map(sizes)
  const totalBytes = sizes.reduce((sum, [, bytes]) => sum + bytes, 0)
  let bytes = 0
  return (name) => {
    bytes += sizeOf.get(name)!
    onProgress?.({ bytes, totalBytes })
  }
}
