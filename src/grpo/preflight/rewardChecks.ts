import { lintReward } from '../../rewards/lint/lintReward.js'
import type { RewardFunction } from '../../rewards/reward.js'
import type { Problem } from '../../grading/problem.js'
import { correctnessJudge } from '../../rewards/judge.js'
import { EQUAL_REWARDS } from '../metrics/signal.js'
import { ok } from './preflightCheck.js'
import type { PreflightCheck } from './preflightCheck.js'

/** A problem with its prompt as text. */
export interface AskedProblem {
  readonly problem: Problem
  readonly promptText: string
}

/**
 * Shows the reward for correctness what it must pay for, the gold answers, and what it must not: nothing, the prompt again, every
 * number there is (see {@link lintReward}). Without a reward for correctness (see {@link correctnessJudge}) there is nothing to be sure of.
 */
export async function checkRewards(
  asked: readonly AskedProblem[],
  rewards: readonly RewardFunction[],
): Promise<PreflightCheck[]> {
  const correctness = correctnessJudge(rewards)
  if (!correctness) return [ok('gold_answers', 'no reward judges correctness, so none was tested on gold answers')]
  const unpaid: string[] = []
  const paidLikeGold = new Map<string, number>()
  for (const { problem, promptText } of asked) {
    const { gold, rows } = await lintReward(correctness, [problem], { promptText: () => promptText })
    if ((gold ?? 0) <= EQUAL_REWARDS) unpaid.push(problem.id)
    for (const row of rows) {
      if (row.kind === 'adversarial') paidLikeGold.set(row.name, (paidLikeGold.get(row.name) ?? 0) + row.paidLikeGold)
    }
  }
  // One hit is chance: the last of all numbers may be the answer of some problem.
  const holes = [...paidLikeGold]
    .filter(([, paid]) => paid > 1 && paid > asked.length / 10)
    .map(([kind, paid]) => `${kind} (${paid} of ${asked.length})`)
  const paidAttempts = [...paidLikeGold.values()].reduce((sum, paid) => sum + paid, 0)
  return [
    unpaid.length === 0
      ? ok('gold_answers', `${correctness.name} pays for the gold answers of all ${asked.length} problems`, {
          unpaid: 0,
        })
      : {
          name: 'gold_answers',
          evidence: { unpaid: unpaid.length, problems: asked.length },
          status: unpaid.length > asked.length / 2 ? 'problem' : 'warning',
          message: `${correctness.name} pays nothing for the gold answers of ${unpaid.length} of ${asked.length} problems (${unpaid.slice(0, 3).join(', ')})`,
          advice: 'let the reward judge what your problems have as their answer; no completion can be right otherwise',
        },
    holes.length === 0
      ? ok('adversarial_answers', `${correctness.name} pays for none of ${paidLikeGold.size} ways not to answer`, {
          paid: paidAttempts,
        })
      : {
          name: 'adversarial_answers',
          status: 'warning',
          evidence: { paid: paidAttempts },
          message: `${correctness.name} pays completions that answer nothing like gold: ${holes.join(', ')}`,
          advice: 'accept one answer, in one place, and not in a repeated prompt',
        },
  ]
}
