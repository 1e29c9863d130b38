import assert from 'node:assert/strict'
import fc from 'fast-check'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { ConfigError } from '../../src/index.js'
import {
  bootstrapIntervals,
  clusteredInterval,
  cohenKappa,
  majorityCorrect,
  mcnemarPower,
  mcnemarTest,
  mcnemarTestOneSided,
  pairedInterval,
  passAtK,
  problemsNeeded,
  proportionInterval,
  signFlipTest,
} from '../../src/statistics.js'
import { passAtKs } from '../../src/eval/statistics/passAtK.js'

function assertNear(actual: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual}, expected ${expected}`)
}

const resampling = { resamples: 2000, seed: 1, confidence: 0.95 }

describe('eval/statistics/proportionInterval', () => {
  it("gives scipy's numbers", () => {
    const [low, high] = proportionInterval(1, 1)
    assertNear(low, 0.20654931437723745)
    assert.equal(high, 1)
    const corrected = proportionInterval(0, 5, { method: 'wilson_cc' })
    assert.equal(corrected[0], 0)
    assertNear(corrected[1], 0.5370560174675232)
    const exact = proportionInterval(0, 5, { method: 'clopper_pearson' })
    assertNear(exact[1], 0.5218237501049814)
  })

  it('lies in [0, 1], holds the proportion, and mirrors when successes and failures change places', () => {
    const cases = fc.tuple(fc.nat(300), fc.nat(300), fc.double({ min: 0.5, max: 0.999, noNaN: true }))
    fc.assert(
      fc.property(cases, fc.constantFrom('wilson', 'wilson_cc', 'clopper_pearson'), ([k, rest, confidence], method) => {
        const n = k + rest + 1
        const [low, high] = proportionInterval(k, n, { confidence, method })
        assert.ok(low >= 0 && high <= 1 && low <= k / n && k / n <= high)
        const mirrored = proportionInterval(n - k, n, { confidence, method })
        assertNear(mirrored[0], 1 - high, 1e-9)
        assertNear(mirrored[1], 1 - low, 1e-9)
      }),
    )
  })

  it('refuses what is no proportion and no confidence', () => {
    for (const [k, n] of [
      [0, 0],
      [3, 2],
      [-1, 2],
      [NaN, 2],
    ] as const) {
      assert.throws(() => proportionInterval(k, n), ConfigError)
    }
    for (const confidence of [0, 1, 95, NaN]) {
      assert.throws(() => proportionInterval(1, 2, { confidence }), /expected a number between 0 and 1, such as 0\.95/)
    }
  })
})

describe('eval/statistics/clusteredInterval', () => {
  it('is the Wilson interval for one completion a problem', () => {
    const shares = [1, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    assert.deepEqual(clusteredInterval(shares, 1, 0.95), proportionInterval(3, 10))
  })

  it('takes completions that always agree for one, and such that do not for as many as they are', () => {
    // Eight completions a problem that are all right or all wrong say as much as one.
    const [low, high] = clusteredInterval([1, 0, 0, 1, 1, 0, 0, 0, 0, 0], 8, 0.95)
    const [single, singleHigh] = proportionInterval(3, 10)
    assertNear(low, single, 1e-9)
    assertNear(high, singleHigh, 1e-9)
    // The same share everywhere, as far as it can be seen, is that of 80 trials.
    const alike = Array.from({ length: 10 }, (_, i) => (i % 2 ? 3 : 5) / 8)
    assert.deepEqual(clusteredInterval(alike, 8, 0.95), proportionInterval(40, 80))
    // Nothing solved at all: ten problems' worth.
    assert.deepEqual(clusteredInterval(new Array<number>(10).fill(0), 8, 0.95), proportionInterval(0, 10))
  })

  it('lies between the intervals of problems alone and of all completions', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(8), { minLength: 2, maxLength: 40 }), (counts) => {
        const [low, high] = clusteredInterval(
          counts.map((count) => count / 8),
          8,
          0.95,
        )
        const right = counts.reduce((sum, count) => sum + count, 0)
        const most = counts.length * 8
        const [inner, innerHigh] = proportionInterval(right, most)
        const [outer, outerHigh] = proportionInterval(right / 8, counts.length)
        assert.ok(low >= outer - 1e-9 && low <= inner + 1e-9)
        assert.ok(high <= outerHigh + 1e-9 && high >= innerHigh - 1e-9)
      }),
    )
  })
})

describe('eval/statistics/mcnemar', () => {
  it('gives the binomial tail', () => {
    assert.equal(mcnemarTest(0, 0), 1)
    assertNear(mcnemarTest(1, 7), (2 * 9) / 256)
    assertNear(mcnemarTestOneSided(1, 7), 9 / 256)
    assert.equal(mcnemarTestOneSided(0, 0), 1)
    assert.equal(mcnemarTest(3, 3), 1)
  })

  it('does not care which model is which, two-sided; one-sided it does', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), (b, c) => {
        assert.equal(mcnemarTest(b, c), mcnemarTest(c, b))
        // P(X >= c) + P(X >= b) = 1 + P(X = c) for X symmetric around (b + c) / 2.
        assert.ok(mcnemarTestOneSided(b, c) + mcnemarTestOneSided(c, b) >= 1 - 1e-12)
      }),
    )
  })
})

describe('eval/statistics/passAtK', () => {
  it('is the share of subsets that hold a right completion', () => {
    const subsets = (n: number, k: number): number[][] =>
      Array.from({ length: 2 ** n }, (_, bits) =>
        Array.from({ length: n }, (_, i) => i).filter((i) => (bits >> i) & 1),
      ).filter((subset) => subset.length === k)
    for (let n = 1; n <= 7; n++) {
      for (let c = 0; c <= n; c++) {
        for (let k = 1; k <= n; k++) {
          const all = subsets(n, k)
          const right = all.filter((subset) => subset.some((i) => i < c)).length
          assertNear(passAtK(n, c, k), right / all.length)
        }
      }
    }
  })

  it('stays exact for many samples', () => {
    assertNear(passAtK(10_000, 1, 100), 0.01)
    assert.equal(passAtK(10_000, 9_901, 100), 1)
    assertNear(passAtK(200, 3, 1), 0.015)
  })

  it('refuses a k beyond the samples', () => {
    for (const [n, c, k] of [
      [4, 2, 5],
      [4, 2, 0],
      [4, 5, 1],
      [4, -1, 1],
      [4, 1.5, 1],
    ] as const) {
      assert.throws(() => passAtK(n, c, k), ConfigError)
    }
  })

  it('is told for powers of two and all samples', () => {
    assert.deepEqual([1, 2, 4, 6].map(passAtKs), [[1], [1, 2], [1, 2, 4], [1, 2, 4, 6]])
  })
})

describe('eval/statistics/majority', () => {
  const votes = (text: string): { answer: string | null; correct: boolean }[] =>
    Array.from(text, (letter) => ({ answer: letter === '-' ? null : letter, correct: letter === 'r' }))

  it('takes the commonest answer, lots for a tie, and does not count those without an answer', () => {
    assert.equal(majorityCorrect(votes('rrw')), 1)
    assert.equal(majorityCorrect(votes('rww')), 0)
    assert.equal(majorityCorrect(votes('rwvu')), 0.25)
    assert.equal(majorityCorrect(votes('rr--------')), 1)
    assert.equal(majorityCorrect(votes('---')), 0)
    assert.equal(majorityCorrect([]), 0)
  })
})

describe('eval/statistics/bootstrap', () => {
  it('is near the normal interval of a mean, and the same for the same seed', () => {
    const values = Array.from({ length: 200 }, (_, i) => Math.sin(i * 12.9898) * 3)
    const mean = values.reduce((sum, value) => sum + value, 0) / 200
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 199)
    const [interval] = bootstrapIntervals([{ numerators: values }], { ...resampling, resamples: 10_000 })
    assertNear(interval![0], mean - (1.96 * deviation) / Math.sqrt(200), 0.03)
    assertNear(interval![1], mean + (1.96 * deviation) / Math.sqrt(200), 0.03)
    const again = bootstrapIntervals([{ numerators: values }], { ...resampling, resamples: 10_000 })
    assert.deepEqual(again, [interval])
    assert.notDeepEqual(bootstrapIntervals([{ numerators: values }], { ...resampling, seed: 2 }), [interval])
  })

  it('takes all ratios on the same draws, and skips draws whose denominator is 0', () => {
    const numerators = [1, 0, 2, 5]
    const [one, doubled, ratio] = bootstrapIntervals(
      [
        { numerators },
        { numerators: numerators.map((x) => 2 * x) },
        { numerators: [1, 0, 0, 0], denominators: [1, 0, 0, 0] },
      ],
      resampling,
    )
    assert.deepEqual(doubled, [2 * one![0], 2 * one![1]])
    assert.deepEqual(ratio, [1, 1])
  })

  it('gives nothing for one problem, or nothing to divide by', () => {
    assert.deepEqual(bootstrapIntervals([{ numerators: [1] }], resampling), [null])
    assert.deepEqual(bootstrapIntervals([{ numerators: [0, 0], denominators: [0, 0] }], resampling), [null])
    assert.deepEqual(bootstrapIntervals([{ numerators: [1, 2] }], { ...resampling, resamples: 0 }), [null])
  })
})

describe('eval/statistics/permutationTest', () => {
  const repeated = (minus: number, plus: number): number[] => [
    ...new Array<number>(minus).fill(-1),
    ...new Array<number>(plus).fill(1),
    ...new Array<number>(5).fill(0),
  ]

  it('is the exact McNemar test for differences of -1, 0 and 1', () => {
    for (const [minus, plus] of [
      [0, 0],
      [1, 7],
      [3, 3],
      [0, 14],
    ] as const) {
      assertNear(signFlipTest(repeated(minus, plus), resampling), mcnemarTest(minus, plus))
    }
  })

  it('comes near it by random flips, and never gives 0', () => {
    const options = { resamples: 20_000, seed: 3 }
    assertNear(signFlipTest(repeated(20, 34), options), mcnemarTest(20, 34), 0.01)
    assertNear(signFlipTest(repeated(50, 55), options), mcnemarTest(50, 55), 0.01)
    assert.equal(signFlipTest(repeated(0, 100), options), 1 / 20_001)
  })

  it('does not let rounding decide', () => {
    // 0.1 + 0.2 + 0.3 in another order is another number.
    assert.equal(signFlipTest([0.1, 0.2, 0.3], resampling), 0.25)
    assert.equal(signFlipTest([0.3, 0.2, 0.1], resampling), 0.25)
  })
})

describe('eval/statistics/pairedInterval', () => {
  it('adds up the distances to the Wilson bounds', () => {
    const [low, high] = pairedInterval([1, 1, 0, 0], [1, 1, 1, 1], 1, 0.95)
    const [base, baseHigh] = proportionInterval(2, 4)
    const [after] = proportionInterval(4, 4)
    // One of the two does not vary, so nothing is taken off: both distances add up as squares.
    assertNear(low, 0.5 - Math.hypot(1 - after, baseHigh - 0.5))
    assertNear(high, 0.5 + Math.hypot(0, 0.5 - base))
  })

  it('turns round with the policies, holds the difference, and stays within −1 and 1', () => {
    const pairs = fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { minLength: 2, maxLength: 60 })
    fc.assert(
      fc.property(pairs, (counts) => {
        const before = counts.map(([count]) => count / 4)
        const after = counts.map(([, count]) => count / 4)
        const [low, high] = pairedInterval(before, after, 4, 0.95)
        const difference = counts.reduce((sum, [a, b]) => sum + b - a, 0) / 4 / counts.length
        assert.ok(low >= -1 && high <= 1 && low <= difference + 1e-12 && high >= difference - 1e-12)
        const [reversed, reversedHigh] = pairedInterval(after, before, 4, 0.95)
        assertNear(reversed, -high, 1e-9)
        assertNear(reversedHigh, -low, 1e-9)
      }),
    )
  })

  it('is narrower where the policies solve the same problems, and no point where nothing differs', () => {
    const half = Array.from({ length: 40 }, (_, i) => i % 2)
    const others = half.map((value) => 1 - value)
    const width = ([low, high]: readonly [number, number]): number => high - low
    assert.ok(width(pairedInterval(half, half, 1, 0.95)) < width(pairedInterval(half, others, 1, 0.95)) / 4)
    const zeros = new Array<number>(20).fill(0)
    const [low, high] = pairedInterval(zeros, zeros, 1, 0.95)
    assert.ok(low < -0.1 && high > 0.1)
    // Not where half are right in both either, where the correlation is 1 but for its correction for continuity.
    for (const count of [1, 2, 8]) assert.ok(width(pairedInterval(half, half, count, 0.95)) > 0.01)
    const [bound] = proportionInterval(2, 4)
    const [lowest] = pairedInterval([1, 1, 0, 0], [1, 1, 0, 0], 1, 0.95)
    assertNear(lowest, -(0.5 - bound)) // correlation (4 − 2) / 4: √(d² − d² + d²)
  })
})

describe('eval/statistics/power', () => {
  it('is the sum over all outcomes', () => {
    // Every way in which 12 problems can be fixed, broken or neither.
    const [fixed, broken] = [0.4, 0.05]
    const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
    let power = 0
    for (let f = 0; f <= 12; f++) {
      for (let b = 0; f + b <= 12; b++) {
        if (mcnemarTest(b, f) >= 0.05) continue
        const ways = factorial(12) / factorial(f) / factorial(b) / factorial(12 - f - b)
        power += ways * fixed ** f * broken ** b * (1 - fixed - broken) ** (12 - f - b)
      }
    }
    assertNear(mcnemarPower(12, { fixed, broken }), power, 1e-9)
  })

  it('stays below 5 % without a difference, and rises with problems and difference', () => {
    for (const problems of [10, 100, 1000]) {
      assert.ok(mcnemarPower(problems, { fixed: 0.1, broken: 0.1 }) < 0.05)
      assert.equal(mcnemarPower(problems, { fixed: 0, broken: 0 }), 0)
    }
    assert.ok(mcnemarPower(400, { fixed: 0.15, broken: 0.05 }) > mcnemarPower(100, { fixed: 0.15, broken: 0.05 }))
    const needed = problemsNeeded({ fixed: 0.15, broken: 0.05 })
    assert.ok(mcnemarPower(needed, { fixed: 0.15, broken: 0.05 }) >= 0.8)
    assert.ok(mcnemarPower(Math.floor(needed * 0.9), { fixed: 0.15, broken: 0.05 }) < 0.8)
  })

  it('refuses what cannot be', () => {
    assert.throws(() => problemsNeeded({ fixed: 0.1, broken: 0.1 }), /more than 1000000 problems/)
    assert.throws(() => mcnemarPower(10, { fixed: 0.7, broken: 0.7 }), /at most 1/)
  })
})

describe('statistics of what is no measurement', () => {
  it('are refused instead of computed: NaN among them would give p-values of 0 and intervals of the rest', () => {
    const settings = { resamples: 100, seed: 1 }
    const cases: [() => unknown, RegExp][] = [
      [() => mcnemarTest(-1, 2), /broken is -1; expected a whole number of at least 0/],
      [() => mcnemarTest(1, 2.5), /fixed is 2.5/],
      [() => mcnemarTest(NaN, 2), /broken is NaN/],
      [() => mcnemarTestOneSided(1, NaN), /fixed is NaN/],
      [() => signFlipTest([0.5, NaN], settings), /differences has NaN at 1; expected finite numbers/],
      [() => signFlipTest([0.5], { ...settings, resamples: 0 }), /resamples is 0/],
      [() => clusteredInterval([], 1, 0.95), /shares is empty; expected a share for each problem/],
      [() => clusteredInterval([0.5, 1.5], 2, 0.95), /shares has 1.5 at 1; expected shares between 0 and 1/],
      [() => clusteredInterval([0.5], 0, 0.95), /completionsPerProblem is 0; expected a number above 0/],
      [() => pairedInterval([1], [1, 0], 1, 0.95), /1 shares before and 2 after; expected those of the same problems/],
      [() => bootstrapIntervals([{ numerators: [1, NaN, 0] }], resampling), /numerators of ratio 0 has NaN at 1/],
      [
        () => bootstrapIntervals([{ numerators: [1, 0, 1], denominators: [1, 1] }], resampling),
        /ratio 0 has 3 numerators and 2 denominators; expected those of 3 problems/,
      ],
    ]
    for (const [call, message] of cases) {
      assert.throws(call, (error) => error instanceof ConfigError && message.test(error.message), String(message))
    }
  })
})

describe('eval/statistics/cohenKappa', () => {
  const kappaOf = (first: string, second: string): number | null => cohenKappa(first.split(''), second.split('')).kappa

  it("gives scikit-learn's numbers", () => {
    for (const [first, second, kappa] of [
      ['dccdcddaabbd', 'dcbdcddaabaa', 0.660377358490566],
      ['baacdbdddcbcbbbadaaadcdacbbacdcacbddacdd', 'bdacccdbdcbccbddcbdadcdaabcadacabdadabad', 0.3634840871021776],
      ['bdcbacbcdbdccddddabdbacdcdcadbdddadcbddc', 'ccdbacbcbbaddbacbcaacacbadcddcdaddcdcddc', 0.17948717948717952],
      ['abcabcabca', 'abcabcabcb', 0.8507462686567164],
      ['aabb', 'bbaa', -1],
      ['aaab', 'aaaa', 0],
      ['abab', 'abab', 1],
    ] as const) {
      assertNear(kappaOf(first, second)!, kappa)
    }
  })

  it('has none where both only ever say one and the same thing', () => {
    const { kappa, interval, agreement } = cohenKappa(Array<string>(49).fill('tie'), Array<string>(49).fill('tie'))
    assert.deepEqual([kappa, interval, agreement], [null, null, 1])
  })

  it('has an interval that holds it, stays within -1 and 1, and does not collapse where all agree', () => {
    const [low, high] = cohenKappa(['a', 'b', 'a', 'b'], ['a', 'b', 'a', 'b']).interval!
    assert.ok(low < 0.2 && high === 1, `${low} ${high}`)
    const categories = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('a', 'b', 'c')), {
      minLength: 1,
    })
    fc.assert(
      fc.property(categories, (items) => {
        const { kappa, interval } = cohenKappa(
          items.map(([first]) => first),
          items.map(([, second]) => second),
        )
        if (kappa === null) return
        assert.ok(interval![0] >= -1 && interval![1] <= 1)
        assert.ok(interval![0] <= kappa + 1e-12 && kappa - 1e-12 <= interval![1])
      }),
    )
  })

  it('holds the true kappa in about 95 % of samples', () => {
    // Two reviewers say the same of 0.55 + 0.45 / 3 of the pairs, and three verdicts are as common: kappa is 0.55.
    const random = xoroshiro128plus(5)
    const lot = (): number => (random.next() >>> 0) / 2 ** 32
    let held = 0
    for (let sample = 0; sample < 1000; sample++) {
      const first = Array.from({ length: 40 }, () => Math.floor(3 * lot()))
      const second = first.map((verdict) => (lot() < 0.55 ? verdict : Math.floor(3 * lot())))
      const [low, high] = cohenKappa(first.map(String), second.map(String)).interval!
      if (low <= 0.55 && 0.55 <= high) held++
    }
    assert.ok(held >= 930 && held <= 980, String(held))
  })

  it('refuses what is of different items, and of none', () => {
    assert.throws(() => cohenKappa(['a'], ['a', 'b']), ConfigError)
    assert.throws(() => cohenKappa([], []), /expected those of the same items, at least one/)
  })
})
