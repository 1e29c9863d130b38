import assert from 'node:assert/strict'
import { ConfigError } from '../../../src/errors.js'
import {
  clarity,
  efficiency,
  languageConsistency,
  partialCredit,
  reasoningSteps,
  selfCorrection,
  stepArithmetic,
} from '../../../src/rewards/index.js'
import { apples, rewardOf } from '../rewardOf.js'

const solution = apples.solution!

describe('partialCredit', () => {
  it('pays for the form, the answer and the way', async () => {
    assert.equal(await rewardOf(partialCredit(), solution), 1)
    assert.equal(await rewardOf(partialCredit(), 'She has 18.'), 0.5)
    assert.equal(await rewardOf(partialCredit(), 'She has 17.'), 0)
    assert.equal(await rewardOf(partialCredit(), '24 / 4 = 6, so #### 6'), 0.15)
    assert.equal(await rewardOf(partialCredit({ stepCredit: 1 }), '24 / 4 = 6 and 3 * 6 = 18.\n#### 19'), 1)
    assert.equal(await rewardOf(partialCredit({ lenientCredit: 0.8 }), 'She has 18.'), 0.8)
    const method = partialCredit({ stepCredit: 0.2, methodCredit: 0.4 })
    assert.equal(await rewardOf(method, '24 / 4 = 5, so #### 5'), 0.2)
    assert.equal(await rewardOf(method, '24 * 4 = 96, so #### 96'), 0)
    assert.equal(await rewardOf(method, '24 / 4 = 6 and 3 * 6 = 17.\n#### 17'), 0.5)
  })

  it('does not count a slip again where it is carried forward', async () => {
    const method = partialCredit({ stepCredit: 0, methodCredit: 1 })
    assert.equal(await rewardOf(method, '24 / 4 = 5 and 3 * 5 = 15.\n#### 15'), 1)
    assert.equal(await rewardOf(method, '24 / 4 = 5 and 3 * 7 = 21.\n#### 21'), 0.5)
    assert.equal(await rewardOf(method, '24 - 4 = 5 and 3 * 5 = 15.\n#### 15'), 0)
    // A right result that happens to be an earlier wrong one keeps its own value.
    assert.equal(await rewardOf(method, '3 * 6 = 4 and 24 / 4 = 6.\n#### 6'), 1)
  })

  it('gives nothing for the way, if asked to, to fewer or more calculations than needed', async () => {
    const whole = partialCredit({ stepCredit: 0.2, methodCredit: 0.4, requireAllSteps: true })
    assert.equal(await rewardOf(whole, '24 / 4 = 6, so #### 6'), 0)
    assert.equal(await rewardOf(whole, '24 / 4 = 6 and 3 * 6 = 17.\n#### 17'), 0.5)
    assert.equal(await rewardOf(whole, '24 / 4 = 6 and 3 * 6 = 17 and 1 + 17 = 18.\n#### 17'), 0)
    assert.equal(await rewardOf(whole, solution), 1)
    assert.equal(await rewardOf(whole, 'She has 18.'), 0.5)
  })

  it('does not pay for listing calculations', async () => {
    const many = Array.from({ length: 100 }, (_, i) => `${i} + 1 = ${i + 1}`).join('\n')
    assert.ok((await rewardOf(partialCredit(), `${many}\n#### 7`))! < 0.01)
  })
})

describe('reasoningSteps', () => {
  it('pays for different steps up to a number', async () => {
    assert.equal(await rewardOf(reasoningSteps(), ''), 0)
    assert.equal(await rewardOf(reasoningSteps({ targetSteps: 2 }), solution), 1)
    assert.equal(await rewardOf(reasoningSteps({ targetSteps: 4 }), solution), 0.5)
    assert.equal(await rewardOf(reasoningSteps({ targetSteps: 4 }), 'Tom has 6 apples.\n'.repeat(50)), 0.25)
    assert.equal(await rewardOf(reasoningSteps(), '1. a\n2. b\n3. c'), 0)
    assert.throws(() => reasoningSteps({ targetSteps: 0 }), ConfigError)
  })
})

describe('stepArithmetic', () => {
  it('penalises calculations that do not come out', async () => {
    assert.equal(await rewardOf(stepArithmetic(), solution), 0)
    assert.equal(await rewardOf(stepArithmetic(), ''), 0)
    assert.equal(await rewardOf(stepArithmetic(), '18 / 3 = 7'), -0.5)
    assert.equal(await rewardOf(stepArithmetic(), `18 / 3 = 7\n${solution}`), -0.5)
    assert.equal(await rewardOf(stepArithmetic(), '1 + 1 = 3\n'.repeat(9)), -1)
    assert.equal(await rewardOf(stepArithmetic({ penalty: -0.1 }), '1 + 1 = 3\n1 + 1 = 4'), -0.2)
  })
})

describe('selfCorrection', () => {
  it('pays for a correction that ends right', async () => {
    const repaired = "Tom has 24 / 4 = 7. Wait, that's wrong: 24 / 4 = 6. So Sarah has 3 * 6 = 18.\n#### 18"
    assert.equal(await rewardOf(selfCorrection(), repaired), 1)
    assert.equal(await rewardOf(selfCorrection(), repaired.replace('#### 18', '#### 19')), 0)
    assert.equal(await rewardOf(selfCorrection(), solution), 0)
    assert.equal(await rewardOf(selfCorrection(), 'It is 18. Let me double-check: 18.\n#### 18'), 0)
  })
})

describe('efficiency', () => {
  it('pays right answers by their length against the need', async () => {
    assert.equal(await rewardOf(efficiency(), solution), 1)
    assert.equal(await rewardOf(efficiency(), '#### 17'), 0)
    assert.equal(await rewardOf(efficiency(), ''), 0)
    const long = `${'Well. '.repeat(100)}\n#### 18`
    assert.equal(await rewardOf(efficiency({ neededLength: long.length / 3 }), long), 0.5)
    assert.throws(() => efficiency({ slack: 0 }), ConfigError)
  })
})

describe('clarity and languageConsistency', () => {
  it('tell text from noise', async () => {
    assert.equal(await rewardOf(clarity(), solution), 1)
    assert.equal(await rewardOf(clarity(), solution, { finishReason: 'length' }), 0.75)
    assert.equal(await rewardOf(clarity(), `${'and so '.repeat(60)}it is 18.`), 0.75)
    for (const noise of ['', '18', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa '.repeat(9), '<think></think>']) {
      assert.equal(await rewardOf(clarity(), noise), 0, noise)
    }
  })

  it('pay the share of letters in the script of the question', async () => {
    assert.equal(await rewardOf(languageConsistency(), solution), 1)
    assert.equal(await rewardOf(languageConsistency(), 'abc 东京'), 0.6)
    assert.equal(await rewardOf(languageConsistency({ script: 'Han' }), 'abc 东京'), 0.4)
    assert.equal(await rewardOf(languageConsistency(), '18'), 0)
  })
})
