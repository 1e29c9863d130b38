import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  extractAnnouncedAnswer,
  extractLastNumber,
  extractMarkedAnswer,
  readBareNumber,
  readNumber,
} from '../../src/grading/answerExtraction.js'
import { assertLinearTime } from '../linearTime.js'

function check(read: (text: string) => string | null, cases: Record<string, string | null>): void {
  for (const [text, expected] of Object.entries(cases)) assert.equal(read(text), expected, JSON.stringify(text))
}

describe('readNumber', () => {
  it('normalises equal numbers to equal strings', () => {
    check(readNumber, {
      '1000': '1000',
      '1,000': '1000',
      '1000.0': '1000',
      '$1,000.00': '1000',
      ' **1000** ': '1000',
      '1000.': '1000',
      '01000': '1000',
      '$18.00': '18',
      '\\$18': '18',
      '18 apples': '18',
      '18%': '18',
      '-3': '-3',
      '−3': '-3',
      '- 3': '-3',
      '-$3': '-3',
      '$-3.0': '-3',
      '-0': '0',
      '0.0': '0',
      '.5': '0.5',
      '0.50': '0.5',
      '1,234,567.890': '1234567.89',
    })
  })

  it('refuses what is not exactly one number', () => {
    const texts = ['', '17 or 18', '1/2/3', '3/0', '12:30', '1,1,1', '1,00', '1000,000', '--3']
    check(
      readNumber,
      Object.fromEntries([...texts, '3 x 6', '3 x 6 = 17', '2 1/2 1/2', '1e999'].map((text) => [text, null])),
    )
  })

  it('reads fractions, powers of ten and percentages', () => {
    check(readNumber, {
      '3/4': '0.75',
      '-3 / 4': '-0.75',
      '2/6': '1/3',
      '4 2/3 cups': '14/3',
      '½': '0.5',
      '18½': '18.5',
      '1e3': '1000',
      '1.5E-4': '0.00015',
      '1.5 × 10^3': '1500',
      '2 \\times 10^{6}': '2000000',
      '10^3': '1000',
      '50%': '50',
    })
  })

  it('reads integers and cents with and without thousands commas', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 1, max: 9 }), (integer, digit) => {
        fc.pre(integer !== 0)
        const grouped = integer.toLocaleString('en-US')
        assert.equal(readNumber(String(integer)), String(integer))
        assert.equal(readNumber(grouped), String(integer))
        assert.equal(readNumber(`$${grouped}.00`), String(integer))
        assert.equal(readNumber(`${grouped}.0${digit}0`), `${integer}.0${digit}`)
      }),
    )
  })
})

describe('readBareNumber', () => {
  it('takes a number with nothing but white space around it', () => {
    check(readBareNumber, {
      ' 43\n': '43',
      '-3': '-3',
      '1,000': '1000',
      '43.': null,
      '43-': null,
      $43: null,
      '4 3': null,
      '': null,
    })
  })
})

describe('extractMarkedAnswer', () => {
  it('takes the last line that is an answer', () => {
    check(extractMarkedAnswer, {
      'She has 9 + 9 = 18.\n#### 18': '18',
      '#### 18': '18',
      ' ####18\r\n': '18',
      '#### 17\n#### 18': '18',
      '#### 18\n#### Explanation': '18',
      '#### 18\n\nThat is for 5 people.': '18',
      '#### 17 or 18': null,
      '#### 18 #### 19': null,
      'The answer is #### 18': null,
      '##### 18': null,
      '#### <number>': null,
      '####\n18': null,
      'The answer is 18.': null,
    })
  })

  it('takes the last answer tags, and of tags and lines what comes later', () => {
    check(extractMarkedAnswer, {
      '<think>12</think><answer>18</answer>': '18',
      '<answer>\n$18.00\n</answer>': '18',
      '<answer>17</answer><answer>18</answer>': '18',
      '<answer><answer>18</answer></answer>': '18',
      '<answer>17 18</answer>': null,
      '<answer>18': null,
      '#### 17\n<answer>18</answer>': '18',
      '<answer>18</answer>\n#### 17': '17',
    })
  })
})

describe('extractLastNumber', () => {
  it('takes the last number in the text', () => {
    check(extractLastNumber, {
      'The answer is $18.': '18',
      'It costs $1,234.56, right?': '1234.56',
      'ends with a comma 18,': '18',
      'x=-7': '-7',
      'x is −7': '-7',
      '9-7': null,
      '(9)-7': null,
      'from -$7.50': '-7.5',
      'and so on...18': '18',
      'it is .5': '0.5',
      '18 as in version 1.2.3': '18',
      '\\boxed{18}': '18',
      '12:30': null,
      'so 1.5 × 10^3': '1500',
      'she needs 2 1/2 cups': '2.5',
      'It is 20, not 18.': '20',
      'It is not 18.': null,
      'Never −18': null,
      '17 or 18': null,
      'either 17 or maybe 18': null,
      '15, 16, 17, 18': null,
      '9 + 9 = 18': '18',
      'Eighteen.': '18',
      'she has one hundred and twenty-five': '125',
      'I do not know which one.': null,
      'no digits, $': null,
      '....': null,
      '': null,
    })
  })
})

describe('extractAnnouncedAnswer', () => {
  it('takes what the text says its answer is', () => {
    check(extractAnnouncedAnswer, {
      'The answer is 18 apples and 3 pears': '18',
      '**Answer: 18**': '18',
      '**Answer:** $1,234.50 per week': '1234.5',
      'Answer:\n\n18': '18',
      'The final answer is: −8.': '-8',
      'The answer is 3 x 6 = 18.': '18',
      'The answer is eighteen.': '18',
      'The answer is not 18 but 20.': '20',
      'The answer is 20, not 18.': '20',
      'so \\boxed{17} no, \\boxed{18} of 24': '18',
      'The answer is 18. Wait, that is wrong: 10 + 10 = 20.': '20',
      'The answer is 17 or 18': null,
      'There are 18.': null,
      'I cannot answer that.': null,
    })
  })
})

describe('answer extraction on huge texts', () => {
  const megabyte = 2 ** 20
  const texts = {
    'digits and commas': '1,',
    'malformed numbers': '1,1 ',
    'thousands groups': '111,',
    points: '1.',
    zeros: '0',
    hashes: '#',
    'answer lines': '#### 1,1\n',
    'answer markers on one line': '#### 1 ',
    'blank lines': ' \r',
    spaces: ' ',
    'opened tags': '<answer>1',
    'closed tags': '1</answer>',
    'minus signs': '−',
  }
  for (const [name, unit] of Object.entries(texts)) {
    it(`${name}: takes linear time`, () => {
      for (const read of [readNumber, readBareNumber, extractMarkedAnswer, extractAnnouncedAnswer, extractLastNumber]) {
        assertLinearTime(read, unit, megabyte)
        assertLinearTime((text) => read(`#### 0.${text}1`), unit, megabyte)
      }
    })
  }
})
