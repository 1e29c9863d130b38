import type { TokenValues } from '../../engine/engine.js'
import type { LossValues } from '../losses/lossValues.js'
import { lossMask } from './trainingRow.js'
import type { TrainingRow } from './trainingRow.js'

/** Values that are given row by row as [B · T], T the longest row, 0 where there is no token; null when a row has none. */
export function padRows(rows: readonly (ArrayLike<number> | null | undefined)[], tokens: number): Float32Array | null {
  const padded = new Float32Array(rows.length * tokens)
  for (const [row, values] of rows.entries()) {
    if (!values) return null
    padded.set(values, row * tokens)
  }
  return padded
}

/**
 * What belongs to the tokens of some rows of a padded matrix, one row behind the other: the gradient of a loss as
 * `Recording.gradient` takes it.
 */
export function unpadRows(
  padded: Float32Array, // [B · T]
  rows: readonly Pick<TrainingRow, 'completionIds'>[], // [B]
  /** The rows that are wanted. Defaults to all. */
  wanted: Iterable<number> = rows.keys(),
): Float32Array {
  const tokens = padded.length / rows.length
  const parts = Array.from(wanted, (i) => padded.subarray(i * tokens, i * tokens + rows[i]!.completionIds.length))
  const packed = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    packed.set(part, at)
    at += part.length
  }
  return packed
}

/**
 * The rows of a micro-batch as the loss takes them, padded to the longest.
 *
 * Without `inLoss` a row is in the loss, without `mask` all of its tokens are; without `oldLogProbs` the ratio is 1 (on-policy).
 */
export function lossValues(
  rows: readonly (Pick<TrainingRow, 'completionIds' | 'advantage'> & Partial<TrainingRow>)[], // [B]
  /** Under the policy as it is. */
  { logProbs, entropies }: TokenValues,
): LossValues {
  const tokens = Math.max(1, ...rows.map(({ completionIds }) => completionIds.length))
  const pad = (valuesOf: (row: (typeof rows)[number], i: number) => ArrayLike<number> | null | undefined) =>
    padRows(rows.map(valuesOf), tokens)
  return {
    shape: [rows.length, tokens],
    logProbs: pad((_, i) => logProbs[i])!,
    entropies: pad((_, i) => entropies[i])!,
    oldLogProbs: pad((row) => row.oldLogProbs),
    refLogProbs: pad((row) => row.refLogProbs),
    samplingLogProbs: pad((row) => row.samplingLogProbs),
    completionMask: pad(lossMask)!,
    advantages: rows.map(({ advantage }) => advantage),
    importanceSamplingRatio: importanceSamplingRatios(rows, tokens),
  }
}

/** [B] where every row has one ratio for its completion, [B · T] where every row has one for each token, else null: all 1. */
function importanceSamplingRatios(
  rows: readonly Pick<TrainingRow, 'importanceSamplingRatio'>[],
  tokens: number,
): Float32Array | null {
  const ratios = rows.map(({ importanceSamplingRatio }) => importanceSamplingRatio)
  const ofCompletions = ratios.filter((ratio) => typeof ratio === 'number')
  if (ofCompletions.length === rows.length) return Float32Array.from(ofCompletions)
  return padRows(
    ratios.map((ratio) => (typeof ratio === 'number' ? null : ratio)),
    tokens,
  )
}
