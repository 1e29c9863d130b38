import assert from 'node:assert/strict'
import fs from 'node:fs'
import fc from 'fast-check'
import { findCalculations } from '../../../src/grading/reasoning/calculations.js'
import { requireShared } from '../../shared.js'
import { assertLinearTime } from '../../linearTime.js'

/** The verdicts on the calculations of a text: `+` for a right one, `-` for a wrong one. */
function verdicts(text: string): string {
  return findCalculations(text)
    .map(({ correct }) => (correct ? '+' : '-'))
    .join('')
}

describe('findCalculations', () => {
  it('checks sums, products, powers and percentages with units, currency and words', () => {
    const right = [
      'She sells 16 - 3 - 4 = 9 eggs.',
      '18 / 3 = 6',
      '$5 × 3 = $15',
      '20% of 50 is 10',
      '5 * 20% = 1',
      '100% - 30% = 70%',
      '200 + 10% = 220',
      '(12/50)*100 = 24%',
      '3 times 6 equals 18',
      '3 x 6 = 18',
      '\\frac{18}{3} = 6',
      '\\(3 \\times 6 = 18\\)',
      '2(3+4) = 14',
      '2 1/2 + 1 = 3.5',
      '5^2 = 25',
      '3 * 4 = **12**',
      '1,000 + 500 = 1,500',
      '$10/hour * 3 hours = $30',
      '5 apples + 3 oranges = 8 fruits',
      '48/2 = <<48/2=24>>24 clips',
      '- 3 + 4 = 7',
      '1. 3 + 4 = 7',
      '-3 + 5 = 2',
      '0.1 + 0.2 = 0.3',
      'y = 3 + 4 = 7',
    ]
    for (const text of right) assert.equal(verdicts(text), '+', text)
    const wrong = [
      '18 / 3 = 7',
      'Total: 12 + 8 = 21.',
      '20% of 50 is 20',
      '$5 × 3 = $16',
      'Step 2: 3+4=8',
      '2(3+4) = 10',
    ]
    for (const text of wrong) assert.equal(verdicts(text), '-', text)
    const [calculation] = findCalculations('So\n18 / 3 = 7.')
    assert.deepEqual(calculation, { expression: '18 / 3', claimed: 7, value: 6, correct: false, position: 3 })
  })

  it('allows rounding where the text shows it', () => {
    for (const text of [
      '10 / 3 = 3.33',
      '20/3 = 6.66',
      '20/3 = 6.67',
      '7/2 ≈ 4',
      '17 / 5 = 3 remainder 2',
      '1/3 = 33.33%',
    ]) {
      assert.equal(verdicts(text), '+', text)
    }
    for (const text of ['7/2 = 3', '7/2 = 4', '10 / 3 = 3.5', '10/3 ≈ 5']) assert.equal(verdicts(text), '-', text)
  })

  it('checks each equation of a chain, and takes running results as such', () => {
    assert.equal(verdicts('2 + 3 = 5 + 1 = 6'), '++')
    assert.equal(verdicts('12 / 4 = 6 / 2 = 3'), '++')
    assert.equal(verdicts('12 / 4 = 4 * 2 = 8'), '-+')
  })

  it('leaves alone what it cannot check', () => {
    const texts = [
      'x + 3x = 24',
      'So 4x = 24',
      'x + 3 + 4 = 9',
      'x = 6',
      '6 feet + 4 inches = 76 inches',
      '12 - 4 is not 9',
      '5 + 5 = ten',
      '2/5 is equal to 12.8 hectares',
      'He is 3 years old',
      '1 hour = 60 minutes',
      '12/25/2020 = Friday',
      '',
    ]
    for (const text of texts) assert.equal(verdicts(text), '', text)
  })

  it('agrees with integer arithmetic', () => {
    const number = fc.integer({ min: 1, max: 9999 })
    fc.assert(
      fc.property(
        number,
        number,
        number,
        fc.constantFrom('+', '-', '*'),
        fc.boolean(),
        (a, b, c, operator, isRight) => {
          const value = operator === '+' ? a + b * c : operator === '-' ? a - b * c : a * b * c
          const claimed = isRight ? value : value + 1
          const text = `So we get ${a} ${operator} ${b} * ${c} = ${claimed.toLocaleString('en-US')} pens.`
          assert.equal(verdicts(text), isRight ? '+' : '-', text)
        },
      ),
    )
  })

  it('takes time linear in the length of the text', () => {
    for (const unit of [
      '1 + ',
      '(',
      '1 = ',
      '1 = 1 ',
      '((1)',
      '2 ^ ',
      '- ',
      'a ',
      '9999999999',
      '%',
      '1 1/2 ',
      '=\n',
    ]) {
      findCalculations(`${unit.repeat(3000)} = 5`)
      assertLinearTime(findCalculations, `${unit.repeat(900)} = 5\n`, 900 * unit.length * 20)
      assertLinearTime((text) => findCalculations(`${text} = 5`), unit, 2 ** 20)
    }
  })

  it('finds GSM8K nearly free of errors', function () {
    const file = requireShared(this, 'data', 'gsm8k', 'test.jsonl')
    const answers = fs.readFileSync(file, 'utf8').trim().split('\n')
    const found = answers.flatMap((line) => findCalculations((JSON.parse(line) as { answer: string }).answer))
    // There are 4,282 calculator annotations; a few hold a variable, and some calculations have none.
    assert.ok(found.length > 4000)
    // Read one by one: three of them are errors of the texts, one is a reading of ours (1 1/2 / 1/2).
    assert.equal(found.filter(({ correct }) => !correct).length, 4)
  })
})
