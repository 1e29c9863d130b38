import { ConfigError } from '../../errors.js'
import { binomialCdf } from './distributions.js'
import { mcnemarTest } from './mcnemar.js'

/** How often one completion of each problem turns out differently for two models. */
export interface Discordance {
  /** Share of problems that only the second model solves. */
  readonly fixed: number
  /** Share of problems that only the first model solves. */
  readonly broken: number
}

/** Problems beyond which {@link problemsNeeded} gives up. */
const MAXIMUM_PROBLEMS = 1_000_000

/**
 * Probability that the exact McNemar test finds a difference (two-sided p below `alpha`, 0.05 by default) on that many
 * problems, exactly: the number that differ is binomial, and of those the number fixed.
 */
export function mcnemarPower(problems: number, { fixed, broken }: Discordance, alpha = 0.05): number {
  checkDiscordance({ fixed, broken })
  const discordant = fixed + broken
  if (discordant === 0) return 0
  // Beyond ten standard deviations there is nothing left to add.
  const centre = problems * discordant
  const reach = 10 * Math.sqrt(centre * (1 - discordant)) + 10
  const from = Math.max(0, Math.floor(centre - reach))
  const to = Math.min(problems, Math.ceil(centre + reach))
  let power = 0
  let below = binomialCdf(from - 1, problems, discordant)
  for (let count = from; count <= to; count++) {
    const upTo = binomialCdf(count, problems, discordant)
    power += (upTo - below) * rejection(count, fixed / discordant, alpha)
    below = upTo
  }
  return power
}

/**
 * About the fewest problems (within 1 %) on which the exact McNemar test finds a difference with a `power` (0.8) at p below `alpha`
 * (0.05). Throws a {@link ConfigError} when a million would not do.
 */
export function problemsNeeded(discordance: Discordance, options: { power?: number; alpha?: number } = {}): number {
  const { power = 0.8, alpha = 0.05 } = options
  checkDiscordance(discordance)
  const isEnough = (problems: number): boolean => mcnemarPower(problems, discordance, alpha) >= power
  let high = 4
  while (high <= MAXIMUM_PROBLEMS && !isEnough(high)) high *= 2
  if (high > MAXIMUM_PROBLEMS) {
    throw new ConfigError(
      `problemsNeeded: more than ${MAXIMUM_PROBLEMS} problems for ${discordance.fixed} fixed and ${discordance.broken} broken; expected shares that differ more`,
    )
  }
  let low = high / 2
  while (high - low > high / 100 && high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (isEnough(middle)) high = middle
    else low = middle
  }
  return high
}

/** P(the test rejects) given how many problems differ, each fixed with a probability. */
function rejection(discordant: number, probability: number, alpha: number): number {
  // The most of the rarer kind that is still significant, by halving: p rises with it.
  let low = -1
  let high = Math.floor(discordant / 2) + 1
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (mcnemarTest(middle, discordant - middle) < alpha) low = middle
    else high = middle
  }
  if (low < 0) return 0
  return binomialCdf(low, discordant, probability) + binomialCdf(low, discordant, 1 - probability)
}

function checkDiscordance({ fixed, broken }: Discordance): void {
  if (fixed >= 0 && broken >= 0 && fixed + broken <= 1) return
  throw new ConfigError(`shares fixed ${fixed} and broken ${broken}; expected two shares of together at most 1`)
}
