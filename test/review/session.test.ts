import assert from 'node:assert/strict'
import fs from 'node:fs'
import { statisticsReady } from '../../src/eval/statistics/distributions.js'
import { readReviewResults } from '../../src/eval/review/readResults.js'
import { ReviewSession } from '../../src/review/session.js'
import type { ReviewSessionOptions } from '../../src/review/session.js'
import type { Evaluation } from '../../src/run/evaluation.js'
import { writeEvaluation } from '../../src/run/evaluationFile.js'
import { readReviews } from '../../src/run/reviewsFile.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { differing, evaluationOf } from '../eval/review/evaluationFixture.js'

describe('review/session', () => {
  before(() => statisticsReady)
  const inFolder = useTemporaryFolder()
  const run = (): string => inFolder('.')

  function begin(evaluation: Evaluation, options: ReviewSessionOptions = {}): ReviewSession {
    writeEvaluation(inFolder('eval.json'), evaluation)
    return goOn(options)
  }
  const goOn = (options: ReviewSessionOptions = {}): ReviewSession =>
    new ReviewSession(run(), { reviewer: 'anna', ...options })

  it('shows both answers to a problem without a word of which is which', async () => {
    const session = begin(differing(30))
    const sides = new Set<string>()
    for (let pair = session.next(); pair !== null; pair = session.next()) {
      assert.deepEqual(Object.keys(pair), ['number', 'question', 'answer', 'left', 'right'])
      const [left, right] = [pair.left.text, pair.right.text].map((text) => text.split(' ')[0]!)
      assert.deepEqual([left, right].sort(), ['base', 'trained'])
      sides.add(left!)
      assert.deepEqual(Object.keys(pair.left), ['text', 'isCut'])
      // The number says nothing either: it counts on.
      assert.equal(pair.number, session.progress.given + 1)
      await session.give(pair.number, left === 'trained' ? 'left' : 'right')
    }
    assert.equal(sides.size, 2)
    const { results } = await readReviewResults(run())
    assert.deepEqual(results.counts, { trained: 30, base: 0, tie: 0, bothBad: 0 })
  })

  it('goes on where it stopped, with the same sides', async () => {
    const first = begin(differing(10))
    const seen = first.next()!
    await first.give(seen.number, 'tie')
    const shown = first.next()!
    const second = goOn()
    assert.deepEqual(second.next(), shown)
    assert.deepEqual(second.progress, { given: 1, total: 10 })
    assert.equal(second.canUndo, false)
  })

  it('asks about the first pairs only, and about more of them later', async () => {
    const session = begin(differing(10), { limit: 2 })
    await session.give(1, 'tie')
    await session.give(2, 'tie')
    assert.equal(session.next(), null)
    const more = goOn({ limit: 3 })
    assert.equal(more.next()!.number, 3)
    assert.deepEqual(more.progress, { given: 2, total: 3 })
  })

  it('takes verdicts of its own back, the last first', async () => {
    const session = begin(differing(5))
    const [one, two] = [session.next()!.number, 2]
    await session.give(one, 'left')
    await session.give(two, 'right')
    assert.equal((await session.undo())!.number, two)
    assert.equal(session.next()!.number, two)
    assert.equal((await session.undo())!.number, one)
    assert.equal(await session.undo(), null)
    assert.equal((await readReviewResults(run())).results.verdicts, 0)
    await session.give(one, 'both_bad')
    assert.equal((await readReviewResults(run())).results.counts.bothBad, 1)
  })

  it('serves several reviewers, and the same one twice, at the same time', async () => {
    const anna = begin(differing(6))
    const again = goOn()
    const ben = goOn({ reviewer: 'ben' })
    const [first] = [anna.next()!]
    assert.equal(again.next()!.number, first.number)
    await Promise.all([anna.give(1, 'left'), again.give(1, 'right'), ben.give(1, 'tie')])
    assert.deepEqual(anna.progress, { given: 1, total: 6 })
    assert.equal(anna.next()!.number, 2)
    assert.equal(again.next()!.number, 2)
    assert.deepEqual(ben.progress, { given: 1, total: 6 })
    // The same problems come first for both, so that it can be told how well they agree.
    assert.equal(ben.next()!.question, anna.next()!.question)
    assert.equal((await readReviewResults(run())).results.verdicts, 2)
  })

  it('makes hostile texts harmless', () => {
    const hostile = '\u001b]0;title\u0007<script>alert(1)</script>\u202e'
    const pair = begin(evaluationOf([{ base: hostile, trained: 'x', question: hostile, answer: hostile }])).next()!
    const shown = '␛]0;title␇<script>alert(1)</script><U+202E>'
    assert.deepEqual([pair.question, pair.answer], [shown, shown])
    assert.ok([pair.left.text, pair.right.text].includes(shown))
  })

  it('takes no verdict once the evaluation was made again, and counts none of the earlier ones on other answers', async () => {
    const session = begin(differing(3))
    await session.give(1, 'tie')
    await session.give(2, 'tie')
    const second = session.next()!
    const other = differing(3)
    const judged = readReviews(run()).lines.map(({ problem }) => problem)
    const changed = other.problems.findIndex(({ id }) => id === judged[0])
    other.policies[1]!.greedy!.completions[changed]![0]!.text = 'something else'
    writeEvaluation(inFolder('eval.json'), other)
    await assert.rejects(
      session.give(second.number, 'left'),
      /was made again since this review began.*start the review again/,
    )
    assert.deepEqual(goOn().progress, { given: 1, total: 3 })
    const { results } = await readReviewResults(run())
    assert.deepEqual([results.verdicts, results.outdated], [1, 1])
  })

  it('says what is wrong with a folder', () => {
    assert.throws(
      () => new ReviewSession(inFolder('none')),
      /^DataError: .*none is not a folder; expected the folder of a run/,
    )
    assert.throws(goOn, /eval\.json.*make it with grpo-ts eval/)
    fs.writeFileSync(inFolder('eval.json'), '{"version": 1}')
    assert.throws(goOn, /^FileFormatError/)
    assert.throws(() => begin(evaluationOf([{ base: 'a', trained: 'b' }], ['model'])), /only one policy/)
    assert.throws(
      () => begin(evaluationOf([{ base: 'a', trained: 'a' }])),
      /both models gave the same greedy completion to all 1 problems; there is nothing to choose/,
    )
  })

  it('refuses names that could not be told apart or shown, and pairs that are not there', async () => {
    const session = begin(differing(2))
    for (const reviewer of ['', ' anna', 'an\nna', '\u001b[2J', 'x'.repeat(101), 'a\u202eb']) {
      assert.throws(
        () => goOn({ reviewer }),
        /^ConfigError: reviewer is .*; expected a name of 1 to 100 characters/,
        reviewer,
      )
    }
    for (const limit of [0, NaN, -1]) assert.throws(() => goOn({ limit }), /^ConfigError: limit/)
    for (const number of [0, 3, 1.5, NaN]) await assert.rejects(session.give(number, 'tie'), /there is no pair/)
    assert.ok(!fs.existsSync(inFolder('reviews.jsonl')))
  })
})
