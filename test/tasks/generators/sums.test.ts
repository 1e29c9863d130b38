import assert from 'node:assert/strict'
import { ConfigError } from '../../../src/errors.js'
import { grade } from '../../../src/grading/number.js'
import { sums } from '../../../src/tasks/generators/sums.js'

/** The unordered operands of a problem, from its id. */
function operands(id: string): string {
  return id
    .slice('sums/'.length)
    .split('+')
    .map(Number)
    .toSorted((a, b) => a - b)
    .join('+')
}

describe('sums', () => {
  it('asks for small sums with right answers and solutions that grade as correct', () => {
    for (const bare of [false, true]) {
      for (const problem of sums({ bare }).problems) {
        const [first, second] = /(\d+) ?\+ ?(\d+)/.exec(problem.question)!.slice(1).map(Number)
        assert.equal(problem.answer, String(first! + second!))
        assert.ok(first! >= 1 && first! <= 49 && second! >= 1 && second! <= 9)
        assert.ok(grade(problem.solution!, problem).correct, problem.id)
      }
    }
    const { problems } = sums()
    assert.match(problems[0]!.question, /^What is \d+ \+ \d+\?$/)
    assert.match(problems[0]!.solution!, /^\d+ \+ \d+ = (\d+)\n#### \1$/)
  })

  it('never has a sum of the test split in the training split, either way round', () => {
    const trained = new Set<string>()
    for (const maxOperand of [9, 49, 200]) {
      for (const { id } of sums({ maxOperand, seed: maxOperand }).problems) trained.add(operands(id))
    }
    const { problems } = sums({ split: 'test', seed: 5, maxOperand: 200 })
    assert.ok(problems.length > 200)
    for (const { id } of problems) assert.ok(!trained.has(operands(id)), id)
  })

  it('has every sum once, in an order that the seed gives', () => {
    const first = sums({ seed: 1 }).problems
    assert.deepEqual(sums({ seed: 1 }).problems, first)
    const second = sums({ seed: 2 }).problems
    assert.notDeepEqual(second, first)
    assert.deepEqual(new Set(second.map(({ id }) => id)), new Set(first.map(({ id }) => id)))
    assert.equal(new Set(first.map(({ id }) => id)).size, first.length)
    const held = sums({ split: 'test' }).problems
    assert.equal(first.length + held.length, 49 * 9 - 1)
    assert.deepEqual(sums({ seed: 1, limit: 3 }).problems, first.slice(0, 3))
  })

  it('gives the same training example whatever the seed and the split, and does not ask it', () => {
    const one = sums({ seed: 1 })
    const prefix = one.prompt(one.problems[0]!, null).text.split('\n\n')[0]!
    assert.match(prefix, /^Question: What is (\d+ \+ \d+)\?\nAnswer: \1 = (\d+)\n#### \2$/)
    const test = sums({ seed: 2, split: 'test' })
    assert.equal(test.prompt(test.problems[0]!, null).text.split('\n\n')[0], prefix)
    assert.ok(!one.problems.some(({ question }) => prefix.includes(question)))
    const none = sums({ shots: 0 })
    assert.match(none.prompt(none.problems[0]!, null).text, /^Question: What is \d+ \+ \d+\?\nAnswer:$/)
  })

  it('asks differences too, which belong to the split of their sum', () => {
    const options = { operations: ['add', 'subtract'], minOperand: 2 } as const
    const train = sums({ ...options, seed: 1 }).problems
    const test = sums({ ...options, split: 'test' }).problems
    assert.equal(train.length + test.length, 2 * 48 * 8 - 1)
    const factsOf = (problem: (typeof train)[0]): string => {
      const [, left, operator, right] = /^What is (\d+) ([+-]) (\d+)\?$/.exec(problem.question)!
      const [a, b] = [Number(left), Number(right)]
      assert.equal(problem.answer, String(operator === '+' ? a + b : a - b), problem.question)
      assert.ok(grade(problem.solution!, problem).correct, problem.id)
      const first = operator === '+' ? a : a - b
      assert.ok(first >= 2 && first <= 49 && b >= 2 && b <= 9, problem.question)
      return [first, b].toSorted((x, y) => x - y).join('+')
    }
    const trained = new Set(train.map(factsOf))
    for (const problem of test) assert.ok(!trained.has(factsOf(problem)), problem.id)
    const differences = test.filter(({ question }) => question.includes('-'))
    assert.equal(differences.length, test.length / 2)
    const bare = sums({ operations: ['subtract'], bare: true, maxOperand: 5 }).problems
    for (const { question } of bare) assert.match(question, /^\d+-\d=$/)
  })

  it('asks the bare form without anything around it', () => {
    const task = sums({ bare: true, maxOperand: 9 })
    for (const problem of task.problems) {
      assert.match(problem.question, /^[1-9]\+[1-9]=$/)
      assert.equal(task.prompt(problem, null).text, problem.question)
    }
    const shown = sums({ bare: true, maxOperand: 9, shots: 1 })
    assert.match(shown.prompt(shown.problems[0]!, null).text, /^\d\+\d=\d+\n\d\+\d=$/)
  })

  it('refuses options out of range', () => {
    for (const maxOperand of [0, 1.5, 10_000]) assert.throws(() => sums({ maxOperand }), ConfigError)
    assert.throws(() => sums({ limit: 0 }), ConfigError)
    assert.throws(() => sums({ minOperand: 50 }), ConfigError)
    assert.throws(() => sums({ minOperand: 10 }), /leave no train problem/)
    assert.throws(() => sums({ operations: [] }), /must be a list of add, subtract/)
    assert.throws(() => sums({ operations: ['multiply' as 'add'] }), /operations is \["multiply"\]/)
    assert.throws(() => sums({ operations: 'add' as unknown as ['add'] }), ConfigError)
    assert.throws(() => sums({ shots: -1 }), ConfigError)
    assert.throws(() => sums({ maxOperand: 9, shots: 100 }), /leave no train problem/)
  })
})
