import assert from 'node:assert/strict'
import { sequenceRandom } from '../../src/engine/sequenceRandom.js'

/** Largest distance between the distribution of numbers and the uniform one (Kolmogorov and Smirnov), times √n. */
function distanceFromUniform(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const distance = sorted.reduce((max, x, i) => Math.max(max, Math.abs(x - (i + 0.5) / sorted.length)), 0)
  return distance * Math.sqrt(sorted.length)
}

/** χ² of pairs of numbers on a grid of 8 × 8; of independent uniform ones 63 on average, 104 once in a thousand times. */
function pairStatistic(pairs: readonly (readonly [number, number])[]): number {
  const counts = new Array<number>(64).fill(0)
  for (const [x, y] of pairs) counts[Math.floor(x * 8) * 8 + Math.floor(y * 8)]! += 1
  const expected = pairs.length / 64
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

describe('sequenceRandom', () => {
  const draw = (count: number, seed: number, prompt: readonly number[], generation: number): number[] => {
    const random = sequenceRandom(seed, prompt, generation)
    return Array.from({ length: count }, random)
  }

  it('depends on the seed, the prompt and the number of the completion, and on nothing else', () => {
    const streams = [
      draw(4, 1, [5, 6], 0),
      draw(4, 2, [5, 6], 0),
      draw(4, 1 + 2 ** 32, [5, 6], 0),
      draw(4, 1, [5, 6], 1),
      draw(4, 1, [6, 5], 0),
      draw(4, 1, [5], 0),
      draw(4, 1, [5, 6, 0], 0),
    ]
    assert.equal(new Set(streams.map((stream) => stream.join())).size, streams.length)
    assert.deepEqual(draw(4, 1, [5, 6], 0), streams[0])
  })

  it('gives numbers in [0, 1) that are uniform along a completion and across completions, seeds and prompts', () => {
    const indices = Array.from({ length: 4000 }, (_, i) => i)
    const samples = {
      'along a completion': draw(4000, 1, [3, 7], 0),
      'first numbers of the completions of a prompt': indices.map((i) => draw(1, 1, [3, 7], i)[0]!),
      'second numbers of the completions of a prompt': indices.map((i) => draw(2, 1, [3, 7], i)[1]!),
      'first numbers of neighbouring seeds': indices.map((i) => draw(1, i, [3], 0)[0]!),
      'first numbers of prompts that end differently': indices.map((i) => draw(1, 0, [3, i], 0)[0]!),
    }
    for (const [name, numbers] of Object.entries(samples)) {
      assert.ok(
        numbers.every((x) => x >= 0 && x < 1),
        name,
      )
      // Truly uniform numbers exceed 1.95 once in a thousand times.
      assert.ok(distanceFromUniform(numbers) < 1.95, `${name}: ${distanceFromUniform(numbers)}`)
    }
  })

  it('gives neighbouring completions and seeds numbers that have nothing to do with each other', () => {
    for (const prompt of [[5], [3, 7], [10, 200, 3000, 40000]]) {
      const pairs = (next: (i: number) => [number, number]): [number, number][] =>
        Array.from({ length: 8000 }, (_, i) => next(i))
      const first = (seed: number, generation: number): number => draw(1, seed, prompt, generation)[0]!
      const statistics = {
        'neighbours in a group': pairs((i) => [first(1, i), first(1, i + 1)]),
        'the same place in two groups': pairs((i) => [first(i, 2), first(i + 1, 2)]),
        'eight places on': pairs((i) => [first(1, i), first(1, i + 8)]),
        'the first two of a completion': pairs((i) => draw(2, 1, prompt, i) as [number, number]),
      }
      for (const [name, sample] of Object.entries(statistics)) {
        assert.ok(pairStatistic(sample) < 104, `${name}, prompt [${prompt.join()}]: ${pairStatistic(sample)}`)
      }
    }
  })
})
