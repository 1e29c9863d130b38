import type { RewardFunction } from '../../src/rewards/reward.js'
import type { Problem } from '../../src/grading/problem.js'

/** A problem whose worked solution comes to 6 and then to 18. */
export const apples: Problem = {
  id: 'own/1',
  question: 'Sarah has 3 times as many apples as Tom. Together they have 24 apples. How many does Sarah have?',
  answer: '18',
  solution: 'Tom has 24 / 4 = 6 apples.\nSarah has 3 * 6 = 18 apples.\n#### 18',
}

/** What a reward pays for a completion. */
export async function rewardOf(
  reward: RewardFunction,
  completion: string,
  input: {
    problem?: Problem
    tokens?: number | readonly number[]
    finishReason?: 'stop' | 'length'
    prompt?: string
  } = {},
): Promise<number | null> {
  const { problem = apples, tokens = [], finishReason = 'stop', prompt = problem.question } = input
  const ids = typeof tokens === 'number' ? Array.from({ length: tokens }, (_, i) => i) : tokens
  return reward.score({ prompt, completion, answer: problem.answer, ids, meta: { problem, finishReason } })
}
