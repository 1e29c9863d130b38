import assert from 'node:assert/strict'
import { leftSide, pairFinder, reviewPairs } from '../../../src/eval/review/pairs.js'
import { statisticsReady } from '../../../src/eval/statistics/distributions.js'
import { DataError } from '../../../src/errors.js'
import { differing, evaluationOf, verdictOn } from './evaluationFixture.js'

describe('eval/review/pairs', () => {
  before(() => statisticsReady)
  const order = (...args: Parameters<typeof reviewPairs>): string[] =>
    reviewPairs(...args).pairs.map(({ problem }) => problem.id)

  it('draws every problem once, in an order that hangs on the seed', () => {
    const evaluation = differing(50)
    const ids = evaluation.problems.map(({ id }) => id)
    const drawn = order(evaluation)
    assert.deepEqual(drawn.toSorted(), ids.toSorted())
    assert.notDeepEqual(drawn, ids)
    assert.deepEqual(order(evaluation), drawn)
    assert.notDeepEqual(order(evaluation, { seed: 1 }), drawn)
  })

  it('keeps the order of problems when an evaluation of more of them follows', () => {
    const few = order(differing(20))
    assert.deepEqual(
      order(differing(60)).filter((id) => few.includes(id)),
      few,
    )
  })

  it('leaves out problems to which both models gave the same text', () => {
    const evaluation = evaluationOf([
      { base: '4', trained: '4' },
      { base: '4', trained: ' 4' },
    ])
    const { pairs, identical, decoding } = reviewPairs(evaluation)
    assert.deepEqual([pairs.map(({ problem }) => problem.id), identical, decoding], [['p1'], 1, 'greedy'])
  })

  it('draws one sample of each problem, among those that differ', () => {
    const evaluation = evaluationOf(
      Array.from({ length: 40 }, () => ({ base: ['x', 'a', 'b', 'c'], trained: ['x', 'd', 'e', 'f'] })),
    )
    const { pairs, decoding } = reviewPairs(evaluation)
    assert.equal(decoding, 'sampled')
    assert.deepEqual([...new Set(pairs.map(({ sample }) => sample))].sort(), [1, 2, 3])
    for (const { sample, base, trained } of pairs)
      assert.deepEqual([base.text, trained.text], ['_abc'[sample], '_def'[sample]])
  })

  it('takes the first policy and the last one', () => {
    const evaluation = evaluationOf([{ base: 'before', trained: 'after' }], ['base', 'placebo', 'trained'])
    evaluation.policies[1]!.greedy!.completions[0]![0]!.text = 'by lot'
    const [pair] = reviewPairs(evaluation).pairs
    assert.deepEqual([pair!.base.text, pair!.trained.text], ['before', 'after'])
  })

  it('says what an evaluation lacks', () => {
    const alone = evaluationOf([{ base: 'a', trained: 'b' }], ['model'])
    assert.throws(
      () => reviewPairs(alone),
      /^DataError: the evaluation holds only one policy, model; expected a model before and after/,
    )
    assert.throws(() => reviewPairs(differing(2), { decoding: 'sampled' }), DataError)
    assert.throws(
      () => reviewPairs(differing(2), { decoding: 'sampled' }),
      /no sampled completions .*; review the greedy ones/,
    )
  })

  it('finds the pair of a verdict only where problem and both texts are the same', () => {
    const evaluation = evaluationOf([{ base: 'a', trained: 'b' }])
    const line = verdictOn(evaluation, 'p0', 'trained')
    assert.equal(pairFinder(evaluation)(line)?.trained.text, 'b')
    for (const other of [
      evaluationOf([{ base: 'a', trained: 'b', question: 'How much?' }]),
      evaluationOf([{ base: 'A', trained: 'b' }]),
      evaluationOf([{ base: 'a', trained: 'B' }]),
      evaluationOf([{ base: 'b', trained: 'a' }]),
      evaluationOf([{ id: 'p9', base: 'a', trained: 'b' }]),
      evaluationOf([{ base: ['a'], trained: ['b'] }]),
      evaluationOf([{ base: 'a', trained: 'b' }], ['model']),
    ]) {
      assert.equal(pairFinder(other)(line), null)
    }
    assert.equal(pairFinder(evaluation)({ ...line, sample: 1 }), null)
    assert.equal(pairFinder(evaluation)({ ...line, problem: '__proto__' }), null)
  })

  it('draws sides by lot: about half, the same each time, others for others', () => {
    const { pairs } = reviewPairs(differing(400))
    const sides = (reviewer: string, seed = 0): string[] => pairs.map((pair) => leftSide(seed, reviewer, pair))
    const anna = sides('anna')
    const count = anna.filter((side) => side === 'base').length
    assert.ok(count > 160 && count < 240, String(count))
    assert.deepEqual(sides('anna'), anna)
    for (const other of [sides('ben'), sides('anna', 1)]) {
      const same = other.filter((side, i) => side === anna[i]).length
      assert.ok(same > 160 && same < 240, String(same))
    }
  })
})
