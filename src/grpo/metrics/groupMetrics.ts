import type { RolloutGroup } from '../rollouts/rollouts.js'
import { diversityMetrics } from './diversity.js'
import { reasoningMetrics } from './reasoning.js'
import { signalMetrics } from './signal.js'

/**
 * What TRL does not say about the groups of a generation batch: `groups/…` and `reward/…` ({@link signalMetrics}),
 * `diversity/…` ({@link diversityMetrics}) and `reasoning/…` ({@link reasoningMetrics}); none for no groups.
 */
export function groupMetrics(groups: readonly RolloutGroup[]): Record<string, number> {
  return { ...signalMetrics(groups), ...diversityMetrics(groups), ...reasoningMetrics(groups) }
}
