import type { EngineInfo, ModelSource } from '../engine/engine.js'
import { memorySize } from '../io/units.js'
import { quantizedBytes } from '../model/weights/weightBytes.js'
import { quantizedDtypes } from '../quantization/weightFormat.js'

/** A model whose weights take memory. */
type LoadedWeights = Pick<ModelSource, 'config' | 'dtype' | 'isQuantized'>

/**
 * What dtype would make the frozen weights of a model smaller, such as `take dtype int8 (1.50 GiB of weights) or int4 (0.92 GiB)`; null
 * where none would.
 */
export function fewerBits(
  { config, dtype, isQuantized }: LoadedWeights,
  { keepsQuantized }: Pick<EngineInfo, 'keepsQuantized'>,
  /** Bytes that there are for them. Defaults to any number. */
  limit = Infinity,
): string | null {
  // What is quantised by its files stays as it is.
  if (!keepsQuantized || dtype === 'int4' || (isQuantized && dtype !== 'int8')) return null
  const choices = quantizedDtypes
    .filter((choice) => choice !== dtype)
    .map((choice) => ({ choice, bytes: quantizedBytes(config, choice) }))
    .filter(({ bytes }) => bytes <= limit)
    .map(({ choice, bytes }, i) => `${choice} (${memorySize(bytes)}${i === 0 ? ' of weights' : ''})`)
  return choices.length === 0 ? null : `take dtype ${choices.join(' or ')}`
}
