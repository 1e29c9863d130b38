import assert from 'node:assert/strict'
import fc from 'fast-check'
import { diversityMetrics, meanDistance } from '../../../src/grpo/metrics/diversity.js'
import { assertClose } from '../assertClose.js'
import { groupOf } from './groups.js'

describe('grpo/metrics/diversity', () => {
  it('counts different completions and different answers of a group, as means over the groups', () => {
    const metrics = diversityMetrics([
      groupOf([
        { ids: [1, 2], text: 'so 4 + 4 is\n#### 8' },
        { ids: [1, 3], text: 'it is 8' },
        { ids: [1, 3], text: 'it is 8' },
        { ids: [1, 4], text: '#### 7' },
      ]),
      groupOf([
        { ids: [5], text: 'no' },
        { ids: [5], text: 'no ' },
        { ids: [6], text: 'yes' },
        { ids: [7], text: '' },
      ]),
    ])
    assert.equal(metrics['diversity/unique_completions'], 3)
    assert.equal(metrics['diversity/distinct_answers'], (2 + 3) / 2)
    assert.deepEqual(diversityMetrics([]), {})
  })

  it('has the mean Jaccard distance of the trigrams', () => {
    // {123, 234} and {123, 235} share one of three; the third shares nothing with either.
    assertClose(
      [
        meanDistance([
          [1, 2, 3, 4],
          [1, 2, 3, 5],
          [7, 8, 9],
        ]),
      ],
      [(2 / 3 + 1 + 1) / 3],
      1e-12,
    )
    assert.equal(meanDistance([[1], [1]]), 0)
    assert.equal(meanDistance([[1], [2]]), 1)
    assert.equal(meanDistance([[], []]), 0)
    assert.equal(meanDistance([[1, 2, 3]]), 0)
  })

  it('lies between 0 and 1, and is 0 for copies', () => {
    const completion = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 })
    fc.assert(
      fc.property(fc.array(completion, { maxLength: 20 }), completion, (completions, one) => {
        const distance = meanDistance(completions)
        assert.ok(distance >= 0 && distance <= 1)
        assert.equal(meanDistance([one, one, one]), 0)
      }),
    )
  })

  it('compares no more than 16 completions of a group, however many there are', () => {
    const copies = Array.from({ length: 16 }, () => [1, 2, 3])
    assert.equal(meanDistance([...copies, [4, 5, 6]]), 0)
  })
})
