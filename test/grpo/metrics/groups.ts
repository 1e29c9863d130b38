import type { RolloutGroup, ScoredCompletion } from '../../../src/grpo/rollouts/rollouts.js'

/**
 * A group whose completions have the given rewards by function; their sum is the total, the one named correctness judges, texts
 * and ids are as given.
 */
export function groupOf(
  completions: readonly { rewards?: Record<string, number | null>; text?: string; ids?: number[] }[],
): RolloutGroup {
  return {
    problem: { id: 'p', question: 'q', answer: '1' },
    promptText: 'q',
    promptIds: [1],
    completions: completions.map(({ rewards = {}, text = '', ids = [1, 2, 3] }): ScoredCompletion => {
      const values = Object.values(rewards).filter((value) => value !== null)
      return {
        ids,
        text,
        rewards,
        logProbs: ids.map(() => -1),
        entropies: ids.map(() => 1),
        finishReason: 'stop' as const,
        correct: rewards.correctness == null ? null : rewards.correctness > 0,
        reward: values.length > 0 ? values.reduce((sum, value) => sum + value, 0) : null,
        advantage: 0,
      }
    }),
  }
}
