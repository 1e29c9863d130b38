import { lintReward } from '../rewards/lint/lintReward.js'
import type { LintReport } from '../rewards/lint/lintReward.js'
import type { RewardFunction } from '../rewards/reward.js'
import type { Problem } from '../grading/problem.js'
import { table } from './table.js'

/**
 * Shows to reward functions completions that are right, nearly right and made to cheat, and shows what they pay for them: see
 * `rewards.lintReward`.
 * @returns the report of each, in their order
 */
export async function rewardTests(
  tested: readonly RewardFunction[],
  problems: readonly Problem[],
): Promise<LintReport[]> {
  const reports: LintReport[] = []
  for (const reward of tested) reports.push(await lintReward(reward, problems))
  table(
    reports.map(({ reward, gold, rows, verdict, explanation }, i) => ({
      reward,
      weight: tested[i]!.weight,
      'pays for right answers': gold,
      'most for a cheat': highest(rows.filter(({ kind }) => kind === 'adversarial').map(({ mean }) => mean)),
      verdict,
      explanation,
    })),
  )
  return reports
}

function highest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : Math.max(...known)
}
