import type { FloatType } from '../../xla/programs/decoderArrays.js'

/** The largest gradient of a log-probability that the backward program is given in float16. */
const LARGEST = 16

/**
 * What gradients are multiplied by on their way through float16, which has nothing below 6e-8: a power of two, so that nothing but
 * the exponent changes. The gradient is linear in what it starts from, so that it is divided by the same number at the end.
 */
export function gradientScale(weightType: FloatType, dLogProbs: Float32Array, dEntropies: Float32Array | null): number {
  if (weightType !== 'f16') return 1
  const largest = [...dLogProbs, ...(dEntropies ?? [])].reduce((max, value) => Math.max(max, Math.abs(value)), 0)
  return largest > 0 && Number.isFinite(largest) ? 2 ** Math.floor(Math.log2(LARGEST / largest)) : 1
}
