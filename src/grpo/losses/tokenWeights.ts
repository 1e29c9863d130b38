import type { GRPOConfig } from '../config/config.js'
import type { BatchPosition } from './aggregation.js'
import { lossTypes } from './lossTypes.js'

/**
 * What the loss of each token of a completion counts in the loss of its micro-batch: the factors of aggregateLoss
 * (aggregation.ts), one for each completion.
 *
 * They are rounded to f32 step by step, as the tensors of the reference are, so that where the ratio is 1 the gradient has
 * the same bits as there.
 */
export function tokenWeights(
  rowTokens: readonly number[], // [B] tokens that are trained on
  { numItemsInBatch, gradientAccumulationSteps, stepsPerGeneration }: BatchPosition,
  { lossType, maxCompletionLength }: Pick<GRPOConfig, 'lossType' | 'maxCompletionLength'>,
): number[] /* [B] */ {
  const rows = rowTokens.length
  const divide = (a: number, ...divisors: readonly number[]): number =>
    divisors.reduce((quotient, divisor) => Math.fround(quotient / Math.fround(divisor)), a)
  const all = rowTokens.reduce((sum, count) => sum + count, 0)
  return rowTokens.map((count) => {
    switch (lossTypes[lossType].per) {
      case 'completion':
        return divide(1, gradientAccumulationSteps, rows, Math.max(count, 1))
      case 'microBatch':
        return divide(1, gradientAccumulationSteps, Math.max(all, 1))
      case 'completions':
        return divide(1, gradientAccumulationSteps, rows)
      case 'maxLength':
        return divide(1, gradientAccumulationSteps, rows * maxCompletionLength)
      case 'batch':
        return divide(1, (Math.max(numItemsInBatch, 1) * gradientAccumulationSteps) / stepsPerGeneration)
    }
  })
}
