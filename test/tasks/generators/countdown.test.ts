import assert from 'node:assert/strict'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { DataError } from '../../../src/errors.js'
import { countdown, gradeCountdown } from '../../../src/tasks/generators/countdown.js'
import { evaluateExpression } from '../../../src/grading/expression.js'
import type { Problem } from '../../../src/grading/problem.js'

const problem: Problem = {
  id: 'c',
  question: 'Use 2, 3, 4 and 4 to make 24: e.g. 1 + 1',
  answer: '',
  columns: { numbers: [2, 3, 4, 4], target: 24 },
}

describe('countdown', () => {
  it('can always be solved: the gold answer uses the numbers and gives the target', () => {
    for (const { answer, columns, question } of countdown({ limit: 300, difficulty: [2, 6] }).problems) {
      const { numbers, target } = columns as { numbers: number[]; target: number }
      const { value, numbers: used } = evaluateExpression(answer)!
      assert.deepEqual([value.numerator, value.denominator], [BigInt(target), 1n], question)
      assert.deepEqual(used.toSorted(), numbers.toSorted())
      // JavaScript's own arithmetic agrees.
      assert.match(answer, /^[\d+\-*/() ]+$/)
      assert.equal(runInNewContext(answer), target)
    }
  })

  it('accepts every right expression and nothing else', () => {
    const cases: Record<string, string> = {
      '#### 4 * 4 + 2 * (3 + 1)': 'wrong',
      '#### (4 + 4 - 2) * 3 + 6': 'wrong',
      '#### 4 * 4 + 2 * 3': 'wrong',
      '#### 4 + 4 * (2 + 3)': 'strict',
      '<answer>4+4×(2+3)=24</answer>': 'strict',
      '\\boxed{4 + 4 \\times (2 + 3) = 24}': 'strict',
      '<answer>4+4*(2+3)=25</answer>': 'wrong',
      '<answer>4+4*(2+3) = 24 = 24</answer>': 'wrong',
      '<answer>4+4*(2+3) = 2.4</answer>': 'wrong',
      '<answer>$4+4*(2+3) = 24$.</answer>': 'strict',
      '<answer>24</answer>': 'wrong',
      '<answer>24 + 0 * (2+3+4+4)</answer>': 'wrong',
      '<answer>4+4*(2+3) or 24</answer>': 'wrong',
      '<answer>process.exit(0)</answer>': 'wrong',
      '<answer>((((((</answer>': 'wrong',
      'So 4 + 4 * (2 + 3) = 24.': 'lenient',
      'First 2 + 3 = 5, then 4 + 4 * 5 = 24.': 'wrong',
      [`#### ${'('.repeat(100_000)}`]: 'wrong',
      [`#### ${'-'.repeat(100_000)}4`]: 'wrong',
      [problem.question]: 'wrong',
      '': 'wrong',
    }
    for (const [text, expected] of Object.entries(cases)) {
      const { correct, correctLenient } = gradeCountdown(text, problem)
      assert.equal(correct ? 'strict' : correctLenient ? 'lenient' : 'wrong', expected, text.slice(0, 80))
    }
    assert.throws(() => gradeCountdown('1', { ...problem, columns: {} }), DataError)
  })

  it('evaluates as JavaScript does, but exactly', () => {
    const expression = fc.letrec<{ node: string }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.integer({ min: 1, max: 50 }).map(String),
        fc.tuple(tie('node'), fc.constantFrom('+', '-', '*', '/'), tie('node')).map(([a, o, b]) => `(${a} ${o} ${b})`),
      ),
    })).node
    fc.assert(
      fc.property(expression, (text) => {
        fc.pre(text.length <= 200)
        const expected = runInNewContext(text) as number
        const value = evaluateExpression(text)?.value
        if (value === undefined) return !Number.isFinite(expected) || Math.abs(expected) > 1e6 || text.includes('/')
        const actual = Number(value.numerator) / Number(value.denominator)
        return Math.abs(actual - expected) <= 1e-6 * Math.max(1, Math.abs(expected)) || Math.abs(expected) > 1e9
      }),
      { numRuns: 200 },
    )
    assert.equal(evaluateExpression('1 / (2 - 2)'), null)
    assert.deepEqual(evaluateExpression('1/3 + 1/6')?.value, { numerator: 1n, denominator: 2n })
  })
})
