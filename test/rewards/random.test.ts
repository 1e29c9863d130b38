import assert from 'node:assert/strict'
import { rewards } from '../../src/index.js'

describe('rewards/random', () => {
  const input = {
    prompt: 'Q',
    completion: '1',
    answer: '1',
    ids: [1],
    meta: { problem: { id: 'x', question: 'Q', answer: '1' }, finishReason: 'stop' as const },
  }
  const draw = (rate: number, seed: number): unknown[] => {
    const reward = rewards.random({ rate, seed })
    return Array.from({ length: 4000 }, () => reward.score(input))
  }

  it('gives 1 at its rate and else 0, the same for the same seed', () => {
    const ones = draw(0.3, 1).filter((value) => value === 1).length
    // Six standard deviations.
    assert.ok(Math.abs(ones - 1200) < 6 * Math.sqrt(4000 * 0.3 * 0.7), `${ones} of 4000`)
    assert.deepEqual(new Set(draw(0.3, 1)), new Set([0, 1]))
    assert.deepEqual(draw(0.3, 1), draw(0.3, 1))
    assert.notDeepEqual(draw(0.3, 1), draw(0.3, 2))
    assert.deepEqual(new Set(draw(0, 1)), new Set([0]))
    assert.deepEqual(new Set(draw(1, 1)), new Set([1]))
  })

  it('refuses a rate that is no probability', () => {
    for (const rate of [-0.1, 1.1, NaN]) assert.throws(() => rewards.random({ rate }), /rate: expected a number/)
  })
})
