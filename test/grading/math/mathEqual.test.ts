import assert from 'node:assert/strict'
import fs from 'node:fs'
import { mathEqual } from '../../../src/grading/math/mathEqual.js'
import { requireShared } from '../../shared.js'

type Pair = readonly [left: string, right: string]

function check(pairs: readonly Pair[], expected: boolean): void {
  for (const [left, right] of pairs) {
    assert.equal(mathEqual(left, right), expected, `${left} | ${right}`)
    assert.equal(mathEqual(right, left), expected, `${right} | ${left}`)
  }
}

describe('mathEqual', () => {
  it('knows numbers in all clothes', () => {
    check(
      [
        ['\\frac{14}{3}', '4 2/3'],
        ['\\frac12', '0.5'],
        ['\\dfrac{1}{2}', '\\frac{2}{4}'],
        ['-\\frac34', '\\frac{3}{-4}'],
        ['1\\frac{4}{5}', '1.8'],
        ['10{,}000', '10,000'],
        ['\\$32,\\!348', '32348'],
        ['11,\\! 111,\\! 111,\\! 100', '11111111100'],
        ['1.5\\times 10^{3}', '1500'],
        ['18 apples', '18'],
        ['\\mbox{four}', '4'],
        ['12\\,\\mathrm{cm}^2', '12'],
        ['864 \\mbox{ inches}^2', '864 in^2'],
        ['5.4 \\text{ cents}', '5.4'],
        ['36^\\circ', '36°'],
        ['50\\%', '50'],
        ['−3', '-3.0'],
        ['x=5', '5'],
        ['$18.00', '18'],
      ],
      true,
    )
    check(
      [
        ['50\\%', '0.5'],
        ['x=5', 'y=6'],
        ['204_5', '54'],
        ['3', '-3'],
        ['3:1', '1:3'],
        ['', ''],
        ['', '7'],
        ['\\infty', '-\\infty'],
      ],
      false,
    )
    assert.equal(mathEqual('50\\%', '0.5', { percentLeniency: true }), true)
    assert.equal(mathEqual('50', '0.5', { percentLeniency: true }), false)
  })

  it('takes a long decimal for the exact value that it is rounded from', () => {
    check(
      [
        ['\\frac13', '0.3333333333'],
        ['-\\frac23', '-0.666667'],
        ['\\sqrt{2}', '1.414214'],
        ['\\frac{20000}{\\pi}', '6366.197724'],
      ],
      true,
    )
    check(
      [
        ['\\frac13', '0.333'],
        ['\\sqrt{2}', '1.414'],
        ['\\frac23', '0.666666'],
        ['1', '0.9999999'],
        ['\\pi', '3.14'],
      ],
      false,
    )
  })

  it('compares points, intervals, sets and matrices item by item', () => {
    check(
      [
        ['(1, 2)', '\\left(1,\\frac{4}{2}\\right)'],
        ['\\{1,2,3\\}', '3, 2, 1'],
        ['\\{1\\pm\\sqrt{5},-2\\}', '-2, 1-\\sqrt5, 1+\\sqrt5'],
        ['1 \\text{ and } -2', '-2, 1'],
        ['x=1, x=2', '2, 1'],
        ['(-\\infty, 2) \\cup (3, \\infty)', 'x<2 \\text{ or } x>3'],
        ['x \\in [-2,7]', '-2 \\le x \\le 7'],
        ['x > 3', '3 < x'],
        ['\\begin{pmatrix} 1/5 \\\\ -18/5 \\end{pmatrix}', '(0.2, -3.6)'],
        ['\\begin{pmatrix} -1 & 0 \\\\ 0 & -1 \\end{pmatrix}', '\\begin{bmatrix}-1&0\\\\0&-1\\end{bmatrix}'],
        ['\\emptyset', '\\{\\}'],
        ['(1,200)', '(1, 200)'],
      ],
      true,
    )
    check(
      [
        ['(1,2)', '(2,1)'],
        ['(1,2)', '[1,2]'],
        ['1,2,3', '1,2'],
        ['\\{1,1,2\\}', '\\{1,2,2\\}'],
        ['x > 3', 'x \\ge 3'],
        ['\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}', '\\begin{pmatrix}1&2&3&4\\end{pmatrix}'],
      ],
      false,
    )
  })

  it('compares words', () => {
    check(
      [
        ['\\text{Evelyn}', 'evelyn'],
        ['\\text{(B)}', 'B'],
        ['\\text{even}', 'Even.'],
      ],
      true,
    )
    check(
      [
        ['\\text{yes}', 'no'],
        ['B', 'C'],
        ['\\text{east}', 'seat'],
      ],
      false,
    )
  })

  it('compares expressions', () => {
    check(
      [
        ['(x+1)^2', 'x^2+2x+1'],
        ['(a+5)(b+2)', 'ab+2a+5b+10'],
        ['2\\sqrt 3', '\\sqrt{12}'],
        ['\\frac{\\sqrt{3}}{3}', '1/sqrt(3)'],
        ['6 - 5i', '-5i+6'],
        ['\\cot x', '\\frac{\\cos x}{\\sin x}'],
        ['\\log_2 8', '3'],
        ['\\binom{5}{2}', '10'],
        ['2 \\sin 5x \\cos x', '\\sin 6x+\\sin 4x'],
        ['y = 2x + 3', '3+2x'],
        ['5x - 7y + 11z + 4 = 0', '7y - 11z - 4 = 5x'],
      ],
      true,
    )
    check(
      [
        ['p-q', 'q-p'],
        ['|x|', 'x'],
        ['3\\sqrt{13}', '3\\sqrt{14}'],
        ['5x - 7y + 4 = 0', '5x - 7y = 4'],
        ['\\frac{', '5'],
      ],
      false,
    )
  })

  it('gives up on what would take forever, and goes on', () => {
    // Otherwise this would not end.
    assert.equal(mathEqual('9^{9^{9^{9}}}', '3x'), false)
    const nested = `${'('.repeat(500)}x${')'.repeat(500)}`
    const deep = `${'\\sqrt{'.repeat(35)}x${'}'.repeat(35)}`
    const texts = [nested, deep, 'x'.repeat(100_000), '\\frac{'.repeat(10_000), '{'.repeat(10_000), '1,'.repeat(10_000)]
    for (const text of [...texts, '\\pm'.repeat(1000), '='.repeat(5000), '<'.repeat(5000), '^'.repeat(5000)]) {
      assert.equal(mathEqual(text, '\\sqrt{2}'), false)
    }
    assert.equal(mathEqual('x^2+x', 'x(x+1)'), true)
  })

  it('accepts the answers of MATH-500 in other notations and tells them from each other', function () {
    const file = requireShared(this, 'data', 'math', 'math500_test.json')
    const rows = JSON.parse(fs.readFileSync(file, 'utf8')) as { answer: string }[]
    const answers = [...new Set(rows.map(({ answer }) => answer))]
    const notations = [
      (text: string) => `$${text}$.`,
      (text: string) => `\\(${text}\\)`,
      (text: string) =>
        text.replaceAll('\\frac', '\\dfrac').replaceAll('\\left', '\\bigl').replaceAll('\\right', '\\bigr'),
      (text: string) => text.replace(/,(?!\\!|\d{3})/g, ', ').replace(/([+-])/g, ' $1 '),
      (text: string) => text.replaceAll('pmatrix', 'bmatrix').replaceAll('\\mbox', '\\text'),
    ]
    for (const answer of answers) {
      for (const notation of notations) assert.ok(mathEqual(notation(answer), answer), notation(answer))
    }
    for (const [i, answer] of answers.entries()) {
      const other = answers[(i + 1) % answers.length]!
      assert.equal(mathEqual(answer, other), false, `${answer} | ${other}`)
    }
  })
})
