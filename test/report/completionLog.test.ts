import assert from 'node:assert/strict'
import { CompletionLog, tokenValues } from '../../src/report/completionLog.js'
import type { CompletionLine } from '../../src/run/completionsFile.js'
import { completionLine } from './runFixture.js'

describe('report/completionLog', () => {
  const groupsOf = (lines: readonly CompletionLine[], numGenerations: number | null = null): CompletionLog => {
    const log = new CompletionLog(numGenerations)
    for (const line of lines) log.add(line)
    log.flush()
    return log
  }

  it('puts the lines of a group together', () => {
    const log = groupsOf([
      completionLine({ group: 0, completion: 'a' }),
      completionLine({ group: 0, completion: 'b' }),
      completionLine({ group: 1, completion: 'c' }),
      completionLine({ step: 2, group: 0, completion: 'd' }),
    ])
    assert.deepEqual(
      log.groups.map(({ step, index, completions }) => [step, index, completions.map(({ text }) => text).join('')]),
      [
        [1, 0, 'ab'],
        [1, 1, 'c'],
        [2, 0, 'd'],
      ],
    )
  })

  it('tells groups of the same prompt apart by their size where the lines have no group', () => {
    const lines = ['a', 'b', 'c', 'd'].map((completion) => completionLine({ group: undefined, completion }))
    assert.deepEqual(
      groupsOf(lines, 2).groups.map(({ completions }) => completions.length),
      [2, 2],
    )
    assert.deepEqual(
      groupsOf(lines).groups.map(({ completions }) => completions.length),
      [4],
    )
  })

  it('works out the rewards of a step as the charts need them', () => {
    const rewards = [
      [0, 1, 1, 0.2],
      [0.2, 0.2, 0.2, 0.2],
    ]
    const { steps } = groupsOf(
      rewards.flatMap((group, g) =>
        group.map((reward, k) => completionLine({ group: g, reward, completion: g === 0 ? `${k}` : 'same' })),
      ),
    )
    assert.deepEqual(steps, [
      {
        step: 1,
        best: (1 + 0.2) / 2,
        worst: 0.1,
        unique: (1 + 0.25) / 2,
        zeroVariance: 0.5,
        counts: [
          [0, 1],
          [0.2, 5],
          [1, 2],
        ],
      },
    ])
  })

  it('forgets what came after the step that a run was resumed from', () => {
    const log = groupsOf([1, 2, 3, 2].map((step, i) => completionLine({ step, completion: `${i}` })))
    assert.deepEqual(
      log.groups.map(({ step, completions }) => [step, completions[0]?.text]),
      [
        [1, '0'],
        [2, '3'],
      ],
    )
    assert.deepEqual(
      log.steps.map(({ step }) => step),
      [1, 2],
    )
  })

  it('takes what was not judged, and rewards that other lines do not have, whatever their names', () => {
    const log = groupsOf([
      completionLine({ reward: null, rewards: { constructor: null }, advantage: null }),
      completionLine({ rewards: { format: 0.25 } }),
    ])
    const [first, second] = log.groups[0]!.completions
    assert.deepEqual(log.rewardNames, ['constructor', 'format'])
    assert.deepEqual([first!.reward, first!.rewards, first!.advantage], [null, [null], null])
    assert.deepEqual(second!.rewards, [null, 0.25])
    assert.deepEqual(log.steps[0]!.counts, [[1, 1]])
  })

  it('thins out what is too much for a page evenly, but not the numbers of the charts', () => {
    const long = 'x'.repeat(500_000)
    const log = groupsOf(Array.from({ length: 201 }, (_, i) => completionLine({ step: i + 1, completion: long })))
    const kept = log.groups.map(({ step }) => step)
    assert.ok(kept.length >= 20 && kept.length <= 60, `${kept.length}`)
    assert.equal(kept.at(-1), 201)
    assert.equal(log.groupsLeftOut, 201 - kept.length)
    assert.equal(new Set(kept.slice(1, -1).map((step, i) => step - kept[i]!)).size, 1)
    assert.equal(log.steps.length, 201)
  })

  describe('tokenValues', () => {
    it('keeps where each token ends, with log-probabilities in thousandths', () => {
      const tokens = { tokens: ['So', ' 😀', '!', ''], logprobs: [-0.12345, -1, null, 0] }
      assert.deepEqual(tokenValues(completionLine({ completion: 'So 😀!', ...tokens })), {
        ends: [2, 5, 6, 6],
        logProbs: [-0.123, -1, null, 0],
        changes: null,
      })
    })

    it('works out how much training changed each token', () => {
      const line = completionLine({
        completion: 'ab',
        tokens: ['a', 'b'],
        logprobs: [-1, -2],
        ref_logprobs: [-1.5, -0.5],
      })
      assert.deepEqual(tokenValues(line)?.changes, [0.5, -1.5])
      assert.equal(tokenValues({ ...line, ref_logprobs: [-1] })?.changes, null)
    })

    it('says which tokens were given', () => {
      const line = completionLine({ completion: 'a42', tokens: ['a', '4', '2'], logprobs: [-1, 0, -1] })
      assert.deepEqual(tokenValues({ ...line, mask: [1, 0, 1] })!.mask, [1, 0, 1])
      for (const mask of [undefined, [1, 1, 1], [1, 0]]) assert.ok(!('mask' in tokenValues({ ...line, mask })!))
    })

    it('gives nothing when the tokens do not make up the text', () => {
      const line = completionLine({ completion: 'ab' })
      assert.equal(tokenValues({ ...line, tokens: ['a', 'c'], logprobs: [-1, -2] }), null)
      assert.equal(tokenValues({ ...line, tokens: ['a', 'b'], logprobs: [-1] }), null)
      assert.equal(tokenValues({ ...line, tokens: [], logprobs: [] }), null)
      assert.equal(tokenValues(line), null)
    })
  })
})
