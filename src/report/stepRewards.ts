import { EQUAL_REWARDS } from '../grpo/metrics/signal.js'
import { mean } from '../grpo/metrics/statistics.js'
import type { CompletionGroup, StepRewards } from './reportData.js'

/** The rewards of a step's groups, as the charts need them. */
export function stepRewards(step: number, groups: readonly CompletionGroup[]): StepRewards {
  const rewards = groups.map(({ completions }) => completions.flatMap(({ reward }) => reward ?? []))
  const judged = rewards.filter(({ length }) => length > 0)
  const counts = new Map<number, number>()
  for (const reward of rewards.flat()) {
    const value = Math.round(reward * 100) / 100
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  const best = judged.map((values) => values.reduce((a, b) => Math.max(a, b)))
  const worst = judged.map((values) => values.reduce((a, b) => Math.min(a, b)))
  return {
    step,
    best: meanOrNull(best),
    worst: meanOrNull(worst),
    unique:
      meanOrNull(
        groups.map(({ completions }) => new Set(completions.map(({ text }) => text)).size / completions.length),
      ) ?? 0,
    zeroVariance: meanOrNull(best.map((value, g) => (value - worst[g]! <= EQUAL_REWARDS ? 1 : 0))) ?? 0,
    counts: [...counts].sort(([a], [b]) => a - b),
  }
}

function meanOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : mean(values)
}
