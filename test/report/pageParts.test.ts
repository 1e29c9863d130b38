import assert from 'node:assert/strict'
import { firstAndLast, smoothed, thinned } from '../../src/report/page/charts/series.js'
import { formatNumber, formatSeconds, formatShare, formatSigned } from '../../src/report/page/format.js'
import { filterGroups } from '../../src/report/page/traces/groupFilter.js'
import type { GroupFilter } from '../../src/report/page/traces/groupFilter.js'
import { matcherOf } from '../../src/report/page/traces/search.js'
import type { CompletionGroup } from '../../src/report/reportData.js'

describe('report/page', () => {
  const seriesOf = (values: readonly (number | null)[]): { steps: number[]; values: readonly (number | null)[] } => ({
    steps: values.map((_, i) => i + 1),
    values,
  })

  it('thins out long series by means and keeps short ones', () => {
    const short = seriesOf([1, null, 3])
    assert.equal(thinned(short), short)
    const { steps, values } = thinned(seriesOf(Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 1 : 3))))
    assert.ok(steps.length <= 1500 && steps.length > 1000)
    assert.ok(values.every((value) => value !== null && value >= 1 && value <= 3))
    assert.ok(steps.every((step, i) => i === 0 || step > steps[i - 1]!))
  })

  it('smooths a long series around each step', () => {
    assert.equal(smoothed(seriesOf([1, 2, 3])), null)
    const values = Array.from({ length: 40 }, (_, i) => i)
    assert.equal(smoothed(seriesOf(values))?.values[20], 20)
    assert.equal(smoothed(seriesOf(values.map((value) => (value % 2 === 0 ? value : null))))?.values[20], 20)
  })

  it('keeps what is constant constant', () => {
    assert.deepEqual(new Set(smoothed(seriesOf(new Array<number>(250).fill(0.01)))?.values), new Set([0.01]))
  })

  it('compares the first and the last tenth', () => {
    assert.equal(firstAndLast(seriesOf([1])), null)
    assert.deepEqual(firstAndLast(seriesOf([1, 5, 2])), { first: 1, last: 2, count: 1 })
    assert.deepEqual(firstAndLast(seriesOf(Array.from({ length: 20 }, (_, i) => i))), {
      first: 0.5,
      last: 18.5,
      count: 2,
    })
  })

  it('writes numbers in about three digits', () => {
    assert.deepEqual([0, 0.12345, 1.5, 12.34, 123.4, 1234.5, 1.2e-7, -0.5, null, NaN].map(formatNumber), [
      '0',
      '0.123',
      '1.50',
      '12.3',
      '123',
      '1,235',
      '1.2e−7',
      '−0.500',
      '–',
      '–',
    ])
    assert.equal(formatSigned(0.5), '+0.500')
    assert.equal(formatShare(0.4213), '42.1\u00a0%')
    assert.deepEqual([4.25, 59, 200, 7500].map(formatSeconds), ['4.3 s', '59 s', '3 min 20 s', '2 h 5 min'])
  })

  describe('the search', () => {
    const group = (
      step: number,
      prompt: string,
      completions: readonly [text: string, reward: number][],
    ): CompletionGroup => ({
      step,
      prompt,
      index: 0,
      problem: `p${step}`,
      answer: null,
      completions: completions.map(([text, reward]) => ({
        text,
        reward,
        rewards: [reward],
        advantage: 0,
        length: 1,
        cut: text === 'cut',
        tokens: null,
      })),
    })
    const groups = [
      group(1, 'apples', [
        ['two (2)', 1],
        ['three', 0],
      ]),
      group(2, 'pears', [
        ['cut', 0.5],
        ['Two', 0.5],
      ]),
      group(3, 'plums', [
        ['four', 0],
        ['five', 0.2],
      ]),
    ]
    const find = (change: Partial<GroupFilter>): number[] =>
      filterGroups(groups, { query: '', kind: 'all', lowest: null, highest: null, order: 'step', ...change }).map(
        ({ step }) => step,
      )

    it('finds words in prompts and completions, whatever their case, and takes no character as a pattern', () => {
      assert.deepEqual(find({ query: 'two' }), [1, 2])
      assert.deepEqual(find({ query: 'PLUM' }), [3])
      assert.deepEqual(find({ query: '(2)' }), [1])
      assert.deepEqual(find({ query: '.*' }), [])
      assert.equal(matcherOf('  '), null)
    })

    it('filters by spread, cut-off completions and reward', () => {
      assert.deepEqual(find({ kind: 'spread' }), [1, 3])
      assert.deepEqual(find({ kind: 'no-spread' }), [2])
      assert.deepEqual(find({ kind: 'cut' }), [2])
      assert.deepEqual(find({ lowest: 0.5 }), [1, 2])
      assert.deepEqual(find({ lowest: 0.1, highest: 0.4 }), [3])
      assert.deepEqual(find({ query: 'two', highest: 0.6 }), [2])
    })

    it('sorts by step, mean reward and spread', () => {
      assert.deepEqual(find({ order: 'newest' }), [3, 2, 1])
      assert.deepEqual(find({ order: 'worst' }), [3, 1, 2])
      assert.deepEqual(find({ order: 'spread' }), [1, 3, 2])
    })
  })
})
