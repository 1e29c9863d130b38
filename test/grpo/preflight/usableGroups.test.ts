import assert from 'node:assert/strict'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { expectedUsableGroups } from '../../../src/grpo/preflight/usableGroups.js'

const usable = (p: number, groupSize: number): number => 1 - p ** groupSize - (1 - p) ** groupSize

/** Mean estimate over many preflights of 20 problems with 4 attempts each, and what is true of these problems. */
function simulate(passRates: readonly number[], groupSize: number): { estimate: number; truth: number } {
  const random = xoroshiro128plus(1)
  let estimate = 0
  let truth = 0
  const runs = 300
  for (let run = 0; run < runs; run++) {
    const rates = Array.from({ length: 20 }, () => passRates[Math.floor(uniformFloat64(random) * passRates.length)]!)
    const passes = rates.map((p) => [1, 2, 3, 4].filter(() => uniformFloat64(random) < p).length)
    estimate += expectedUsableGroups(passes, 4, groupSize) / runs
    truth += rates.reduce((sum, p) => sum + usable(p, groupSize) / 20, 0) / runs
  }
  return { estimate, truth }
}

describe('grpo/preflight/usableGroups', () => {
  const worlds: Record<string, number[]> = {
    'problems that are equally hard': [0.5],
    'problems that are all rather hard': [0.1],
    'easy and hard problems': [0.05, 0.3, 0.6, 0.95],
    'problems that are solved or hopeless': [0, 0, 1],
    'mostly hopeless problems': [0, 0, 0, 0, 0.3],
  }
  for (const [name, rates] of Object.entries(worlds)) {
    // A Beta distribution cannot be at 0 and at 0.3 at once.
    const tolerance = name === 'mostly hopeless problems' ? 0.16 : 0.1
    it(`estimates the share of usable groups without much bias: ${name}`, () => {
      for (const groupSize of [4, 8, 16]) {
        const { estimate, truth } = simulate(rates, groupSize)
        assert.ok(Math.abs(estimate - truth) < tolerance, `G ${groupSize}: ${estimate} for ${truth}`)
      }
    })
  }

  it('lies between 0 and 1, small but not 0 where nobody was right, and falls where all were', () => {
    const none = expectedUsableGroups(new Array<number>(20).fill(0), 4, 8)
    const all = expectedUsableGroups(new Array<number>(20).fill(4), 4, 8)
    assert.ok(none > 0 && none < 0.1, String(none))
    assert.ok(Math.abs(none - all) < 1e-9)
    assert.ok(expectedUsableGroups([2], 4, 8) > 0.5)
  })
})
