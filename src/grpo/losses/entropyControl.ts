import type { GRPOConfig } from '../config/config.js'

/** Coefficient of the entropy bonus and what its adaptation remembers; plain JSON. */
export interface EntropyControl {
  /** The coefficient, logged as `entropy_coef`. */
  readonly entropyCoef: number
  /** Mean token entropy of the last optimizer step in nats; null before the first. */
  readonly lastEntropy: number | null
}

type AdaptiveEntropyConfig = Pick<
  GRPOConfig,
  'useAdaptiveEntropy' | 'entropyTarget' | 'entropyCoefDelta' | 'entropyCoefMin' | 'entropyCoefMax'
>

/** Whether the loss has an entropy bonus, at least in some steps. */
export function hasEntropyBonus(config: Pick<GRPOConfig, 'entropyCoef' | 'useAdaptiveEntropy'>): boolean {
  return config.entropyCoef !== 0 || config.useAdaptiveEntropy
}

/** The state before the first optimizer step. */
export function initialEntropyControl(config: Pick<GRPOConfig, 'entropyCoef'>): EntropyControl {
  return { entropyCoef: config.entropyCoef, lastEntropy: null }
}

/**
 * Coefficient for all micro-batches of the next optimizer step: 0 when adaptive and the last step's entropy was above
 * the target or there is none yet.
 */
export function appliedEntropyCoef(
  { entropyCoef, lastEntropy }: EntropyControl,
  config: AdaptiveEntropyConfig,
): number {
  if (!config.useAdaptiveEntropy) return entropyCoef
  return lastEntropy !== null && lastEntropy <= config.entropyTarget ? entropyCoef : 0
}

/**
 * Adaptive entropy control (Skywork-OR1, arXiv 2505.22312), after each optimizer step: the coefficient rises by
 * entropyCoefDelta when the step's entropy is at most the target, else falls by it, within [entropyCoefMin,
 * entropyCoefMax]. Without useAdaptiveEntropy nothing changes.
 */
export function updateEntropyControl(
  control: EntropyControl,
  entropy: number, // nats, mean over all tokens of the optimizer step's micro-batches
  config: AdaptiveEntropyConfig,
): EntropyControl {
  if (!config.useAdaptiveEntropy) return control
  const entropyCoef =
    entropy <= config.entropyTarget
      ? Math.min(control.entropyCoef + config.entropyCoefDelta, config.entropyCoefMax)
      : Math.max(control.entropyCoef - config.entropyCoefDelta, config.entropyCoefMin)
  return { entropyCoef, lastEntropy: entropy }
}

/**
 * The entropy from which on a token belongs to the topEntropyQuantile of the unmasked ones ("Beyond the 80/20 Rule", arXiv
 * 2506.01939): their (1 - topEntropyQuantile) quantile, in nats; NaN, which no token reaches, when all are masked.
 */
export function entropyThreshold(
  entropies: ArrayLike<number>, // [B · T]
  mask: ArrayLike<number>, // [B · T]
  topEntropyQuantile: number,
): number {
  return quantile(
    Array.from(entropies).filter((_, i) => mask[i] !== 0),
    1 - topEntropyQuantile,
  )
}

/**
 * Sum of the entropies that the bonus acts on, in nats, and their number: the unmasked tokens, of those only the ones
 * kept by topEntropyQuantile. Totals of the micro-batches add up to those of the optimizer step.
 */
export function entropyTotals(
  entropies: ArrayLike<number>, // [B · T]
  mask: ArrayLike<number>, // [B · T]
  topEntropyQuantile: number,
): { sum: number; count: number } {
  const threshold = topEntropyQuantile < 1 ? entropyThreshold(entropies, mask, topEntropyQuantile) : -Infinity
  const acting = Array.from(entropies).filter((entropy, i) => mask[i] !== 0 && Math.fround(entropy) >= threshold)
  return { sum: acting.reduce((sum, entropy) => sum + entropy, 0), count: acting.length }
}

/**
 * Linearly interpolated quantile of f32 numbers, in f32 step by step as torch.quantile computes it: where its position is a whole number but for
 * rounding, the element there is the quantile, and counts as reaching it.
 */
function quantile(values: readonly number[], q: number): number {
  const { fround } = Math
  const ascending = values.toSorted((a, b) => a - b)
  const rank = fround(fround(q) * (ascending.length - 1))
  const low = fround(ascending[Math.floor(rank)] ?? NaN)
  const high = fround(ascending[Math.ceil(rank)] ?? NaN)
  const weight = fround(rank - Math.floor(rank))
  const difference = fround(high - low)
  return weight < 0.5
    ? fround(low + fround(weight * difference))
    : fround(high - fround(difference * fround(1 - weight)))
}
