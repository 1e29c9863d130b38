import * as tf from '@tensorflow/tfjs'
import { packGroups } from '../model/packedBatch.js'
import type { PackedGroups, PromptGroup } from '../model/packedBatch.js'
import { selectRows } from '../ops/selectRows.js'

/** A completion as the update sees it. */
export interface TrainingRow {
  /** Rows of a group share the same array. */
  readonly promptIds: readonly number[] // [P]
  readonly completionIds: readonly number[] // [L]
  readonly advantage: number
  /** False leaves the completion out of the loss (maskTruncatedCompletions). */
  readonly inLoss: boolean
  /** log π of each token when it was sampled, in nats; null when the completion comes from elsewhere. */
  readonly samplingLogProbs: readonly number[] | null // [L]
  /** log π under the policy that the ratio is taken to; null for the policy as it is (on-policy). */
  readonly oldLogProbs: readonly number[] | null // [L]
  /** log π under the reference policy; null when beta is 0. */
  readonly refLogProbs: readonly number[] | null // [L]
}

/** Packs rows; neighbours with the same prompt share one copy of it. */
export function packRows(rows: readonly Pick<TrainingRow, 'promptIds' | 'completionIds'>[]): PackedGroups {
  const groups: (PromptGroup & { completions: (readonly number[])[] })[] = []
  for (const { promptIds, completionIds } of rows) {
    const last = groups.at(-1)
    if (last?.promptIds === promptIds) last.completions.push(completionIds)
    else groups.push({ promptIds, completions: [completionIds] })
  }
  return packGroups(groups)
}

/** A micro-batch's layout in rows of equal length: [B, T], T the longest completion. */
export interface PaddedLayout {
  readonly shape: readonly [rows: number, tokens: number]
  /** Place of each padded position among the packed tokens; n (one past the last) where there is no token. */
  readonly places: Int32Array // [B · T]
}

export function paddedLayout(lengths: readonly number[]): PaddedLayout {
  const tokens = Math.max(1, ...lengths)
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const places = new Int32Array(lengths.length * tokens).fill(total)
  let at = 0
  for (const [row, length] of lengths.entries()) {
    for (let t = 0; t < length; t++) places[row * tokens + t] = at++
  }
  return { shape: [lengths.length, tokens], places }
}

/** Values of packed tokens as [B, T], 0 where there is no token. Differentiable. */
export function padTokens(values: tf.Tensor1D /* [n] */, { shape, places }: PaddedLayout): tf.Tensor2D /* [B, T] */ {
  const column = tf.reshape<tf.Rank.R2>(tf.concat([values, tf.zeros([1])]), [-1, 1])
  return tf.reshape(selectRows(column, places), [shape[0], shape[1]])
}

/** Values that are given row by row as [B · T], 0 where there is no token; null when a row has none. */
export function padRows(rows: readonly (readonly number[] | null)[], { shape }: PaddedLayout): Float32Array | null {
  const [rowCount, tokens] = shape
  const padded = new Float32Array(rowCount * tokens)
  for (const [row, values] of rows.entries()) {
    if (values === null) return null
    padded.set(values, row * tokens)
  }
  return padded
}
