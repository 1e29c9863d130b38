import type { MeasuredGroup } from './measuredGroup.js'
import { mean } from './statistics.js'

/**
 * Rewards that differ by no more than this, or whose standard deviation is no more, are equal. TRL tests an f32 standard deviation
 * against 1e-8, which the rounding of eight equal rewards of 0.2 exceeds (1.6e-8), and then counts a group without any spread as
 * alive. Below 1e-6 the advantages, divided by std + 1e-4, stay under 1 % of their usual size.
 */
export const EQUAL_REWARDS = 1e-6

/**
 * Where the groups have something to teach:
 *
 * - `groups/all_right`, `groups/all_wrong`: fractions of the groups whose rewards are all equal (within 1e-6), which hence
 *   teach nothing, by what they are equal at. Right: some completion is judged right, or, where none is judged, the
 *   weighted sum is above 0; wrong: it is not. Both together are the share of dead groups, also
 *   where `frac_reward_zero_std` is blind (batch scaling, `normalize_then_sum`).
 * - `accuracy`: fraction of the completions that are right, of those that a reward judges; absent where none does
 * - `reward/best`, `reward/worst`: mean over the groups of the best and of the worst reward in the group
 * - `rewards/<function>/alive`: fraction of the groups in which this function's values differ; one that stays at 0 is dead
 *   weight, whatever its mean
 *
 * Completions that no function scored are left out; a group with fewer than two scored ones counts as neither right nor wrong.
 */
export function signalMetrics(
  groups: readonly MeasuredGroup<'rewards' | 'correct' | 'reward'>[],
): Record<string, number> {
  if (groups.length === 0) return {}
  const names = Object.keys(groups[0]!.completions[0]?.rewards ?? {})
  const outcomes = groups.map(outcomeOf)
  const accuracy = shareCorrect(groups.flatMap(({ completions }) => completions.map(({ correct }) => correct)))
  const scored = groups.map(({ completions }) => valuesOf(completions.map(({ reward }) => reward)))
  const withValues = scored.filter(({ length }) => length > 0)
  return {
    ...(accuracy !== null && { accuracy }),
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

/** The fraction of completions that are right, of those that are judged; null when none is. */
export function shareCorrect(correct: readonly (boolean | null)[]): number | null {
  const judged = correct.filter((value) => value !== null)
  return judged.length === 0 ? null : judged.filter(Boolean).length / judged.length
}

function outcomeOf({ completions }: MeasuredGroup<'correct' | 'reward'>): 'all right' | 'all wrong' | 'mixed' {
  const totals = completions.map(({ reward }) => reward)
  if (valuesOf(totals).length < 2 || differ(totals)) return 'mixed'
  const share = shareCorrect(completions.map(({ correct }) => correct)) ?? mean(totals)
  return share > EQUAL_REWARDS ? 'all right' : 'all wrong'
}

/** Whether values that were given differ by more than rounding. */
function differ(rewards: readonly (number | null)[]): boolean {
  const values = valuesOf(rewards)
  return values.length > 1 && Math.max(...values) - Math.min(...values) > EQUAL_REWARDS
}

function valuesOf(rewards: readonly (number | null)[]): number[] {
  return rewards.filter((reward) => reward !== null)
}
