import assert from 'node:assert/strict'
import { analyseReasoning } from '../../../src/grading/reasoning/analyseReasoning.js'
import { findSelfCorrections } from '../../../src/grading/reasoning/selfCorrections.js'
import { assertLinearTime } from '../../linearTime.js'

const apples = `Let me think through this step by step:
1. Let Tom have x apples
2. Then Sarah has 3x apples
3. Together: x + 3x = 24
4. So 4x = 24
5. Therefore x = 6
6. Sarah has 3 × 6 = 18 apples
Answer: 18 apples`

const roses = `Let me analyze this logically:
1. All roses are flowers (roses ⊂ flowers)
2. Some flowers fade quickly (∃ flowers that fade)
3. But we don't know if those specific flowers are roses
4. The fading flowers could be non-roses
5. Therefore, we cannot conclude that some roses fade quickly
Answer: No, we cannot make that conclusion.`

describe('analyseReasoning', () => {
  it('finds steps, calculations and whether the answer follows', () => {
    const { steps, calculations, wrongCalculations, finalAnswer, finalAnswerFollows } = analyseReasoning(apples, '18')
    assert.equal(steps.length, 6)
    assert.equal(steps[5], 'Sarah has 3 × 6 = 18 apples')
    assert.equal(calculations.length, 1)
    assert.equal(wrongCalculations.length, 0)
    assert.equal(finalAnswer, '18')
    assert.equal(finalAnswerFollows, true)
    assert.equal(analyseReasoning('5 + 3 = 8\n#### 9').finalAnswerFollows, false)
    assert.equal(analyseReasoning('').finalAnswerFollows, null)
  })

  it('counts steps of prose, lists, headings and tags', () => {
    assert.equal(analyseReasoning(roses, 'no').steps.length, 5)
    assert.equal(analyseReasoning(roses, 'no').finalAnswer, null)
    const texts: [string, number][] = [
      ['', 0],
      ['18', 1],
      ['#### 18', 0],
      ['The answer is 18.', 0],
      ['<think>First 5 + 3 = 8. Then 8 * 2 = 16.</think>\n<answer>16</answer>', 2],
      ['**Step 1:** Add 5 and 3.\n**Step 2:** Double it.\n\n**Answer: 16**', 2],
      ['- He has 3.\n- She has 4.', 2],
      ['It costs $3.50 each. He buys 2.', 2],
      ['Hello there! What a nice day.', 0],
    ]
    for (const [text, count] of texts) assert.equal(analyseReasoning(text).steps.length, count, text)
  })

  it('tells corrections that help from those that do not', () => {
    const repaired = "Tom has 24 / 4 = 7 apples. Wait, that's wrong. 24 / 4 = 6. So Sarah has 3 * 6 = 18.\n#### 18"
    assert.equal(analyseReasoning(repaired, '18').helpfulSelfCorrections.length, 1)
    assert.equal(analyseReasoning(repaired).helpfulSelfCorrections.length, 1)
    assert.equal(analyseReasoning(repaired, '18').selfCorrections.length, 1)
    assert.equal(analyseReasoning(repaired.replace('#### 18', '#### 20'), '18').helpfulSelfCorrections.length, 0)
    const checked = '8 * 2 = 16. Let me double-check: 8 * 2 = 16.\n#### 16'
    assert.equal(analyseReasoning(checked, '16').selfCorrections.length, 1)
    assert.equal(analyseReasoning(checked, '16').helpfulSelfCorrections.length, 0)
    const spoiled = 'It is 18. Actually, it is 20.\n#### 20'
    assert.equal(analyseReasoning(spoiled, '18').helpfulSelfCorrections.length, 0)
    assert.equal(analyseReasoning(spoiled, '20').helpfulSelfCorrections.length, 1)
  })

  it('does not take ordinary words for corrections', () => {
    for (const text of [
      'They wait for 5 minutes.',
      'No, we cannot conclude that.',
      'He actually has 3.',
      'The wait is over.',
      'It is the correct one.',
    ]) {
      assert.deepEqual(findSelfCorrections(text), [], text)
    }
    for (const text of [
      'Wait, no.',
      'Hmm, 5?',
      'I made a mistake.',
      'That is not right.',
      'Let me recalculate.',
      'Oops!',
    ]) {
      assert.equal(findSelfCorrections(text).length, 1, text)
    }
  })

  it('takes time linear in the length of the text', () => {
    for (const unit of ['wait, ', '1. a\n', '. A', 'So 1. ', '####', '<think>', 'The answer is ']) {
      assertLinearTime((text) => analyseReasoning(text, '18'), unit, 2 ** 20)
    }
  })
})
