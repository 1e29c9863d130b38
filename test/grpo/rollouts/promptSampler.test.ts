import assert from 'node:assert/strict'
import { PromptSampler } from '../../../src/grpo/rollouts/promptSampler.js'

describe('promptSampler', () => {
  const passes = (sampler: PromptSampler, count: number, number: number): number[][] =>
    Array.from({ length: number }, () => Array.from({ length: count }, () => sampler.next()))

  it('takes every problem once a pass, in another order each time', () => {
    const all = passes(new PromptSampler(20, true, 42), 20, 4)
    const inOrder = Array.from({ length: 20 }, (_, i) => i)
    for (const pass of all)
      assert.deepEqual(
        pass.toSorted((a, b) => a - b),
        inOrder,
      )
    assert.equal(new Set([...all, inOrder].map((pass) => pass.join())).size, 5)
  })

  it('repeats itself with the same seed only', () => {
    const [once, again, other] = [1, 1, 2].map((seed) => passes(new PromptSampler(20, true, seed), 20, 2))
    assert.deepEqual(again, once)
    assert.notDeepEqual(other, once)
  })

  it('keeps the order without shuffling, and counts passes', () => {
    const sampler = new PromptSampler(3, false, 1)
    assert.equal(sampler.epoch, 0)
    assert.deepEqual(passes(sampler, 3, 2), [
      [0, 1, 2],
      [0, 1, 2],
    ])
    assert.equal(sampler.epoch, 2)
    sampler.next()
    assert.equal(sampler.epoch, 7 / 3)
    assert.deepEqual(passes(new PromptSampler(1, true, 1), 1, 2), [[0], [0]])
  })

  it('puts every problem at every place about equally often', () => {
    const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0])
    for (const pass of passes(new PromptSampler(4, true, 7), 4, 4000)) {
      for (const [place, problem] of pass.entries()) counts[place]![problem]! += 1
    }
    // 1000 ± 27 each.
    for (const count of counts.flat()) assert.ok(Math.abs(count - 1000) < 120, String(count))
  })

  it('passes over most problems that are nearly always or hardly ever solved, when told to', () => {
    const sampler = new PromptSampler(4, true, 3, { difficultyPools: true })
    for (const [number, rate] of [0, 0.5, 1].entries()) sampler.record(number, rate)
    sampler.record(3, null) // never judged
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 6000; i++) counts[sampler.next()]!++
    const [hard, normal, easy, untried] = counts.map((count) => count / counts[1]!)
    assert.equal(normal, 1)
    assert.ok(Math.abs(untried! - 1) < 0.01, `${untried}`)
    assert.ok(Math.abs(hard! - 0.2) < 0.03 && Math.abs(easy! - 0.2) < 0.03, `${hard} ${easy}`)
    assert.deepEqual(sampler.poolMetrics(), {
      'difficulty_pools/hard': 1 / 3,
      'difficulty_pools/normal': 1 / 3,
      'difficulty_pools/easy': 1 / 3,
    })
    // A running estimate: half of it is the newest group.
    sampler.record(0, 1)
    assert.equal(sampler.state().passRates[0], 0.5)
  })

  it('goes on when all problems are passed over', () => {
    const sampler = new PromptSampler(2, true, 1, { difficultyPools: true })
    for (const number of [0, 1]) sampler.record(number, 0)
    assert.equal(passes(sampler, 2, 100).flat().length, 200)
  })

  it('goes on from a stored state with the same numbers, wherever it was stored', () => {
    const options = { difficultyPools: true }
    for (const taken of [0, 1, 4, 5, 10, 13]) {
      const sampler = new PromptSampler(5, true, 7, options)
      sampler.record(2, 0.1)
      for (let i = 0; i < taken; i++) sampler.next()
      const stored = JSON.parse(JSON.stringify(sampler.state())) as ReturnType<PromptSampler['state']>
      const other = new PromptSampler(5, true, 8, options)
      other.next()
      other.restore(stored)
      assert.deepEqual(passes(other, 5, 4), passes(sampler, 5, 4), `after ${taken}`)
      assert.equal(other.epoch, sampler.epoch)
    }
  })
})
