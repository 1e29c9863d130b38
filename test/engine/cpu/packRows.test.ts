import assert from 'node:assert/strict'
import { cutRows, packRows } from '../../../src/engine/cpu/packRows.js'
import { packGroups } from '../../../src/engine/cpu/packedBatch.js'

describe('packRows', () => {
  it('packs neighbours with the same prompt array as one group', () => {
    const [one, two] = [
      [1, 2],
      [3, 4],
    ]
    const rows = [
      { promptIds: one, completionIds: [5] },
      { promptIds: one, completionIds: [6, 7] },
      { promptIds: two, completionIds: [8] },
      { promptIds: [...two], completionIds: [9] },
      { promptIds: one, completionIds: [10] },
    ]
    assert.deepEqual(
      packRows(rows),
      packGroups(
        [
          { promptIds: one, completions: [[5], [6, 7]] },
          { promptIds: two, completions: [[8]] },
          { promptIds: two, completions: [[9]] },
          { promptIds: one, completions: [[10]] },
        ],
        { sharePrefixes: true },
      ),
    )
    assert.equal(packRows([]).batch.tokenIds.length, 0)
  })

  it('cuts rows into runs that fit, counting a shared prompt once', () => {
    const [one, two] = [
      [1, 2],
      [3, 4],
    ]
    const row = (promptIds: number[], length: number): { promptIds: number[]; completionIds: number[] } => ({
      promptIds,
      completionIds: Array.from({ length }, (_, i) => i),
    })
    const rows = [row(one, 2), row(one, 2), row(one, 2), row(two, 1), row(two, 9), row(one, 1)]
    const lengths = (maxTokens: number): number[][] =>
      cutRows(rows, maxTokens).map((run) => run.map(({ completionIds }) => completionIds.length))
    assert.deepEqual(lengths(100), [[2, 2, 2, 1, 9, 1]])
    assert.deepEqual(lengths(6), [[2, 2], [2], [1], [9], [1]])
    assert.deepEqual(lengths(7), [[2, 2], [2, 1], [9], [1]])
    assert.deepEqual(lengths(1), [[2], [2], [2], [1], [9], [1]])
    assert.deepEqual(cutRows([], 5), [])
  })
})
