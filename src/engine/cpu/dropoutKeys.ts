import type { ForwardDropout } from './decoder.js'
import type { PackedGroups } from './packedBatch.js'
import { mix } from '../../ops/dropout.js'
import type { TrainingRow } from '../../grpo/update/trainingRow.js'

type Row = Pick<TrainingRow, 'promptIds' | 'completionIds'>

/** The dropout of a micro-batch, however its rows are cut and packed. */
export interface RowDropout {
  /** Of the micro-batch, see {@link dropoutKey}. */
  readonly key: number
  /** Place of a row in the micro-batch: completions with the same tokens lose different numbers. */
  readonly rowNumber: (row: Row) => number
}

/** The key of a micro-batch: every one of a run has its own, the same whenever the run is made again or resumed. */
export function dropoutKey(
  seed: number,
  step: number, // optimizer steps made before
  microBatch: number, // of the step, from 0
): number {
  return [seed % 2 ** 32, Math.floor(seed / 2 ** 32), step, microBatch].reduce(next, 0)
}

/**
 * Keys of the packed tokens of some rows. A token of a prompt has the same key wherever the prompt begins with the same tokens, since
 * such tokens are computed once; one of a completion has its own. So results do not depend on how rows are packed or cut.
 */
export function dropoutKeys(
  rows: readonly Row[],
  { sharedLengths }: Pick<PackedGroups, 'sharedLengths'>, // as packRows laid them out
  { key, rowNumber }: RowDropout,
): ForwardDropout {
  const tokenKeys: number[] = []
  let prompt: readonly number[] | null = null
  let group = 0
  let promptEnd = 0
  for (const row of rows) {
    if (row.promptIds !== prompt) {
      const keys = runningKeys(row.promptIds, 0)
      for (const tokenKey of keys.slice(sharedLengths[group++])) tokenKeys.push(tokenKey)
      promptEnd = keys.at(-1) ?? 0
      prompt = row.promptIds
    }
    // The last token of a completion is not computed.
    const keys = runningKeys(row.completionIds.slice(0, -1), next(promptEnd, rowNumber(row)))
    for (const tokenKey of keys) tokenKeys.push(tokenKey)
  }
  return { key, tokenKeys: Int32Array.from(tokenKeys) }
}

/** A key for each token, made of the tokens up to it. */
function runningKeys(ids: readonly number[], start: number): number[] {
  let key = start
  return ids.map((id) => (key = next(key, id)))
}

function next(key: number, part: number): number {
  return mix((Math.imul(key, 31) + part + 1) | 0)
}
