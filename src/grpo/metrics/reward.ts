import type { Advantages } from '../advantages.js'
import { EQUAL_REWARDS } from './signal.js'
import { mean, standardDeviation } from './statistics.js'

/**
 * Reward metrics with TRL's names: `rewards/<function>/mean` and `/std` over the completions the function scored,
 * `reward` and `reward_std` of the weighted sums over the batch, and `frac_reward_zero_std`, the fraction of
 * completions whose group has no spread, hence no gradient.
 *
 * As in TRL the last one looks at the batch-wide standard deviation with batch scaling and with `normalize_then_sum`.
 * A mean is NaN when nothing was scored, a standard deviation (unbiased) when fewer than two were.
 */
export function rewardMetrics(
  functionNames: readonly string[],
  rewardsPerFunction: readonly (readonly (number | null)[])[], // [B][functions]
  { rewards, std }: Pick<Advantages, 'rewards' | 'std'>,
): Record<string, number> {
  const metrics: Record<string, number> = {}
  for (const [k, name] of functionNames.entries()) {
    const values = rewardsPerFunction.map((row) => row[k] ?? null)
    metrics[`rewards/${name}/mean`] = mean(values)
    metrics[`rewards/${name}/std`] = standardDeviation(values)
  }
  metrics.reward = mean(rewards)
  metrics.reward_std = standardDeviation(rewards)
  metrics.frac_reward_zero_std = std.filter((value) => value <= EQUAL_REWARDS).length / std.length
  return metrics
}
