import assert from 'node:assert/strict'
import { signalMetrics } from '../../../src/grpo/metrics/signal.js'
import { assertClose } from '../assertClose.js'
import { groupOf } from './groups.js'

const rewarded = (...rewards: (number | null)[]) => groupOf(rewards.map((reward) => ({ rewards: { score: reward } })))

describe('grpo/metrics/signal', () => {
  it('tells groups that are all right from those that are all wrong by the correctness reward', () => {
    const both = (correctness: number, format: number) => ({ rewards: { format, correctness } })
    const metrics = signalMetrics([
      groupOf([both(1, 0.2), both(1, 0.2)]),
      groupOf([both(0, 0.2), both(0, 0.2)]),
      groupOf([both(0, 0), both(0, 0)]),
      groupOf([both(0, 0), both(0, 0.2)]),
      // Equal sums of different parts teach as little as equal parts.
      groupOf([both(1, 0), both(0, 1)]),
    ])
    assert.equal(metrics['groups/all_right'], 2 / 5)
    assert.equal(metrics['groups/all_wrong'], 2 / 5)
    assert.equal(metrics['rewards/correctness/alive'], 1 / 5)
    assert.equal(metrics['rewards/format/alive'], 2 / 5)
    assertClose([metrics['reward/best']!, metrics['reward/worst']!], [(1.2 + 0.2 + 0 + 0.2 + 1) / 5, 2.4 / 5], 1e-12)
  })

  it('goes by the total without one, and takes rounding for equality but not 1e-5', () => {
    const eight = new Array<number>(7).fill(0.2)
    const metrics = signalMetrics([rewarded(...eight, 0.2 + 1e-8), rewarded(...eight, 0.20001), rewarded(0, 0)])
    assert.equal(metrics['groups/all_right'], 1 / 3)
    assert.equal(metrics['groups/all_wrong'], 1 / 3)
  })

  it('leaves out what no function scored', () => {
    const metrics = signalMetrics([rewarded(null, null), rewarded(null, 3), rewarded(null, 1, 2)])
    assert.deepEqual(
      [metrics['groups/all_right'], metrics['groups/all_wrong'], metrics['reward/best'], metrics['reward/worst']],
      [0, 0, 2.5, 2],
    )
    assert.deepEqual(signalMetrics([]), {})
  })

  it('tells the share of right completions of those that are judged, and nothing where none is', () => {
    const judged = (correctness: number | null) => ({ rewards: { correctness, correct_looking: 1 } })
    const groups = [groupOf([judged(1), judged(0)]), groupOf([judged(null), judged(1)])]
    assert.equal(signalMetrics(groups).accuracy, 2 / 3)
    assert.ok(!('accuracy' in signalMetrics([rewarded(1, 0)])))
    assert.ok(!('accuracy' in signalMetrics([groupOf([judged(null)])])))
  })
})
