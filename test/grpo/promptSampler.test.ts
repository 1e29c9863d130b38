import assert from 'node:assert/strict'
import { PromptSampler } from '../../src/grpo/promptSampler.js'

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
})
