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
