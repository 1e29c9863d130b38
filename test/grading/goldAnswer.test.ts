import assert from 'node:assert/strict'
import type { AnswerForm } from '../../src/grading/answerForm.js'
import { codeGrader } from '../../src/grading/code/codeGrader.js'
import { goldFault, workedAnswer } from '../../src/grading/goldAnswer.js'
import { graderNames, namedGrader } from '../../src/grading/namedGraders.js'
import type { GraderName } from '../../src/grading/namedGraders.js'
import type { Grader, Problem } from '../../src/grading/problem.js'
import { loadTask } from '../../src/tasks/loadTask.js'
import { requireShared } from '../shared.js'

function problemOf(answer: string, grader: Grader, answerForm: AnswerForm): Problem {
  return { id: 'own/1', question: 'What is it, then?', answer, grader, answerForm }
}

describe('goldFault', () => {
  const fault = (
    answer: string,
    grader: GraderName,
    form: AnswerForm = 'gsm8k',
    others: readonly string[] = [],
  ): string | null => goldFault(problemOf(answer, namedGrader(grader, [answer, ...others]), form))?.reason ?? null

  it('finds nothing at answers that a completion can match', () => {
    const answers: Readonly<Record<GraderName, readonly string[]>> = {
      number: ['3', '-1,250', '$18.50', '3/4', '18 apples', '1e3', '50%', ' 7 '],
      math: [
        '3',
        '\\frac{1}{2}',
        'x = 5',
        '\\text{Evelyn}',
        '(1, -2)',
        'even',
        '\\text{Softball, Kickball, Picnic}',
        '36^\\circ',
        'a or b',
      ],
      exact: ['Paris', 'New York', 'The Great Gatsby', 'null', '3', 'It is what it is', 'x_{1}'],
      choice: ['yes', '(A)', 'A)', 'New York', "can't", 'U.S.A.', 'none of these'],
    }
    for (const name of graderNames) {
      for (const answer of answers[name]) {
        for (const form of ['gsm8k', 'think', 'boxed', 'code', 'bare'] as const) {
          assert.equal(fault(answer, name, form, ['New', 'no', 'B']), null, `${name}, ${form}: ${answer}`)
        }
      }
    }
  })

  it('names what the grader cannot grade', () => {
    for (const answer of ['N/A', 'a knave', '12:30', '17 or 18', '']) {
      assert.ok(fault(answer, 'number') !== null, answer)
    }
    assert.equal(fault('a knave', 'number'), "has the answer 'a knave', but only numbers can be graded")
    for (const answer of ['N/A', '#n/a', 'nan', 'null', '<NA>']) {
      assert.match(fault(answer, 'math', 'boxed')!, /stands for a missing value/, answer)
    }
    for (const grader of ['exact', 'choice'] as const)
      assert.match(fault('...', grader)!, /does not take for right/, grader)
  })

  it('names sentences and solutions in place of a final answer', () => {
    for (const name of graderNames) {
      const form = name === 'math' ? 'boxed' : 'gsm8k'
      assert.match(fault('The answer is 3.', name, form)!, /a sentence and not the final answer alone/, name)
      assert.match(fault('Answer: 3', name, form)!, /a sentence/, name)
      for (const solution of ['We add.\n#### 3\n#### 4', '\\boxed{3}', '<answer>3</answer>', '#### 3']) {
        assert.match(fault(solution, name, form)!, /a solution in which it is not clear/, `${name}: ${solution}`)
      }
    }
    for (const sentence of [
      'Janet makes 18 dollars every day',
      'So she has 3 apples.',
      'The total cost of all pens together is 18',
    ]) {
      assert.match(fault(sentence, 'math', 'boxed')!, /a sentence/, sentence)
    }
  })

  it('says which form a gold answer fits into, if it does not fit into the one that is asked for', () => {
    const lines = problemOf('first line\nsecond line', namedGrader('exact', []), 'gsm8k')
    const found = goldFault(lines)!
    assert.match(found.reason, /does not fit into the form gsm8k/)
    assert.match(found.advice, /ask for the form think \(reasoningFormat, --reasoning-format\)/)
    assert.equal(goldFault({ ...lines, answerForm: 'think' }), null)
  })

  it('asks no grader that takes time or is not known', () => {
    let calls = 0
    const own: Grader = () => {
      calls++
      return { correct: false, correctLenient: false, extracted: null }
    }
    for (const grader of [own, codeGrader()]) assert.equal(goldFault(problemOf('N/A', grader, 'code')), null)
    assert.equal(calls, 0)
    const checked = Object.assign(own, { checksGold: true })
    assert.match(goldFault(problemOf('N/A', checked, 'code'))!.reason, /does not take for right/)
    const failing = Object.assign(() => { throw new Error('offline') }, { checksGold: true }) // prettier-ignore
    assert.match(goldFault(problemOf('3', failing, 'code'))!.reason, /cannot be graded: offline/)
  })

  for (const [task, folder, usable] of [
    ['gsm8k', 'gsm8k', 1319],
    ['math', 'math', 500],
  ] as const) {
    it(`finds nothing at the test split of ${task}`, async function () {
      const { problems } = await loadTask(task, { data: requireShared(this, 'data', folder), split: 'test' })
      assert.equal(problems.length, usable)
      assert.deepEqual(
        problems.map(goldFault).filter((found) => found !== null),
        [],
      )
    })
  }
})

describe('workedAnswer', () => {
  it('reads the one answer that a solution marks in its last line', () => {
    assert.deepEqual(workedAnswer('We add.\n1 + 2 = 3\n#### 3\n'), { steps: 'We add.\n1 + 2 = 3', answer: '3' })
    assert.deepEqual(workedAnswer('#### 3'), { steps: '', answer: '3' })
    assert.deepEqual(workedAnswer('It is $\\boxed{3}$.'), { steps: 'It is $\\boxed{3}$.', answer: '3' })
    assert.deepEqual(workedAnswer('<think>add</think>\n<answer>3</answer>'), {
      steps: '<think>add</think>',
      answer: '3',
    })
  })

  it('reads nothing where it is not clear', () => {
    for (const text of [
      '3',
      'The answer is 3.',
      '#### 3\n#### 4',
      '\\boxed{3} or maybe \\boxed{4}',
      '#### 3\nNo, wait.',
      '####',
      '\\boxed{}',
    ]) {
      assert.equal(workedAnswer(text), null, text)
    }
  })
})
