import assert from 'node:assert/strict'
import { ConfigError } from '../../../src/errors.js'
import { grade } from '../../../src/grading/number.js'
import { calculate } from '../../../src/tasks/generators/wordProblems/story.js'
import { wordProblems, wordProblemVariants } from '../../../src/tasks/generators/wordProblems/wordProblems.js'

describe('tasks/wordProblems', () => {
  for (const variant of wordProblemVariants) {
    it(`makes up sound problems: ${variant}`, () => {
      const { problems } = wordProblems({ variant, split: 'test', limit: 500 })
      assert.equal(problems.length, 500)
      assert.equal(new Set(problems.map(({ id }) => id)).size, 500)
      for (const problem of problems) {
        const { question, calculations, answer, difficulty } = problem
        assert.match(question, /^[A-Z0-9][^{}]*\?$/)
        assert.doesNotMatch(question, /\b[NMTbc]\b|undefined|NaN/)
        assert.ok(calculations.length === difficulty && difficulty >= 1 && difficulty <= 4)
        for (const { left, operator, right, result } of calculations) {
          assert.equal(calculate(left, operator, right).result, result)
          assert.ok(Number.isInteger(result) && result >= 0 && left > 0 && right > 0)
          if (operator === '/') assert.equal(right * result, left)
        }
        assert.equal(answer, String(calculations.at(-1)!.result))
        assert.ok(grade(problem.solution!, problem).correct)
        // Every number that is not the result of a calculation before stands in the question.
        const known = [...question.matchAll(/\d+/g)].map(([number]) => Number(number))
        for (const { left, right, result } of calculations) {
          assert.ok(known.includes(left) && known.includes(right), `${question}: ${left}, ${right}`)
          known.push(result)
        }
      }
    })
  }

  it('has the same problems for the same seed, others for another, and none of a split in the other', () => {
    const ids = (options: Parameters<typeof wordProblems>[0]): string[] =>
      wordProblems(options).problems.map(({ id }) => id)
    assert.deepEqual(ids({ limit: 50 }), ids({ limit: 50 }))
    assert.notDeepEqual(ids({ limit: 50 }), ids({ limit: 50, seed: 1 }))
    const held = new Set(ids({ split: 'test', limit: 500 }))
    assert.ok(ids({ limit: 4000, seed: 3 }).every((id) => !held.has(id)))
  })

  it('tells one thing after another in smaller problems', () => {
    const followsOn = (variant: 'smaller' | 'standard'): boolean =>
      wordProblems({ variant, limit: 500 }).problems.every(({ calculations }) =>
        calculations.every(({ left }, i) => i === 0 || left === calculations[i - 1]!.result),
      )
    assert.ok(followsOn('smaller'))
    assert.ok(!followsOn('standard'))
  })

  it('takes problems of a difficulty only', () => {
    const { problems } = wordProblems({ difficulty: [1, 2], limit: 100, split: 'test' })
    assert.deepEqual(new Set(problems.map(({ calculations }) => calculations.length)), new Set([1, 2]))
    assert.ok(wordProblems({ difficulty: 3, limit: 20 }).problems.every(({ difficulty }) => difficulty === 3))
    assert.throws(() => wordProblems({ difficulty: 4 }), /is 4 to 4; it has problems of difficulty 1, 2, 3/)
  })

  it('shows the same worked examples whatever the seed and the split, and does not ask them', () => {
    const options = { difficulty: [1, 2], shots: 2 } as const
    const one = wordProblems({ ...options, seed: 1, limit: 3000 })
    const examplesOf = (task: typeof one): string => {
      const parts = task.prompt(task.problems[0]!, null).text.split('\n\n')
      assert.equal(parts.length, 3)
      return parts.slice(0, 2).join('\n\n')
    }
    const examples = examplesOf(one)
    assert.match(examples, /^Question: .*\?\nAnswer: (\d+ . \d+ = \d+\n)+#### \d+\n\nQuestion: .*\?\nAnswer: /)
    assert.equal(examplesOf(wordProblems({ ...options, seed: 2, split: 'test', limit: 5 })), examples)
    assert.ok(!one.problems.some(({ question }) => examples.includes(question)))
  })

  it('refuses what it cannot do', () => {
    assert.throws(() => wordProblems({ shots: -1 }), ConfigError)
    assert.throws(() => wordProblems({ limit: 0 }), ConfigError)
    assert.throws(() => wordProblems({ seed: -1 }), ConfigError)
    assert.throws(() => wordProblems({ variant: 'hard' as 'longer' }), ConfigError)
  })
})
