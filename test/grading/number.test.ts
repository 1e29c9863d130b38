import assert from 'node:assert/strict'
import fs from 'node:fs'
import { gradeMath } from '../../src/grading/math/gradeMath.js'
import { grade } from '../../src/grading/number.js'
import { requireShared } from '../shared.js'
import * as completions from './completions.js'

type Verdict = 'strict' | 'lenient' | 'wrong'

function verdict(completion: string, answer: string): Verdict {
  const { correct, correctLenient } = grade(completion, { id: 'any', question: '', answer })
  return correct ? 'strict' : correctLenient ? 'lenient' : 'wrong'
}

describe('grade on what models write', () => {
  for (const expected of ['strict', 'lenient', 'wrong'] as const) {
    it(`${completions[expected].length} completions are ${expected}`, () => {
      const others = completions[expected].filter(([completion, answer]) => verdict(completion, answer) !== expected)
      assert.deepEqual(others, [])
    })
  }
})

describe('grade on what a policy tries', () => {
  const cases: readonly (readonly [completion: string, answer: string, verdict: Verdict])[] = [
    // Two answers, the second one dressed as an explanation.
    ...['18; 19', '18;19', '18; 19; 20', '18 -- 19', '18 — 19', '18 — or 19', '18, so 19', '18; also 19'].flatMap(
      (answers) =>
        [`#### ${answers}`, `\\boxed{${answers}}`, `<answer>${answers}</answer>`].map(
          (completion) => [completion, '18', 'wrong'] as const,
        ),
    ),
    ...[
      '18 (could be 19)',
      '18 (also 19)',
      '18 (it may be 19)',
      '18 (otherwise 19)',
      '18 (19 in fact)',
      '18 (plus 1 = 19)',
      '18 (second guess 19)',
    ].map((answers) => [`<answer>${answers}</answer>`, '18', 'wrong'] as const),
    ['#### 18, so 18.', '18', 'strict'],
    ['#### 18; 9 * 2 = 18', '18', 'strict'],
    ['#### 18, because 9 * 2 = 18', '18', 'strict'],
    ['#### 18 — she sells 9 eggs at $2', '18', 'strict'],
    // Reasoning that begins again has not ended.
    ['<think>a</think>\n#### 17\n<think>b\n#### 18', '18', 'lenient'],
    // Letters that look like digits, and a unit before its number.
    ['#### 1О', '1', 'lenient'],
    ['#### l8', '8', 'wrong'],
    ['#### 8 l', '8', 'strict'],
    // Bounds and denials.
    ['so x < 18', '18', 'wrong'],
    ['The answer is less than 18.', '18', 'wrong'],
    ['#### twice 18', '18', 'wrong'],
    ['#### 18 is wrong', '18', 'wrong'],
    ['18 is more than 17', '18', 'lenient'],
  ]
  for (const [completion, answer, expected] of cases) {
    it(`${JSON.stringify(completion)} is ${expected} for ${answer}`, () => {
      assert.equal(verdict(completion, answer), expected)
    })
  }
})

describe('grading of labelled completions', () => {
  for (const file of ['gsm8k.jsonl', 'math.jsonl']) {
    it(`${file}: every verdict is the label`, function () {
      const lines = fs
        .readFileSync(requireShared(this, 'faults', 'grading', file), 'utf8')
        .trim()
        .split('\n')
      const differing = lines
        .map((line) => JSON.parse(line) as { id: string; completion: string; answer: string } & Labels)
        .filter(({ completion, answer, correct, correct_lenient }) => {
          const given = file.startsWith('math')
            ? gradeMath(completion, answer)
            : grade(completion, { id: 'any', question: '', answer })
          const isStrict = correct === undefined || given.correct === correct
          return !isStrict || (correct_lenient !== undefined && given.correctLenient !== correct_lenient)
        })
      assert.deepEqual(differing, [])
    })
  }
})

/** A label that is missing leaves it open. */
interface Labels {
  readonly correct?: boolean
  readonly correct_lenient?: boolean
}
