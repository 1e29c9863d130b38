import assert from 'node:assert/strict'
import fs from 'node:fs'
import { ConfigError, DataError } from '../../src/errors.js'
import { readNumber } from '../../src/grading/answerExtraction.js'
import { correctness, grade } from '../../src/rewards/index.js'
import { gsm8k } from '../../src/tasks/gsm8k.js'
import type { Problem } from '../../src/grading/problem.js'
import { requireShared } from '../shared.js'
import { assertLinearTime } from '../linearTime.js'

const problem: Problem = { id: 'own/1', question: 'Kim has 9 red and 9 blue pens. How many pens?', answer: '18' }
const sum: Problem = { id: 'own/2', question: '37+6=', answer: '43', answerForm: 'bare' }

function score(completion: string, options?: Parameters<typeof correctness>[0], prompt = ''): unknown {
  const meta = { problem, finishReason: 'length' as const }
  return correctness(options).score({ prompt, completion, answer: problem.answer, ids: [], meta })
}

describe('grade', () => {
  it('tells strict from lenient', () => {
    assert.deepEqual(grade('9 + 9 = 18\n#### 18', problem), { correct: true, correctLenient: true, extracted: '18' })
    assert.deepEqual(grade('The answer is 18.', problem), { correct: false, correctLenient: true, extracted: '18' })
    assert.deepEqual(grade('9 + 9 = 19\n#### 19', problem), { correct: false, correctLenient: false, extracted: '19' })
    assert.deepEqual(grade('I do not know.', problem), { correct: false, correctLenient: false, extracted: null })
  })

  it('counts only the last of several answers', () => {
    assert.equal(grade('#### 18\n#### 17', problem).correctLenient, false)
    assert.equal(grade('#### 17\n#### 18', problem).correct, true)
    assert.equal(grade('#### 17\nNo, 18.', problem).correctLenient, false)
    assert.equal(grade('#### 18\nQuestion: how many are 5?', problem).correctLenient, true)
  })

  it('takes answers only from behind the reasoning', () => {
    assert.equal(grade('<think>#### 18</think>\n#### 17', problem).correctLenient, false)
    assert.equal(grade('<think>#### 17</think>\n#### 18', problem).correct, true)
    const unfinished = grade('<think>Perhaps\n#### 18\nNo, I have to', problem)
    assert.deepEqual(unfinished, { correct: false, correctLenient: true, extracted: '18' })
  })

  it('compares numbers exactly', () => {
    const answers = {
      '1000': ['1,000', '1000.0', '$1000'],
      '-3': ['−3', '-3.00'],
      '0.5': ['.5', '0.50'],
      '50': ['50%'],
      '0.75': ['3/4', '6 / 8'],
      '14/3': ['4 2/3'],
    }
    for (const [answer, forms] of Object.entries(answers)) {
      for (const form of forms) assert.ok(grade(`#### ${form}`, { ...problem, answer }).correct, form)
    }
    const unequal = { '1000': '1000.001', '3': '-3', '0.5': '50%', '50': '0.5', '9007199254740993': '9007199254740992' }
    for (const [answer, other] of Object.entries(unequal)) {
      assert.equal(grade(`#### ${other}`, { ...problem, answer }).correctLenient, false, other)
    }
  })

  it('does not count a repetition of the question', () => {
    const echo = { ...problem, question: 'Kim has 18 pens and loses none. How many are left?' }
    assert.equal(grade(echo.question, echo).extracted, null)
    assert.equal(grade(`${echo.question}\n${echo.question}`, echo).extracted, null)
    assert.equal(grade(`${echo.question} 18 are left.`, echo).correctLenient, true)
    for (const [question, answer] of [
      ['6', '36'],
      ['-7', '-7'],
      ['What', 'What'],
    ] as const) {
      const short = { ...problem, question, answer: answer === 'What' ? '18' : answer }
      assert.equal(grade(`What then?\n#### ${short.answer}`, short).correct, true, question)
    }
    const injected = { ...problem, question: 'Repeat after me:\n#### 18' }
    assert.equal(grade(injected.question, injected).correctLenient, false)
  })

  it('takes a bare number where the problem asks for one', () => {
    assert.deepEqual(grade('43', sum), { correct: true, correctLenient: true, extracted: '43' })
    for (const completion of ['430', '43 44', '4', '', '4343'])
      assert.equal(grade(completion, sum).correctLenient, false)
    for (const completion of ['37+6=43', 'is 43', '#### 43']) {
      assert.deepEqual(grade(completion, sum), { correct: false, correctLenient: true, extracted: '43' })
    }
    assert.equal(grade('37+6=', sum).extracted, null)
    assert.equal(grade('43', { ...sum, answerForm: 'gsm8k' }).correct, false)
  })

  it('takes a box where the problem asks for one', () => {
    const boxed: Problem = { ...problem, answerForm: 'boxed' }
    assert.equal(grade('So it is $\\boxed{18}$.', boxed).correct, true)
    assert.equal(grade('\\boxed{18} no, \\boxed{17}', boxed).correctLenient, false)
    assert.deepEqual(grade('#### 18', boxed), { correct: false, correctLenient: true, extracted: '18' })
    assert.equal(grade('\\boxed{18}', problem).correct, false)
  })

  it('refuses a gold answer that is not a number', () => {
    assert.throws(() => grade('#### 18', { ...problem, answer: 'a knave' }), DataError)
  })

  it('takes time linear in the length of a completion', () => {
    for (const unit of ['1,', '1,1 ', '#### 1\n', '<answer>', problem.question])
      assertLinearTime((text) => void grade(text, problem), unit, 2 ** 20)
  })
})

describe('correctness', () => {
  it('pays 1 for a right answer and 0 otherwise', () => {
    assert.equal(score('#### 18'), 1)
    assert.equal(score('#### 17'), 0)
    assert.equal(score('The answer is 18.'), 0)
    assert.equal(score('The answer is 18.', { lenient: true }), 1)
    assert.equal(score('The answer is 17.', { lenient: true }), 0)
  })

  it('does not pay for a repetition of the prompt', () => {
    const prompt = 'Question: What is 9 + 9?\nAnswer: 9 + 9 = 18\n#### 18\n\nQuestion: Kim has 9 red pens.\nAnswer:'
    assert.equal(score(prompt, { lenient: true }, prompt), 0)
    assert.equal(score(`${prompt} 9 + 9 = 18\n#### 18`, {}, prompt), 1)
  })

  it('has the name and weight that the trainer reads', () => {
    assert.equal(correctness().name, 'correctness')
    assert.equal(correctness().weight, 1)
    assert.equal(correctness({ weight: 0.5 }).weight, 0.5)
    assert.throws(() => correctness({ weight: NaN }), ConfigError)
  })
})

describe('grade on GSM8K', () => {
  for (const split of ['train', 'test'] as const) {
    it(`${split}: every solution is right for its own problem, and for the next one only where the answers are equal`, async function () {
      const { problems } = await gsm8k({ data: requireShared(this, 'data', 'gsm8k'), split })
      let accidents = 0
      let right = 0
      for (const [index, own] of problems.entries()) {
        const next = problems[(index + 1) % problems.length]!
        assert.ok(grade(own.solution!, own).correct, own.id)
        if (grade(own.solution!, next).correct) right++
        if (own.answer === next.answer) accidents++
      }
      assert.equal(right, accidents)
      assert.ok(right < problems.length / 50)
    })
  }
})

describe('grade against the regular expressions of lm-evaluation-harness', () => {
  interface Case {
    completion: string
    gold: string
    strict_match: boolean
    flexible_match: boolean
  }

  it('differs only where that is meant', function () {
    const file = requireShared(this, 'golden', 'rewards', 'gsm8k_extraction.json')
    const { cases } = JSON.parse(fs.readFileSync(file, 'utf8')) as { cases: Case[] }
    const strictOnly = new Set<string>()
    const strictMissed = new Set<string>()
    const lenientOnly = new Set<string>()
    const lenientMissed = new Set<string>()
    for (const { completion, gold, strict_match, flexible_match } of cases) {
      const answer = gold.replace('#### ', '')
      if (readNumber(answer) === null) continue
      const { correct, correctLenient } = grade(completion, { ...problem, answer })
      if (correct && !strict_match) strictOnly.add(completion)
      if (!correct && strict_match) strictMissed.add(completion)
      if (correctLenient && !flexible_match) lenientOnly.add(completion)
      if (!correctLenient && flexible_match) lenientMissed.add(completion)
    }
    // Ours takes any way to write the number, also in tags, and of several answers the last one instead of the first.
    assert.deepEqual(
      strictOnly,
      new Set([
        '####  18',
        '#### $18',
        '#### $18.00',
        '#### - 3',
        '#### .5',
        '#### 1.000.000',
        '#### 17\n#### 18',
        '#### 18.00',
        '#### eighteen',
        '####18',
        '<think>12</think><answer>18</answer>',
      ]),
    )
    assert.deepEqual(strictMissed, new Set(['##### 18', '#### 18 #### 19', '#### 18\n#### 17']))
    // Ours compares values, also in words and in digits of other scripts, prefers the marked or announced answer, and takes no
    // part of a fraction, time, range or subtraction for the answer.
    assert.deepEqual(
      lenientOnly,
      new Set([
        '#### $18.00',
        '#### - 3',
        '#### .5',
        '#### 1.000.000',
        '#### 18\nQuestion: how many 5?',
        '#### 18.00',
        '#### eighteen',
        'The answer is $18.00',
        'The answer is 18 apples and 3 pears',
        '٣',
        '３ apples',
      ]),
    )
    assert.deepEqual(lenientMissed, new Set(['1/2', '12:30', '2-7', '−8', 'The answer is 3 pears and 18']))
  })
})
