import { ConfigError } from '../../errors.js'
import { betaQuantile, twoSidedQuantile } from './distributions.js'

/** Lower and upper bound. */
export type Interval = readonly [low: number, high: number]

export interface ProportionIntervalOptions {
  /** Defaults to 0.95. */
  confidence?: number
  /**
   * `wilson`: the score interval (Wilson 1927); `wilson_cc`: with continuity correction (Newcombe 1998, method 4);
   * `clopper_pearson`: exact, never below the nominal coverage and therefore wide. Defaults to `wilson`.
   */
  method?: 'wilson' | 'wilson_cc' | 'clopper_pearson'
}

/**
 * Confidence interval of a proportion, as scipy's `binomtest(k, n).proportion_ci` gives it.
 *
 * Throws a {@link ConfigError} unless 0 <= successes <= trials, trials >= 1 and 0 < confidence < 1.
 */
export function proportionInterval(
  successes: number,
  trials: number,
  options: ProportionIntervalOptions = {},
): Interval {
  const { confidence = 0.95, method = 'wilson' } = options
  checkConfidence(confidence)
  if (!(trials > 0 && trials < Infinity && successes >= 0 && successes <= trials)) {
    throw new ConfigError(
      `proportionInterval: ${successes} successes in ${trials} trials; expected 0 <= successes <= trials and at least one trial`,
    )
  }
  if (method === 'clopper_pearson') return clopperPearson(successes, trials, confidence)
  const z = twoSidedQuantile(confidence)
  const share = successes / trials
  const denominator = 2 * (trials + z * z)
  const centre = (2 * successes + z * z) / denominator
  const [below, above] = method === 'wilson' ? scoreWidths(share, trials, z) : correctedWidths(share, trials, z)
  return [
    successes === 0 ? 0 : Math.max(0, centre - below / denominator),
    successes === trials ? 1 : Math.min(1, centre + above / denominator),
  ]
}

/** Throws a ConfigError for a confidence that is no probability between 0 and 1. */
function checkConfidence(confidence: number): void {
  if (!(confidence > 0 && confidence < 1)) {
    throw new ConfigError(`confidence is ${confidence}; expected a number between 0 and 1, such as 0.95`)
  }
}

/** z √(4 n p q + z²), the same in both directions. */
function scoreWidths(share: number, trials: number, z: number): Interval {
  const width = z * Math.sqrt(4 * trials * share * (1 - share) + z * z)
  return [width, width]
}

function correctedWidths(share: number, trials: number, z: number): Interval {
  const rest = 1 - share
  return [
    1 + z * Math.sqrt(z * z - 2 - 1 / trials + 4 * share * (trials * rest + 1)),
    1 + z * Math.sqrt(z * z + 2 - 1 / trials + 4 * share * (trials * rest - 1)),
  ]
}

function clopperPearson(successes: number, trials: number, confidence: number): Interval {
  const tail = (1 - confidence) / 2
  return [
    successes === 0 ? 0 : betaQuantile(tail, successes, trials - successes + 1),
    successes === trials ? 1 : betaQuantile(1 - tail, successes + 1, trials - successes),
  ]
}
