import assert from 'node:assert/strict'
import { describeReview } from '../../../src/eval/review/describe.js'
import { reviewResults } from '../../../src/eval/review/results.js'
import { statisticsReady } from '../../../src/eval/statistics/distributions.js'
import { mcnemarPower } from '../../../src/statistics.js'
import type { ReviewLine } from '../../../src/run/reviewsFile.js'
import { differing, verdictOn } from './evaluationFixture.js'

describe('eval/review/describe', () => {
  before(() => statisticsReady)
  const evaluation = (): ReturnType<typeof differing> => differing(100)

  /** What is said of so many verdicts for the trained model and for the base. */
  const said = (trained: number, base: number, fields: (i: number) => Partial<ReviewLine> = () => ({})): string => {
    const all = evaluation()
    const lines = Array.from({ length: trained + base }, (_, i) =>
      verdictOn(all, `p${i}`, i < trained ? 'trained' : 'base', fields(i)),
    )
    return describeReview(reviewResults(all, lines)).join('\n')
  }
  /** Half of the pairs with the trained model at the left. */
  const bothSides = (i: number): Partial<ReviewLine> => (i % 2 ? {} : { left: 'base' })

  it('says that a preference is shown, and for which model', () => {
    assert.match(
      said(30, 5),
      /^trained is preferred to base in 85\.7 % \(95 % interval 70\.6 to 93\.7\) of the 35 verdicts that prefer one, p < 0\.0001 \(exact sign test\)\. People prefer trained: chance alone would rarely do this\.$/m,
    )
    assert.match(said(5, 30), /People prefer base: chance alone/)
  })

  it('says how large a preference would have to be to be found', () => {
    const text = said(22, 18)
    const percent = Number(
      /No preference is shown; one of about (\d+) % or more would be found in four of five/.exec(text)![1],
    )
    const power = (share: number): number => mcnemarPower(40, { fixed: share, broken: 1 - share })
    assert.ok(power(percent / 100) >= 0.8 && power(percent / 100 - 0.02) < 0.8, String(percent))
  })

  it('says that few verdicts show nothing, even when all say the same', () => {
    assert.match(said(5, 0), /These are too few: at least 6 that all say the same are needed/)
    assert.match(said(6, 0), /People prefer trained/)
    assert.match(said(0, 0), /^No verdicts on pairs of this evaluation yet\.$/)
    const all = evaluation()
    const ties = describeReview(reviewResults(all, [verdictOn(all, 'p0', 'tie')]))
    assert.match(ties.join('\n'), /^No verdict prefers one of the two/)
  })

  it('tells when the place of an answer sways the verdicts', () => {
    const sided = said(20, 20, (i) => (i < 20 ? {} : { left: 'base', verdict: 'left' }))
    assert.match(
      sided,
      /Answer 1, at the left, is preferred in 100\.0 % \(.*\): the place of an answer seems to sway the verdicts/,
    )
    assert.doesNotMatch(said(20, 20, bothSides), /seems to sway/)
  })

  it('tells how reviewers agree, and when that cannot be told', () => {
    const all = evaluation()
    const both = (count: number, second: (i: number) => 'trained' | 'base'): string =>
      describeReview(
        reviewResults(
          all,
          Array.from({ length: count }, (_, i) => [
            verdictOn(all, `p${i}`, i % 2 ? 'trained' : 'base'),
            verdictOn(all, `p${i}`, second(i), { reviewer: 'ben' }),
          ]).flat(),
        ),
      ).join('\n')
    assert.match(
      both(40, (i) => (i % 2 ? 'trained' : 'base')),
      /anna and ben say the same of 100\.0 % of 40 common pairs: Cohen's kappa 1\.00 \(0\.\d\d to 1\.00\)\.$/m,
    )
    assert.match(
      both(4, () => 'base'),
      /kappa 0\.00 \(.*\); these are too few to tell how well they agree\.$/m,
    )
    assert.match(
      both(1, () => 'base'),
      /always with the same verdict, so there is no kappa/,
    )
  })

  it('tells of looks at the expected answer and of verdicts that are left out', () => {
    assert.match(
      said(3, 0, (i) => ({ answer_shown: i > 0 })),
      /^2 of 3 verdicts came after a look at the expected answer\.$/m,
    )
    assert.match(
      said(3, 0, (i) => (i === 1 ? { pair: 'x' } : {})),
      /^1 verdict is on answers that eval\.json does not hold \(any more\), and left out\.$/m,
    )
  })
})
