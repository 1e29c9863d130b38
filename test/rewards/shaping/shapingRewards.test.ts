import assert from 'node:assert/strict'
import { ConfigError } from '../../../src/errors.js'
import {
  correctness,
  cosineScaled,
  format,
  gate,
  repetitionPenalty,
  thinkFormat,
  weightedSum,
} from '../../../src/rewards/index.js'
import { loadReward } from '../../../src/rewards/loadReward.js'
import type { CosineScaledOptions } from '../../../src/rewards/options.js'
import { rewardOf } from '../rewardOf.js'

describe('cosineScaled', () => {
  it('goes from the short to the long value', async () => {
    const reward = cosineScaled({ maxCompletionLength: 100 })
    const near = async (completion: string, tokens: number, expected: number): Promise<void> => {
      assert.ok(Math.abs((await rewardOf(reward, completion, { tokens }))! - expected) < 1e-12)
    }
    await near('#### 18', 0, 1)
    await near('#### 18', 50, 0.75)
    await near('#### 18', 150, 0.5)
    await near('#### 17', 0, -1)
    await near('#### 17', 100, -0.5)
    await near('It is 18.', 0, -1)
    assert.throws(() => cosineScaled({} as CosineScaledOptions), /maxCompletionLength is missing/)
  })
})

describe('repetitionPenalty', () => {
  it('counts n-grams of tokens, or of words without tokens', async () => {
    const reward = repetitionPenalty({ ngramSize: 2 })
    assert.equal(await rewardOf(reward, '', { tokens: [1, 2, 3, 4] }), 0)
    assert.equal(await rewardOf(reward, '', { tokens: [5, 5, 5, 5, 5] }), -0.75)
    assert.equal(await rewardOf(reward, '', { tokens: [5] }), 0)
    assert.equal(await rewardOf(reward, 'so so so so so'), -0.75)
    assert.throws(() => repetitionPenalty({ maxPenalty: 1 }), ConfigError)
    assert.throws(() => repetitionPenalty({ ngramSize: 0 }), ConfigError)
  })
})

describe('thinkFormat', () => {
  it("is TRL's", async () => {
    assert.equal(await rewardOf(thinkFormat(), '<think></think>'), 1)
    assert.equal(await rewardOf(thinkFormat(), ' <think>a</think> b'), 0)
    assert.equal(await rewardOf(thinkFormat(), '<think>a<think>b</think>'), 0)
  })
})

describe('combinators', () => {
  it('weightedSum adds what is judged', async () => {
    const silent = { name: 'silent', weight: 1, score: () => null }
    const sum = weightedSum([correctness(), format({ weight: 0.2 }), silent])
    assert.equal(sum.name, 'correctness+format+silent')
    assert.equal(await rewardOf(sum, '#### 18'), 1.2)
    assert.equal(await rewardOf(sum, '#### 17'), 0.2)
    assert.equal(await rewardOf(weightedSum([silent]), '#### 18'), null)
    assert.throws(() => weightedSum([]), ConfigError)
  })

  it('gate lets a reward count only where another one is high enough', async () => {
    const gated = gate(format({ weight: 0.2 }), { when: correctness() })
    assert.equal(gated.name, 'format')
    assert.equal(gated.weight, 0.2)
    assert.equal(await rewardOf(gated, '#### 18'), 1)
    assert.equal(await rewardOf(gated, '#### 17'), 0)
    assert.equal(await rewardOf(gate(format(), { when: correctness(), otherwise: -1 }), '#### 17'), -1)
    const byName = await loadReward('format:0.3?when=correctness')
    assert.equal(byName.weight, 0.3)
    assert.equal(await rewardOf(byName, '#### 17'), 0)
    assert.equal(await rewardOf(byName, '#### 18'), 1)
  })
})
