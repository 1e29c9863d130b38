import { projections } from '../../model/modelTensors.js'
import { dropoutLimit } from '../../ops/dropout.js'
import { mix } from '../../ops/mix.js'
import { tokensOf } from '../../xla/programs/batch.js'
import type { DropoutArrays } from '../../xla/programs/dropout.js'
import { mixKey, runningKeys } from '../dropoutKey.js'
import type { RowDropout } from '../engine.js'
import type { BatchLayout } from './batchLayout.js'

/** What dropout leaves out of a batch: the same numbers as on the cpu engine, however rows are laid out. */
export function batchDropout(
  numLayers: number,
  probability: number,
  { shape, places, rows }: BatchLayout,
  { key, rowNumbers }: RowDropout,
): DropoutArrays<Int32Array | Float32Array> {
  const { promptTokens, tokens } = shape
  const tokenKeys = new Int32Array(tokensOf(shape))
  const firstRow = shape.groups * promptTokens
  for (const [i, { promptIds, completionIds }] of rows.entries()) {
    const place = places[i]!
    const prompt = runningKeys(promptIds, 0)
    tokenKeys.set(prompt.slice(0, -1), Math.floor(place / shape.rows) * promptTokens)
    const last = prompt.at(-1) ?? 0
    const own = runningKeys(completionIds.slice(0, -1), mixKey(last, rowNumbers[i]!))
    tokenKeys.set([last, ...own], firstRow + place * tokens)
  }
  const moduleKeys = Int32Array.from({ length: numLayers * projections.length }, (_, place) =>
    mix(mix(key ^ mix(1 + place))),
  )
  return {
    tokenKeys,
    moduleKeys,
    limit: Int32Array.of(dropoutLimit(probability)),
    scale: Float32Array.of(1 / (1 - probability)),
  }
}
