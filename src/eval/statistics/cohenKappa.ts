import { ConfigError } from '../../errors.js'
import { proportionInterval } from './proportionInterval.js'
import type { Interval } from './proportionInterval.js'

/** How far two raters agree. */
export interface RaterAgreement {
  /** Share of the items that both put into the same category. */
  readonly agreement: number
  /** Share that raters with the same habits would put into the same category by chance. */
  readonly chance: number
  /** (agreement − chance) / (1 − chance): 1 for raters who always agree, 0 for chance; null where chance alone makes them agree. */
  readonly kappa: number | null
  /** Confidence interval of kappa; null where there is no kappa. */
  readonly interval: Interval | null
}

/**
 * Cohen's kappa of two raters who each put the same items into categories (Cohen 1960, Educ. Psychol. Meas. 20:37). Its interval is
 * the Wilson interval of the agreement, with the agreement by chance as it was found: unlike the one of the large-sample variance
 * (Fleiss, Cohen and Everitt 1969) and unlike a bootstrap it does not collapse where raters happened to agree on every item.
 *
 * Throws a {@link ConfigError} for no items, for lists of different lengths, and for a confidence that is none.
 */
export function cohenKappa(
  first: readonly string[], // [items]
  second: readonly string[], // [items]
  confidence = 0.95,
): RaterAgreement {
  const items = first.length
  if (items === 0 || second.length !== items) {
    throw new ConfigError(
      `cohenKappa: ${items} categories of the first rater and ${second.length} of the second; expected those of the same items, at least one`,
    )
  }
  const same = first.filter((category, i) => category === second[i]).length
  const [firstCounts, secondCounts] = [countsOf(first), countsOf(second)]
  // Whole numbers, so that it is exactly 1 where both only ever use one category.
  const products = [...firstCounts].reduce(
    (sum, [category, count]) => sum + count * (secondCounts.get(category) ?? 0),
    0,
  )
  const [agreement, chance] = [same / items, products / items ** 2]
  const kappaOf = (share: number): number => (share - chance) / (1 - chance)
  const [low, high] = proportionInterval(same, items, { confidence })
  if (products === items ** 2) return { agreement, chance, kappa: null, interval: null }
  return { agreement, chance, kappa: kappaOf(agreement), interval: [Math.max(-1, kappaOf(low)), kappaOf(high)] }
}

function countsOf(categories: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const category of categories) counts.set(category, (counts.get(category) ?? 0) + 1)
  return counts
}
