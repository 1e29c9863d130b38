import assert from 'node:assert/strict'
import { correctness, format, gate, stepArithmetic, thinkFormat, weightedSum } from '../../../src/rewards/index.js'
import { lintReward } from '../../../src/rewards/lint/lintReward.js'
import type { LintReport } from '../../../src/rewards/lint/lintReward.js'
import type { RewardFunction } from '../../../src/rewards/reward.js'
import { apples } from '../rewardOf.js'

const problems = [
  apples,
  { ...apples, id: 'own/2', question: 'What is 1 + 1?', answer: '2', solution: '1 + 1 = 2\n#### 2' },
]

function reward(name: string, pay: (completion: string, answer: string) => number): RewardFunction {
  return { name, weight: 1, score: ({ completion, answer }) => pay(completion, answer) }
}

function exploits({ rows }: LintReport): string[] {
  return rows.filter(({ paidLikeGold }) => paidLikeGold > 0).map(({ name }) => name)
}

describe('lintReward', () => {
  it('finds correctness sound, alone and with a gated format', async () => {
    for (const sound of [
      correctness(),
      weightedSum([correctness(), gate(format({ weight: 0.2 }), { when: correctness() })]),
    ]) {
      const report = await lintReward(sound, problems)
      assert.deepEqual([report.verdict, exploits(report)], ['sound', []])
    }
    const report = await lintReward(correctness(), problems)
    assert.equal(report.gold, 1)
    assert.equal(report.rows.find(({ name }) => name === "the problem's own solution")?.mean, 1)
    assert.equal(report.rows.find(({ name }) => name === 'off by one, ####')?.mean, 0)
  })

  it('finds the holes of rewards that look at the text only', async () => {
    const includes = await lintReward(
      reward('includes', (completion, answer) => (completion.includes(answer) ? 1 : 0)),
      problems,
    )
    assert.equal(includes.verdict, 'exploitable')
    assert.ok(exploits(includes).includes('every number in tags'))
    const anyNumber = await lintReward(
      reward('any', (completion, answer) => (completion.match(/\d+/g)?.includes(answer) === true ? 1 : 0)),
      problems,
    )
    assert.ok(exploits(anyNumber).includes('every number listed, ####'))
    assert.ok(exploits(await lintReward(thinkFormat(), problems)).includes('tags only'))
    assert.ok(exploits(await lintReward(format(), problems)).includes('number restated from the question, ####'))
    const long = await lintReward(
      reward('long', ({ length }) => length / 100),
      problems,
    )
    assert.ok(exploits(long).includes('huge output'))
  })

  it('tells penalties, rewards blind to the answer, and failures', async () => {
    assert.equal((await lintReward(stepArithmetic(), problems)).verdict, 'penalty')
    const constant = await lintReward(
      reward('constant', () => 1),
      problems,
    )
    assert.equal(constant.verdict, 'exploitable')
    const failing = await lintReward(
      reward('failing', (completion) => completion[0]!.length),
      problems,
    )
    assert.equal(failing.verdict, 'fails')
    assert.match(failing.explanation, /'empty'/)
    const notFinite = await lintReward(
      reward('nan', (completion) => 1 / completion.length - 1),
      problems,
    )
    assert.equal(notFinite.verdict, 'fails')
  })
})
