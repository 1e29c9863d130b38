import { findSelfCorrections } from '../../grading/reasoning/selfCorrections.js'
import { findSteps } from '../../grading/reasoning/steps.js'
import type { RolloutGroup } from '../rollouts/rollouts.js'
import { mean } from './statistics.js'

/**
 * `reasoning/steps` and `reasoning/self_corrections`: their mean number in a completion (see {@link findSteps} and
 * {@link findSelfCorrections}). Both look for forms and words, so they say how a model writes, not whether it reasons well.
 */
export function reasoningMetrics(groups: readonly RolloutGroup[]): Record<string, number> {
  const texts = groups.flatMap(({ completions }) => completions.map(({ text }) => text))
  if (texts.length === 0) return {}
  return {
    'reasoning/steps': mean(texts.map((text) => findSteps(text).length)),
    'reasoning/self_corrections': mean(texts.map((text) => findSelfCorrections(text).length)),
  }
}
