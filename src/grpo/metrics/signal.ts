import type { RolloutGroup } from '../rollouts/rollouts.js'
import { mean } from './statistics.js'

/**
 * Rewards that differ by no more than this are equal. TRL tests an f32 standard deviation against 1e-8, which the rounding of
 * eight equal rewards of 0.2 exceeds, and then counts a group without any spread as alive.
 */
export const EQUAL_REWARDS = 1e-6

/** Names of reward functions that say whether an answer is right; TRL's is `accuracy_reward`. */
const correctnessName = /correct|accura/i

/** The reward function that says whether an answer is right, by its name: `correctness`, `accuracy_reward`, …; null for none. */
export function correctnessReward(names: readonly string[]): string | null {
  return names.find((name) => correctnessName.test(name)) ?? null
}

/**
 * Where the groups have something to teach:
 *
 * - `groups/all_right`, `groups/all_wrong`: fractions of the groups whose rewards are all equal (within 1e-6), which hence
 *   teach nothing, by what they are equal at. Right: the reward for correctness (the function named `correctness` or
 *   `accuracy…`, without one the weighted sum) is above 0; wrong: it is not. Both together are the share of dead groups, also
 *   where `frac_reward_zero_std` is blind (batch scaling, `normalize_then_sum`).
 * - `reward/best`, `reward/worst`: mean over the groups of the best and of the worst reward in the group
 * - `rewards/<function>/alive`: fraction of the groups in which this function's values differ; one that stays at 0 is dead
 *   weight, whatever its mean
 *
 * Completions that no function scored are left out; a group with fewer than two scored ones counts as neither right nor wrong.
 */
export function signalMetrics(groups: readonly RolloutGroup[]): Record<string, number> {
  if (groups.length === 0) return {}
  const names = Object.keys(groups[0]!.completions[0]?.rewards ?? {})
  const correctness = correctnessReward(names)
  const outcomes = groups.map((group) => outcomeOf(group, correctness))
  const scored = groups.map(({ completions }) => valuesOf(completions.map(({ reward }) => reward)))
  const withValues = scored.filter(({ length }) => length > 0)
  return {
    'groups/all_right': outcomes.filter((outcome) => outcome === 'all right').length / groups.length,
    'groups/all_wrong': outcomes.filter((outcome) => outcome === 'all wrong').length / groups.length,
    'reward/best': mean(withValues.map((values) => Math.max(...values))),
    'reward/worst': mean(withValues.map((values) => Math.min(...values))),
    ...Object.fromEntries(
      names.map((name) => [
        `rewards/${name}/alive`,
        mean(groups.map(({ completions }) => (differ(completions.map(({ rewards }) => rewards[name]!)) ? 1 : 0))),
      ]),
    ),
  }
}

function outcomeOf({ completions }: RolloutGroup, correctness: string | null): 'all right' | 'all wrong' | 'mixed' {
  const totals = completions.map(({ reward }) => reward)
  if (valuesOf(totals).length < 2 || differ(totals)) return 'mixed'
  const right = valuesOf(correctness === null ? totals : completions.map(({ rewards }) => rewards[correctness]!))
  return right.length > 0 && mean(right) > EQUAL_REWARDS ? 'all right' : 'all wrong'
}

/** Whether values that were given differ by more than rounding. */
function differ(rewards: readonly (number | null)[]): boolean {
  const values = valuesOf(rewards)
  return values.length > 1 && Math.max(...values) - Math.min(...values) > EQUAL_REWARDS
}

function valuesOf(rewards: readonly (number | null)[]): number[] {
  return rewards.filter((reward) => reward !== null)
}
