import { completionMetrics } from '../grpo/metrics/completion.js'
import { diversityMetrics } from '../grpo/metrics/diversity.js'
import { reasoningMetrics } from '../grpo/metrics/reasoning.js'
import { signalMetrics } from '../grpo/metrics/signal.js'
import { mean, standardDeviation } from '../grpo/metrics/statistics.js'
import type { ImportedCompletion } from './completionLines.js'

/**
 * The metrics of a step that its completions tell, by the names and as a run of ours has them: rewards, groups, reasoning, and
 * diversity and lengths where these are known.
 */
export function metricsOfCompletions(
  groups: readonly (readonly ImportedCompletion[])[], // [groups][numGenerations]
): Record<string, number> {
  const all = groups.flat()
  const names = [...new Set(all.flatMap(({ line }) => Object.keys(line.rewards)))]
  const measured = groups.map((group) => ({
    completions: group.map(({ line, ids }) => ({
      rewards: Object.fromEntries(names.map((name) => [name, line.rewards[name] ?? null])),
      reward: line.reward,
      correct: line.correct ?? null,
      text: line.completion,
      ids: ids ?? [],
    })),
  }))
  const lengths = all.flatMap(({ line: { length, finish_reason: finish } }) =>
    length === null || finish === null ? [] : [{ length, isDone: finish === 'stop' }],
  )
  const rewards = all.map(({ line }) => line.reward)
  return {
    ...(lengths.length === all.length &&
      all.length > 0 &&
      completionMetrics(
        lengths.map(({ length }) => length),
        lengths.map(({ isDone }) => isDone),
      )),
    ...Object.fromEntries(
      names.flatMap((name) => {
        const values = all.map(({ line }) => line.rewards[name] ?? null)
        return [
          [`rewards/${name}/mean`, mean(values)],
          [`rewards/${name}/std`, standardDeviation(values)],
        ]
      }),
    ),
    reward: mean(rewards),
    reward_std: standardDeviation(rewards),
    ...signalMetrics(measured),
    ...(all.every(({ ids }) => ids !== null) && diversityMetrics(measured)),
    ...reasoningMetrics(measured),
  }
}
