import type { RewardFunction } from './reward.js'

/** Functions that say nothing of themselves but are known to judge correctness: TRL's `accuracy_reward`. */
const KNOWN_JUDGES: readonly string[] = ['accuracy_reward']

/**
 * The reward function that says whether an answer is right: the first one whose `judges` is `correctness`, else one named
 * `accuracy_reward`; null if there is none.
 */
export function correctnessJudge(rewards: readonly RewardFunction[]): RewardFunction | null {
  return (
    rewards.find(({ judges }) => judges === 'correctness') ??
    rewards.find(({ name }) => KNOWN_JUDGES.includes(name)) ??
    null
  )
}

/**
 * Whether completions are right, by what all functions pay for each: above 0 from the one that judges correctness. Null where
 * it does not judge a completion, or where there is none.
 */
export function judgedCorrect(
  rewards: readonly RewardFunction[],
  values: readonly (readonly (number | null)[])[], // [completions][functions]
): (boolean | null)[] {
  const judge = correctnessJudge(rewards)
  const place = judge === null ? -1 : rewards.indexOf(judge)
  return values.map((row) => {
    const value = row[place] ?? null
    return value === null ? null : value > 0
  })
}
