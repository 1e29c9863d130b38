import { ConfigError, DataError, ShapeError } from '../errors.js'
import type { GRPOConfig } from './config/config.js'
import { mean, standardDeviation } from './metrics/statistics.js'

/** The options that advantages depend on; all but `numGenerations` have the trainer's defaults. */
export type AdvantageOptions = Pick<GRPOConfig, 'numGenerations'> &
  Partial<Pick<GRPOConfig, 'advantageEstimator' | 'scaleRewards' | 'rewardWeights' | 'multiObjectiveAggregation'>>

/** How much better than their groups the completions of a batch are. */
export interface Advantages {
  /** [B] 0 for a completion that no reward function scored. */
  advantages: number[]
  /** [B] weighted sum of the rewards; null where no reward function scored the completion. */
  rewards: (number | null)[]
  /** [B / numGenerations] standard deviation of each group's rewards; NaN with fewer than two scored completions. */
  groupStd: number[]
  /**
   * [B] the standard deviation that `frac_reward_zero_std` looks at: the group's, or with batch scaling or
   * `normalize_then_sum` the batch's.
   */
  std: number[]
}

/** Keeps the division defined when all rewards of a group are equal; TRL's value. */
const STD_EPSILON = 1e-4

/**
 * Group-relative advantages (DeepSeekMath, arXiv 2402.03300) as TRL computes them.
 *
 * `sum_then_normalize`: r_i = Σ_k w_k r_ik, A_i = (r_i - mean of the group) / (std + 1e-4), where std is the group's,
 * the batch's, or, with scaleRewards `none`, the division is left out (Dr. GRPO, arXiv 2503.20783).
 * `normalize_then_sum` (GDPO, arXiv 2601.05242): R_i = Σ_k w_k (r_ik - mean of the group) / (std of the group +
 * 1e-4), then A_i = (R_i - mean of the batch) / (std of the batch + 1e-4).
 *
 * Other estimators, neither of them scaled: `dr_grpo` A_i = r_i - mean of the group (Dr. GRPO, the same as scaleRewards `none`);
 * `rloo` A_i = r_i - mean of the others in the group (REINFORCE leave-one-out, arXiv 2402.14740), which is n / (n - 1) times
 * that with n scored completions.
 *
 * Standard deviations are unbiased; null rewards are left out of sums, means and standard deviations. Rewards are
 * rounded to f32 as in TRL, so weighted sums that differ by f64 rounding only (0.1 + 0.2 and 0.3) count as equal.
 * Their mean in f64 is exact, so equal rewards get exactly 0.
 * @throws ConfigError, ShapeError when rewards, weights and groups do not fit together, DataError for a reward that is not finite
 */
export function computeAdvantages(
  rewardsPerFunction: readonly (readonly (number | null)[])[], // [B][functions], completions of a group adjacent
  options: AdvantageOptions,
): Advantages {
  const { numGenerations, scaleRewards = 'group', multiObjectiveAggregation = 'sum_then_normalize' } = options
  const { advantageEstimator = 'grpo' } = options
  const weights = checkRewards(rewardsPerFunction, numGenerations, options.rewardWeights ?? null)
  const rewards = rewardsPerFunction.map((row) => weightedSum(row, weights))
  const rounded = rewards.map(roundToFloat32)
  const groupStd = groupsOf(rounded, numGenerations).map(standardDeviation)

  if (multiObjectiveAggregation === 'normalize_then_sum') {
    const normalized = weights.map((_, k) =>
      groupsOf(
        rewardsPerFunction.map((row) => roundToFloat32(row[k] ?? null)),
        numGenerations,
      ).flatMap(normalizeGroup),
    )
    const sums = rewards.map((reward, i) =>
      reward === null
        ? null
        : (weightedSum(
            normalized.map((column) => column[i] ?? null),
            weights,
          ) ?? 0),
    )
    const std = standardDeviation(sums)
    return { advantages: scaleDeviations(sums, mean(sums), std), rewards, groupStd, std: sums.map(() => std) }
  }

  const batchStd = standardDeviation(rounded)
  const std = rounded.map((_, i) => (scaleRewards === 'batch' ? batchStd : groupStd[Math.floor(i / numGenerations)]!))
  const isScaled = advantageEstimator === 'grpo' && scaleRewards !== 'none'
  const advantages = groupsOf(rounded, numGenerations).flatMap((group, g) => {
    const deviations = scaleDeviations(group, mean(group), isScaled ? std[g * numGenerations]! : null)
    const scored = group.filter((value) => value !== null).length
    // One completion alone has no others to be compared with, and a deviation of 0.
    const factor = advantageEstimator === 'rloo' ? scored / Math.max(scored - 1, 1) : 1
    return factor === 1 ? deviations : deviations.map((deviation) => factor * deviation)
  })
  return { advantages, rewards, groupStd, std }
}

function roundToFloat32(value: number | null): number | null {
  return value === null ? null : Math.fround(value)
}

/** (value - center) / (std + 1e-4), without the division when std is null; 0 where the value is null or std is NaN. */
function scaleDeviations(values: readonly (number | null)[], center: number, std: number | null): number[] {
  return values.map((value) => {
    if (value === null || Number.isNaN(std)) return 0
    return (value - center) / (std === null ? 1 : std + STD_EPSILON)
  })
}

/** One reward function's values in one group, normalized; all null when fewer than two were scored. */
function normalizeGroup(group: readonly (number | null)[]): (number | null)[] {
  const center = mean(group)
  const std = standardDeviation(group)
  return group.map((value) => (value === null || Number.isNaN(std) ? null : (value - center) / (std + STD_EPSILON)))
}

/** The total reward of a completion; null when no reward function scored it. */
export function weightedSum(row: readonly (number | null)[], weights: readonly number[]): number | null {
  if (row.every((value) => value === null)) return null
  return row.reduce<number>((sum, value, k) => sum + (value ?? 0) * weights[k]!, 0)
}

function groupsOf<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: values.length / size }, (_, g) => values.slice(g * size, (g + 1) * size))
}

/** Returns the weights, all 1 when none are given. */
function checkRewards(
  rewards: readonly (readonly (number | null)[])[],
  numGenerations: number,
  rewardWeights: readonly number[] | null,
): readonly number[] {
  if (rewards.length === 0 || rewards.length % numGenerations !== 0) {
    throw new ShapeError(
      `advantages: got ${rewards.length} completions, expected whole groups of numGenerations = ${numGenerations}`,
    )
  }
  const functions = rewards[0]!.length
  if (rewardWeights !== null && rewardWeights.length !== functions) {
    throw new ConfigError(
      `rewardWeights has ${rewardWeights.length} weights for ${functions} reward functions; give one for each`,
    )
  }
  for (const [i, row] of rewards.entries()) {
    if (row.length !== functions) {
      throw new ShapeError(`advantages: completion ${i} has ${row.length} rewards, expected ${functions}`)
    }
    const k = row.findIndex((value) => value !== null && !Number.isFinite(value))
    if (k >= 0) {
      throw new DataError(
        `reward function ${k} returned ${row[k]!} for completion ${i}; ` +
          'return a finite number, or null to leave the completion unscored',
      )
    }
  }
  return rewardWeights ?? new Array<number>(functions).fill(1)
}
