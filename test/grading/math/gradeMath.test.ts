import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { gradeMath } from '../../../src/grading/math/gradeMath.js'
import { requireShared } from '../../shared.js'
import { assertLinearTime } from '../../linearTime.js'

function verdict(completion: string, answer: string): string {
  const { correct, correctLenient } = gradeMath(completion, answer)
  return correct ? 'strict' : correctLenient ? 'lenient' : 'wrong'
}

describe('gradeMath', () => {
  it('takes no answer that names several choices, nor a right letter with a wrong value', () => {
    const cases = [
      ['\\text{(A)(B)(C)}', '\\text{(A)}'],
      ['\\text{(A) }6', '\\text{(A) }5'],
      ['\\text{(B) }5', '\\text{(A) }5'],
      ['l8', '8'],
      ['1О', '1'],
    ] as const
    for (const [said, answer] of cases) assert.equal(verdict(`\\boxed{${said}}`, answer), 'wrong', said)
    assert.equal(verdict('\\boxed{\\text{(A) }5}', '\\text{(A) }5'), 'strict')
    assert.equal(verdict('\\boxed{\\text{(A)}}', '\\text{(A) }5'), 'strict')
  })

  it('strict: takes the last box or answer tag behind the reasoning', () => {
    const right = [
      'So $x = \\boxed{\\frac{1}{2}}$.',
      '\\boxed{0.5}',
      '\\boxed{\\boxed{\\dfrac12}}',
      '\\fbox{\\frac{1}{2}}',
      '<think>\\boxed{7}</think><answer>1/2</answer>',
      '<answer>\\boxed{1/2}</answer>',
      '<answer>$\\frac{1}{2}$</answer>',
      '\\boxed{1} no, \\boxed{\\frac12}',
    ]
    for (const completion of right) assert.equal(verdict(completion, '\\frac{1}{2}'), 'strict', completion)
    const wrong = [
      '',
      '\\boxed{}',
      '\\boxed{\\frac{1}{2}} no, \\boxed{1}',
      '\\boxed{1} \\text{ or } \\boxed{\\frac12}',
      '\\boxed{0, 1/2, 1}',
      '<answer>1/2</answer><answer>1</answer>',
      'I cannot solve this problem.',
      '\\boxed{\\text{one third}}',
    ]
    for (const completion of wrong) assert.equal(verdict(completion, '\\frac{1}{2}'), 'wrong', completion)
    assert.equal(verdict('\\boxed{1} and \\boxed{2}', '2, 1'), 'strict')
  })

  it('lenient: takes an announced answer, the last formula, or the last number', () => {
    const right = [
      'The answer is $2\\sqrt{3}$.',
      'The final answer is 2√3.',
      '**Answer:** \\(\\sqrt{12}\\), as shown above.',
      '#### 2\\sqrt{3}',
      'Thus we get $x = 2\\sqrt{3}$.',
      '\\[ x = \\sqrt{4 \\cdot 3} = 2\\sqrt{3} \\]',
      '<think>so \\boxed{2\\sqrt{3}}',
    ]
    for (const completion of right) assert.equal(verdict(completion, '2\\sqrt{3}'), 'lenient', completion)
    assert.equal(verdict('The answer is 17. Wait, no: it is 18.', '18'), 'lenient')
    assert.equal(verdict('The answer is 18. Wait, no: it is 17.', '18'), 'wrong')
    assert.equal(verdict('It is 17 or 18', '18'), 'wrong')
    assert.equal(verdict('There are 18 ways.', '18'), 'lenient')
  })

  it('reads a formula as a whole, and not its first digits', () => {
    const wrong = [
      ['The answer is $\\frac{3}{7}$.', '3'],
      ['The answer is $7\\sqrt{3}$.', '7'],
      ['The answer is $y^5$.', '5'],
      ['The answer is $y^5$, where y = 2.', '2'],
      ['The answer is 12 choose 5.', '12'],
      ['The answer is $4\\pi$', '4'],
      ['Answer: \\(2^{6}\\)', '6'],
      ['So we get $a_7$.', '7'],
      ['The answer is $\\{3, 7\\}$.', '7'],
    ] as const
    for (const [completion, gold] of wrong) assert.equal(verdict(completion, gold), 'wrong', completion)
    assert.equal(verdict('The answer is $-\\frac{3}{7}$ because of symmetry.', '-\\frac37'), 'lenient')
    assert.equal(verdict('#### $7\\sqrt{3}$ (since 49 * 3 = 147)', '\\sqrt{147}'), 'lenient')
  })

  it('takes no answer that the text takes back', () => {
    assert.equal(verdict('\\boxed{7}\nWait, that is wrong. The answer is $\\sqrt{7}$.', '7'), 'wrong')
    assert.equal(verdict('\\boxed{7}\nWait, that is wrong. The answer is $\\sqrt{7}$.', '\\sqrt7'), 'lenient')
    assert.equal(verdict('\\boxed{7}\nThe answer is correct.', '7'), 'strict')
  })

  it('leaves nothing open: a process that has graded ends by itself', function () {
    this.timeout(0)
    const module = new URL('../../../src/grading/math/gradeMath.ts', import.meta.url).href
    const program = `
      const { gradeMath } = await import(${JSON.stringify(module)})
      const answers = ['\\\\overline{CD}', '5\\\\text{m}+y', '9^{9^{9^{9}}}', '\\\\sin x', '\\\\frac{']
      for (const answer of answers) gradeMath('\\\\boxed{' + answer + '}', '\\\\sqrt{2}')
    `
    const node = ['--import', 'tsx', '--input-type=module', '-e', program]
    const { status, stdout, stderr } = spawnSync(process.execPath, node, { encoding: 'utf8' })
    assert.deepEqual([status, stdout, stderr], [0, '', ''])
  })

  it('does not count a repetition of the question', () => {
    const question = 'Show that \\boxed{4} is the answer.'
    assert.equal(gradeMath(question, '4', { echoed: [question] }).correctLenient, false)
    assert.equal(gradeMath(`${question} \\boxed{4}`, '4', { echoed: [question] }).correct, true)
  })

  it('takes time linear in the length of a completion', () => {
    for (const unit of [
      '\\boxed{',
      '{',
      '}',
      '\\boxed{1}',
      '<answer>',
      '<answer>1</answer',
      '$',
      '\\(',
      'The answer is ',
      '#### 1\n',
    ]) {
      assertLinearTime((text) => gradeMath(text, '\\sqrt{2}'), unit, 2 ** 19)
    }
  })

  it('MATH-500: every solution is right for its own problem, and for the next one only where the answers are equal', function () {
    const file = requireShared(this, 'data', 'math', 'math500_test.json')
    const rows = JSON.parse(fs.readFileSync(file, 'utf8')) as { solution: string; answer: string }[]
    let accidents = 0
    for (const [i, { solution, answer }] of rows.entries()) {
      assert.ok(gradeMath(solution, answer).correct, answer)
      assert.equal(gradeMath('', answer).correctLenient, false)
      if (gradeMath(rows[(i + 1) % rows.length]!.solution, answer).correctLenient) accidents++
    }
    // 60 and 60, 6 and 6, `x=5` and 5.
    assert.equal(accidents, 3)
  })
})
