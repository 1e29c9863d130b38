import { setImmediate } from 'node:timers/promises'
import type { ModelConfig } from '../config.js'
import { expectedTensors } from '../modelTensors.js'
import type { ModelWeights } from './modelWeights.js'

/** How far the loading of a model has come, in bytes of its files. */
export interface LoadProgress {
  readonly bytes: number
  readonly totalBytes: number
}

/** Visits every tensor of a model, one after the other, and lets others have their turn in between. */
export async function forEachTensor(
  config: ModelConfig,
  weights: ModelWeights,
  onProgress: ((progress: LoadProgress) => void) | undefined,
  visit: (name: string, isMatrix: boolean) => void,
): Promise<void> {
  const tensors = [...expectedTensors(config)].map(([name, shape]) => {
    const isMatrix = shape.length === 2
    // Vectors are so small that it does not matter in what they are stored.
    return { name, isMatrix, bytes: isMatrix ? weights.matrix(name).storedBytes : shape[0]! * 4 }
  })
  const totalBytes = tensors.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  for (const { name, isMatrix, bytes } of tensors) {
    visit(name, isMatrix)
    done += bytes
    onProgress?.({ bytes: done, totalBytes })
    await setImmediate()
  }
}
