import { mixKey, runningKeys } from '../dropoutKey.js'
import type { EngineRow, RowDropout } from '../engine.js'
import type { ForwardDropout } from './decoder.js'
import type { PackedGroups } from './packedBatch.js'

/**
 * Keys of the packed tokens of some rows. A token of a prompt has the same key wherever the prompt begins with the same tokens, since
 * such tokens are computed once; one of a completion has its own. So results do not depend on how rows are packed or cut.
 */
export function dropoutKeys(
  rows: readonly EngineRow[],
  { sharedLengths }: Pick<PackedGroups, 'sharedLengths'>, // as packRows laid them out
  { key, rowNumbers }: RowDropout,
): ForwardDropout {
  const tokenKeys: number[] = []
  let prompt: readonly number[] | null = null
  let group = 0
  let promptEnd = 0
  for (const [index, row] of rows.entries()) {
    if (row.promptIds !== prompt) {
      const keys = runningKeys(row.promptIds, 0)
      for (const tokenKey of keys.slice(sharedLengths[group++])) tokenKeys.push(tokenKey)
      promptEnd = keys.at(-1) ?? 0
      prompt = row.promptIds
    }
    // The last token of a completion is not computed.
    const keys = runningKeys(row.completionIds.slice(0, -1), mixKey(promptEnd, rowNumbers[index]!))
    for (const tokenKey of keys) tokenKeys.push(tokenKey)
  }
  return { key, tokenKeys: Int32Array.from(tokenKeys) }
}
