import { findCalculations } from '../../grading/reasoning/calculations.js'
import { findSelfCorrections } from '../../grading/reasoning/selfCorrections.js'
import { findSteps } from '../../grading/reasoning/steps.js'
import type { MeasuredGroup } from './measuredGroup.js'
import { mean } from './statistics.js'

/**
 * `reasoning/steps` and `reasoning/self_corrections`: their mean number in a completion (see {@link findSteps} and
 * {@link findSelfCorrections}). Both look for forms and words, so they say how a model writes, not whether it reasons well.
 * `reasoning/correct_calculations`: the share of the calculations in all completions that come out; absent when there is none.
 */
export function reasoningMetrics(groups: readonly MeasuredGroup<'text'>[]): Record<string, number> {
  const texts = groups.flatMap(({ completions }) => completions.map(({ text }) => text))
  if (texts.length === 0) return {}
  const calculations = texts.flatMap((text) => findCalculations(text))
  return {
    'reasoning/steps': mean(texts.map((text) => findSteps(text).length)),
    'reasoning/self_corrections': mean(texts.map((text) => findSelfCorrections(text).length)),
    ...(calculations.length > 0 && {
      'reasoning/correct_calculations': mean(calculations.map(({ correct }) => (correct ? 1 : 0))),
    }),
  }
}
