import assert from 'node:assert/strict'
import { reviewResults } from '../../../src/eval/review/results.js'
import { statisticsReady } from '../../../src/eval/statistics/distributions.js'
import { cohenKappa, mcnemarTest, proportionInterval, signFlipTest } from '../../../src/statistics.js'
import type { ReviewLine } from '../../../src/run/reviewsFile.js'
import { differing, evaluationOf, verdictOn } from './evaluationFixture.js'

describe('eval/review/results', () => {
  before(() => statisticsReady)
  type Choice = Parameters<typeof verdictOn>[2]

  /** Verdicts of one reviewer on problems p0, p1, … in turn. */
  const verdicts = (
    evaluation: ReturnType<typeof differing>,
    choices: readonly Choice[],
    fields: Partial<ReviewLine> = {},
  ): ReviewLine[] => choices.map((choice, i) => verdictOn(evaluation, `p${i}`, choice, fields))

  it('tells the share of preferences for the trained model with an interval and a sign test', () => {
    const evaluation = differing(40)
    const choices: Choice[] = [
      ...Array<Choice>(15).fill('trained'),
      ...Array<Choice>(5).fill('base'),
      ...Array<Choice>(6).fill('tie'),
      ...Array<Choice>(4).fill('both_bad'),
    ]
    const results = reviewResults(evaluation, verdicts(evaluation, choices))
    assert.deepEqual(results.counts, { trained: 15, base: 5, tie: 6, bothBad: 4 })
    assert.deepEqual([results.verdicts, results.pairs, results.problems, results.outdated], [30, 30, 30, 0])
    const { share, pValue, test, verdicts: decided } = results.preference!
    const [low, high] = proportionInterval(15, 20)
    assert.deepEqual([share, pValue, test, decided], [{ value: 0.75, low, high }, mcnemarTest(5, 15), 'exact sign', 20])
    const [halfLow, halfHigh] = proportionInterval(20, 30)
    assert.deepEqual(results.withTies, { value: 2 / 3, low: halfLow, high: halfHigh })
  })

  it('counts the last verdict of a reviewer on a pair, and none that was taken back', () => {
    const evaluation = differing(3)
    const lines = [
      verdictOn(evaluation, 'p0', 'base'),
      verdictOn(evaluation, 'p1', 'trained'),
      verdictOn(evaluation, 'p2', 'tie'),
      verdictOn(evaluation, 'p0', 'trained'),
      verdictOn(evaluation, 'p1', null),
      verdictOn(evaluation, 'p2', null),
      verdictOn(evaluation, 'p2', 'both_bad'),
    ]
    const { counts } = reviewResults(evaluation, lines)
    assert.deepEqual(counts, { trained: 1, base: 0, tie: 0, bothBad: 1 })
  })

  it('knows which model stood where', () => {
    const evaluation = differing(4)
    const lines = [
      verdictOn(evaluation, 'p0', null, { left: 'trained', verdict: 'left' }),
      verdictOn(evaluation, 'p1', null, { left: 'trained', verdict: 'right' }),
      verdictOn(evaluation, 'p2', null, { left: 'base', verdict: 'left' }),
      verdictOn(evaluation, 'p3', null, { left: 'base', verdict: 'right' }),
    ]
    const { counts, left } = reviewResults(evaluation, lines)
    assert.deepEqual([counts.trained, counts.base, left!.value], [2, 2, 0.5])
  })

  it('takes several verdicts on a problem for one observation of it', () => {
    const evaluation = differing(12)
    const choices: Choice[] = [...Array<Choice>(9).fill('trained'), 'base', 'base', 'tie']
    const one = reviewResults(evaluation, verdicts(evaluation, choices))
    const three = reviewResults(
      evaluation,
      ['anna', 'ben', 'carl'].flatMap((reviewer) => verdicts(evaluation, choices, { reviewer })),
    )
    assert.equal(three.verdicts, 36)
    assert.deepEqual(three.preference!.test, 'sign-flip permutation')
    // Three people who always say the same say no more than one.
    const near = (a: number | null, b: number | null): boolean => Math.abs(a! - b!) < 1e-9
    assert.ok(near(three.preference!.share.low, one.preference!.share.low))
    assert.ok(near(three.preference!.share.high, one.preference!.share.high))
    assert.equal(
      three.preference!.pValue,
      signFlipTest([1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, 0], { resamples: 1, seed: 0 }),
    )
  })

  it('compares people with automatic measures, on the pairs that these tell apart', () => {
    const steps = (equations: number, correctEquations: number, count: number) => ({
      steps: count,
      equations,
      correctEquations,
      selfCorrections: 0,
      helpfulSelfCorrections: 0,
      coherent: equations === 0 ? null : correctEquations === equations,
    })
    const evaluation = evaluationOf([
      // The trained one is right, with sound steps.
      ...[0, 1, 2].map((i) => ({
        base: { text: `b${i}`, tokens: 9, reasoning: steps(2, 1, 2) },
        trained: { text: `t${i}`, tokens: 5, correct: true, reasoning: steps(2, 2, 2) },
      })),
      // Both are right, and only one has steps.
      {
        base: { text: 'b3', correct: true, reasoning: steps(0, 0, 0) },
        trained: { text: 't3', correct: true, reasoning: steps(1, 1, 1) },
      },
    ])
    const { measures } = reviewResults(evaluation, verdicts(evaluation, ['trained', 'trained', 'base', 'trained']))
    const found = Object.fromEntries(measures.map(({ name, verdicts: count, share }) => [name, [count, share.value]]))
    assert.deepEqual(found, {
      correct: [3, 2 / 3],
      correctLenient: [3, 2 / 3],
      correctEquations: [3, 2 / 3],
      coherent: [3, 2 / 3],
      steps: [1, 1],
      tokens: [3, 1 / 3],
    })
    assert.deepEqual(reviewResults(evaluation, verdicts(evaluation, ['tie', 'both_bad'])).measures, [])
  })

  it('tells how far reviewers agree on the pairs that both have judged', () => {
    const evaluation = differing(6)
    const anna: Choice[] = ['trained', 'trained', 'base', 'tie', 'both_bad', 'trained']
    const ben: Choice[] = ['trained', 'base', 'base', 'tie']
    const lines = [
      ...verdicts(evaluation, anna),
      // Sides are others for him; what counts is the model.
      ...ben.map((choice, i) =>
        verdictOn(evaluation, `p${i}`, choice, {
          reviewer: 'ben',
          left: 'base',
          ...(choice === 'trained' && { verdict: 'right' }),
          ...(choice === 'base' && { verdict: 'left' }),
        }),
      ),
      verdictOn(evaluation, 'p5', 'base', { reviewer: 'carl' }),
    ]
    const { betweenReviewers, reviewers } = reviewResults(evaluation, lines)
    assert.deepEqual(reviewers, [
      { name: 'anna', verdicts: 6 },
      { name: 'ben', verdicts: 4 },
      { name: 'carl', verdicts: 1 },
    ])
    assert.deepEqual(
      betweenReviewers.map(({ first, second, pairs }) => [first, second, pairs]),
      [
        ['anna', 'ben', 4],
        ['anna', 'carl', 1],
      ],
    )
    const { kappa } = cohenKappa(['t', 't', 'b', 'x'], ['t', 'b', 'b', 'x'])
    assert.equal(betweenReviewers[0]!.kappa, kappa)
  })

  it('leaves out verdicts on answers that are not there any more', () => {
    const before = differing(2)
    const after = evaluationOf([
      { base: 'base says 0', trained: 'trained says 0' },
      { base: 'base says 1', trained: 'something else' },
    ])
    const { verdicts: count, outdated } = reviewResults(after, verdicts(before, ['trained', 'trained']))
    assert.deepEqual([count, outdated], [1, 1])
  })

  it('has nothing to tell without verdicts', () => {
    const { preference, withTies, left, measures, betweenReviewers } = reviewResults(differing(2), [])
    assert.deepEqual([preference, withTies, left, measures, betweenReviewers], [null, null, null, [], []])
  })
})
