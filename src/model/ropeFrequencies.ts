/**
 * Rotary position embedding: the angle of each pair of head dimensions at each position, with the five ways of
 * stretching it to longer texts. The formulas are those of modeling_rope_utils.py in transformers 5.23, rounded to
 * f32 where it rounds, because at position 8000 an angle that is rounded elsewhere already differs in the fourth
 * decimal.
 */

/** The rotary settings of a model; theta is the base of the wavelengths 2π·theta^(2i/headDim). */
export type RopeConfig =
  | { readonly type: 'default'; readonly theta: number }
  | { readonly type: 'linear'; readonly theta: number; readonly factor: number }
  | { readonly type: 'dynamic'; readonly theta: number; readonly factor: number; readonly maxPositions: number }
  | {
      readonly type: 'yarn'
      readonly theta: number
      readonly factor: number
      /** Tokens that the model saw before it was stretched. */
      readonly originalMaxPositions: number
      readonly betaFast: number
      readonly betaSlow: number
      /** Whether the bounds of the ramp are rounded outwards to whole dimensions. */
      readonly truncate: boolean
      /** Factor of the cosines and sines. */
      readonly attentionFactor: number
    }
  | {
      readonly type: 'llama3'
      readonly theta: number
      readonly factor: number
      readonly lowFrequencyFactor: number
      readonly highFrequencyFactor: number
      /** Tokens that the model saw before it was stretched. */
      readonly originalMaxPositions: number
    }

const f32 = Math.fround

/**
 * Cosines and sines of the rotary angles position · frequency, each [N, headDim / 2] in row order, yarn's attention
 * factor included. `sequenceLength` is the length of the longest sequence in tokens; only type dynamic depends on it.
 */
export function ropeTables(
  config: RopeConfig,
  headDim: number,
  positions: Int32Array, // [N]
  sequenceLength: number,
): { cos: Float32Array; sin: Float32Array } {
  const frequencies = inverseFrequencies(config, headDim, sequenceLength)
  const scaling = f32(config.type === 'yarn' ? config.attentionFactor : 1)
  const pairs = frequencies.length
  const cos = new Float32Array(positions.length * pairs)
  const sin = new Float32Array(positions.length * pairs)
  /** Where each position was computed: sequences that are packed together have most of theirs in common. */
  const computed = new Map<number, number>()
  for (let n = 0; n < positions.length; n++) {
    const same = computed.get(positions[n]!)
    if (same !== undefined) {
      for (const table of [cos, sin]) table.copyWithin(n * pairs, same * pairs, (same + 1) * pairs)
      continue
    }
    computed.set(positions[n]!, n)
    for (let i = 0; i < pairs; i++) {
      const angle = f32(positions[n]! * frequencies[i]!)
      cos[n * pairs + i] = f32(Math.cos(angle)) * scaling
      sin[n * pairs + i] = f32(Math.sin(angle)) * scaling
    }
  }
  return { cos, sin }
}

/** Radians by which each pair of head dimensions turns from one position to the next: [headDim / 2]. */
export function inverseFrequencies(config: RopeConfig, headDim: number, sequenceLength: number): Float32Array {
  switch (config.type) {
    case 'default':
      return unscaledFrequencies(config.theta, headDim)
    case 'linear':
      return unscaledFrequencies(config.theta, headDim).map((frequency) => frequency / f32(config.factor))
    case 'dynamic':
      return unscaledFrequencies(dynamicTheta(config, headDim, sequenceLength), headDim)
    case 'yarn':
      return yarnFrequencies(config, headDim)
    case 'llama3':
      return llama3Frequencies(config, headDim)
  }
}

/** theta^(−2i/headDim). */
function unscaledFrequencies(theta: number, headDim: number): Float32Array {
  return positionsPerRadian(theta, headDim).map((period) => 1 / period)
}

/** The reciprocal, in positions: theta^(2i/headDim). */
function positionsPerRadian(theta: number, headDim: number): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, i) => Math.pow(f32(theta), f32((2 * i) / headDim)))
}

/**
 * NTK scaling: theta · (factor · L / max − (factor − 1))^(d / (d − 2)) once the sequence length L exceeds the model's
 * maximum.
 */
function dynamicTheta(
  config: Extract<RopeConfig, { type: 'dynamic' }>,
  headDim: number,
  sequenceLength: number,
): number {
  const { theta, factor, maxPositions } = config
  const length = Math.max(sequenceLength, maxPositions)
  return theta * ((factor * length) / maxPositions - (factor - 1)) ** (headDim / (headDim - 2))
}

/**
 * YaRN (https://arxiv.org/abs/2309.00071): dimensions that turn more than betaFast times within the original length
 * keep their frequency, those that turn less than betaSlow times are interpolated (divided by factor), a ramp lies
 * between.
 */
function yarnFrequencies(config: Extract<RopeConfig, { type: 'yarn' }>, headDim: number): Float32Array {
  const { theta, factor, originalMaxPositions } = config
  const dimensionOfTurns = (turns: number) =>
    (headDim * Math.log(originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
  let low = dimensionOfTurns(config.betaFast)
  let high = dimensionOfTurns(config.betaSlow)
  if (config.truncate) {
    low = Math.floor(low)
    high = Math.ceil(high)
  }
  low = Math.max(low, 0)
  high = Math.min(high, headDim - 1)
  // As in the reference: no division by zero in the ramp.
  if (low === high) high += 0.001
  return positionsPerRadian(theta, headDim).map((period, i) => {
    const ramp = f32(f32(i - f32(low)) / f32(high - low))
    const extrapolated = f32(1 - Math.min(Math.max(ramp, 0), 1))
    const interpolatedPart = f32(f32(1 / f32(f32(factor) * period)) * f32(1 - extrapolated))
    return interpolatedPart + f32(f32(1 / period) * extrapolated)
  })
}

/**
 * Llama 3.1: wavelengths below original / highFrequencyFactor stay, those above original / lowFrequencyFactor are
 * divided by factor, and those between are blended.
 */
function llama3Frequencies(config: Extract<RopeConfig, { type: 'llama3' }>, headDim: number): Float32Array {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = config
  return unscaledFrequencies(config.theta, headDim).map((frequency) => {
    const wavelength = f32(f32(2 * Math.PI) / frequency)
    if (wavelength < originalMaxPositions / highFrequencyFactor) return frequency
    const interpolated = f32(frequency / f32(factor))
    if (wavelength > originalMaxPositions / lowFrequencyFactor) return interpolated
    const smooth = f32(
      f32(f32(originalMaxPositions / wavelength) - f32(lowFrequencyFactor)) /
        f32(highFrequencyFactor - lowFrequencyFactor),
    )
    return f32(f32(f32(1 - smooth) * frequency) / f32(factor)) + f32(smooth * frequency)
  })
}
