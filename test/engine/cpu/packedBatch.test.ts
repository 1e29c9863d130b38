import assert from 'node:assert/strict'
import { packGroups } from '../../../src/engine/cpu/packedBatch.js'

describe('packGroups', () => {
  it('lays the completions of a group behind the one copy of their prompt', () => {
    const { batch, rows, targets } = packGroups([
      { promptIds: [1, 2, 3], completions: [[4, 5, 6], [7], [8, 9]] },
      { promptIds: [10], completions: [[11, 12]] },
    ])
    // The last token of each completion predicts nothing.
    assert.deepEqual([...batch.tokenIds], [1, 2, 3, 4, 5, 8, 10, 11])
    assert.deepEqual([...batch.positions], [0, 1, 2, 3, 4, 3, 0, 1])
    assert.deepEqual([...targets], [4, 5, 6, 7, 8, 9, 11, 12])
    assert.deepEqual([...rows], [2, 3, 4, 2, 2, 5, 6, 7])
    const none = { prefixStart: 0, prefixLength: 0 }
    const prompt = { prefixStart: 0, prefixLength: 3 }
    assert.deepEqual(batch.segments, [
      { queryStart: 0, queryLength: 3, ...none, keyStart: 0, keyLength: 3 },
      { queryStart: 3, queryLength: 2, ...prompt, keyStart: 3, keyLength: 2 },
      { queryStart: 5, queryLength: 1, ...prompt, keyStart: 5, keyLength: 1 },
      { queryStart: 6, queryLength: 1, ...none, keyStart: 6, keyLength: 1 },
      { queryStart: 7, queryLength: 1, prefixStart: 6, prefixLength: 1, keyStart: 7, keyLength: 1 },
    ])
  })

  it('computes what prompts have in common once', () => {
    const { batch, rows, sharedLengths } = packGroups(
      [
        { promptIds: [1, 2, 3], completions: [[4, 5]] },
        { promptIds: [1, 2, 6, 7], completions: [[8, 9], [10]] },
        { promptIds: [1, 2, 3], completions: [[11]] },
      ],
      { sharePrefixes: true },
    )
    assert.deepEqual([...batch.tokenIds], [1, 2, 3, 4, 6, 7, 8, 3])
    assert.deepEqual([...batch.positions], [0, 1, 2, 3, 2, 3, 4, 2])
    assert.deepEqual([...batch.keyRows!], [0, 1, 2, 3, 0, 1, 4, 5, 6, 0, 1, 7])
    assert.deepEqual([...rows], [2, 3, 5, 6, 5, 7])
    assert.deepEqual(sharedLengths, [0, 2, 2])
    const none = { prefixStart: 0, prefixLength: 0 }
    assert.deepEqual(batch.segments.slice(2), [
      { queryStart: 4, queryLength: 2, ...none, keyStart: 4, keyLength: 4 },
      { queryStart: 6, queryLength: 1, prefixStart: 4, prefixLength: 4, keyStart: 8, keyLength: 1 },
      { queryStart: 7, queryLength: 1, ...none, keyStart: 9, keyLength: 3 },
    ])
  })

  it('takes empty completions, prompts alone and nothing at all', () => {
    const { batch, rows, targets } = packGroups([
      { promptIds: [1, 2], completions: [[], [3]] },
      { promptIds: [4], completions: [] },
    ])
    assert.deepEqual([...batch.tokenIds], [1, 2, 4])
    assert.equal(batch.segments.length, 2)
    assert.deepEqual([...rows], [1])
    assert.deepEqual([...targets], [3])
    assert.equal(packGroups([]).batch.tokenIds.length, 0)
  })
})
