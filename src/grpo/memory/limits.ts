import { availableMemory } from '../../engine/availableMemory.js'
import { hasOwnMemory } from '../../engine/engine.js'
import type { Engine } from '../../engine/engine.js'
import { EngineError } from '../../errors.js'
import { gibibytes } from '../../io/units.js'
import type { GRPOConfig } from '../config/config.js'
import { describeMemory } from './forecast.js'
import type { MemoryForecast } from './forecast.js'

/** Bytes that a run may take. */
export interface MemoryLimits {
  /** All tensors together but those outside. */
  readonly tensors: number
  /** On a device with memory of its own; null where the tensors lie in the memory of the process. */
  readonly device: number | null
  /** This process. */
  readonly process: number
}

/** What a run may take on an engine. */
export function memoryLimits(engine: Pick<Engine, 'info' | 'memory'>): MemoryLimits {
  const { tensorLimit: tensors } = engine.info
  const { available } = engine.memory()
  return hasOwnMemory(engine.info)
    ? { tensors, device: available, process: availableMemory() }
    : { tensors, device: null, process: available }
}

/** The options that decide how much memory a step takes. */
export function memoryOptions(config: GRPOConfig): Record<string, number | null> {
  const { maxTokensPerPass, maxCompletionLength, numGenerations, perDeviceTrainBatchSize } = config
  return { maxTokensPerPass, maxCompletionLength, numGenerations, perDeviceTrainBatchSize }
}

/**
 * Refuses a run that will not fit.
 * @throws EngineError that names the parts and what to make smaller
 */
export function checkMemory(forecast: MemoryForecast, engine: Pick<Engine, 'info' | 'memory'>): void {
  const { weights, tensors, outside, device, process } = forecast
  const limits = memoryLimits(engine)
  const inside = { ...forecast, weights: weights - outside, tensors: tensors - outside }
  const isFull = inside.tensors > limits.tensors
  const overrun = isFull
    ? `${gibibytes(inside.tensors)} of tensors, more than the ${gibibytes(limits.tensors)} that the engine can hold${outside > 0 ? ' beside large weights' : ''}`
    : (device ?? 0) > (limits.device ?? Infinity)
      ? `${gibibytes(device!)} of the device's memory, which has ${gibibytes(limits.device!)}`
      : process > limits.process
        ? `${gibibytes(process)}, more than the ${gibibytes(limits.process)} that this process may take`
        : null
  if (overrun === null) return
  const isWide = device !== null && engine.info.precision === 'float32'
  const advice = `${smaller(isFull ? inside : forecast)}${isWide ? ', or take precision bfloat16' : ''}`
  throw new EngineError(`this run needs ${overrun} (${describeMemory(forecast)}); ${advice}`)
}

/** What to make smaller, by what takes the most. */
function smaller(forecast: MemoryForecast): string {
  const { weights, fewerBits, trained, optimizer, sampling, activations, tensors } = forecast
  if (trained + optimizer > (tensors + optimizer) / 2) {
    return 'train a LoRA adapter instead of all weights (model.withLora(), use_peft), a smaller one, or take a smaller model'
  }
  if (weights > tensors / 2) return fewerBits === null ? 'take a smaller model' : `${fewerBits}, or a smaller model`
  return activations >= sampling
    ? 'set a smaller maxTokensPerPass or maxCompletionLength'
    : 'set a smaller maxCompletionLength or shorten the prompts'
}
