import assert from 'node:assert/strict'
import { runInThisContext } from 'node:vm'
import { gradeOf } from '../../../src/grading/gradeOf.js'
import {
  applied,
  argument,
  drawOperations,
  needsParentheses,
  resultOf,
} from '../../../src/tasks/generators/smallPrograms/operations.js'
import { smallPrograms } from '../../../src/tasks/generators/smallPrograms.js'
import { Draw } from '../../../src/tasks/generators/wordProblems/draw.js'
import { loadTask } from '../../../src/tasks/loadTask.js'

/** What a question asks to be done with a number, read from its words. */
function asked(question: string, x: number): number {
  const words = /(adds|takes|subtracts|multiplies|doubles|triples|squares)([^,.]*?)(?= and |[,.])/g
  return [...question.replace('takes x', '').matchAll(words)].reduce((value, [, verb, rest]) => {
    const number = Number(/\d+/.exec(rest!)?.[0])
    switch (verb) {
      case 'adds':
        return value + number
      case 'takes':
      case 'subtracts':
        return value - number
      case 'multiplies':
        return value * number
      case 'squares':
        return value ** 2
      default:
        return value * (verb === 'doubles' ? 2 : 3)
    }
  }, x)
}

/** The value of an expression of x. */
function valueOf(expression: string, x: number): number {
  return (runInThisContext(`(x) => ${expression}`) as (x: number) => number)(x)
}

describe('small programs', () => {
  it('ask in words for what their programs do, in few of them', () => {
    for (const { question, answer, difficulty } of smallPrograms({ limit: 500 }).problems) {
      const expression = /return (.*) \}$/.exec(answer)![1]!
      for (const x of [-5, 0, 4]) assert.equal(valueOf(expression, x), asked(question, x), question)
      assert.ok(question.split(' ').length < 40, question)
      assert.equal(expression.match(/[-+]|\*\*?/g)?.length, difficulty)
    }
  })

  it('put parentheses exactly where they are needed', () => {
    const draw = new Draw(1)
    let needed = 0
    for (let i = 0; i < 500; i++) {
      let expression = argument
      const operations = drawOperations(draw, 3)
      for (const [done, operation] of operations.entries()) {
        const other = applied(expression, operation, { withParentheses: !needsParentheses(expression, operation.kind) })
        const isNeeded = needsParentheses(expression, operation.kind)
        expression = applied(expression, operation)
        const points = [-3, 2, 5, 11]
        for (const x of points) {
          assert.equal(valueOf(expression.text, x), resultOf(operations.slice(0, done + 1), x), expression.text)
        }
        if (isNeeded) needed++
        const isSame = points.every((x) => valueOf(other.text, x) === valueOf(expression.text, x))
        assert.equal(isSame, !isNeeded, `${expression.text} and ${other.text}`)
      }
    }
    assert.ok(needed > 200)
  })

  it('grade programs by what they do, not by how they are written', async () => {
    const task = await loadTask('small-programs', { limit: 20, difficulty: 2 })
    assert.equal(task.systemPrompt, null)
    for (const problem of task.problems) {
      const { answer } = problem
      const expression = /return (.*) \}$/.exec(answer)![1]!
      const block = (program: string): string => `<think>\nFirst: x.\n</think>\n\`\`\`javascript\n${program}\n\`\`\``
      const right = [answer, `const f = (number) => {\n  const x = number\n  return ${expression}\n}`]
      for (const program of right) assert.equal((await gradeOf(block(program), problem)).correct, true, program)
      const wrong = await gradeOf(block(`function f(x) { return ${expression} + 1 }`), problem)
      assert.equal(wrong.correctLenient, false)
      assert.match(wrong.reason!, /f\(-9\) is .*, expected/)
      for (const program of [
        'function f(x) { return NaN }',
        'function g(x) { return x }',
        'function f(x) { return (x',
      ]) {
        assert.equal((await gradeOf(block(program), problem)).correctLenient, false, program)
      }
      assert.equal((await gradeOf(`<think>\n\`\`\`\n${answer}\n\`\`\`\n</think>\n#### 3`, problem)).correct, false)
    }
  })

  it('grade their own solutions as right in every form, and as wrong for another function', async () => {
    for (const reasoningFormat of ['gsm8k', 'code', 'think', 'bare'] as const) {
      const { problems } = smallPrograms({ limit: 10, reasoningFormat })
      for (const [i, problem] of problems.entries()) {
        assert.equal((await gradeOf(problem.solution!, problem)).correct, true, problem.solution)
        const other = problems.slice(i + 1).find(({ columns }) => columns!.tests !== problem.columns!.tests)
        if (other) assert.equal((await gradeOf(other.solution!, problem)).correctLenient, false, other.solution)
      }
    }
  })

  it('never ask in one split for a function of the other, however it is put', () => {
    const functionOf = ({ answer }: { readonly answer: string }): string => {
      const expression = /return (.*) \}$/.exec(answer)![1]!
      return [0, 1, 2, 3, 5, 8, 13].map((x) => valueOf(expression, x)).join(' ')
    }
    const trained = new Set(smallPrograms({ limit: 1000, seed: 2 }).problems.map(functionOf))
    for (const problem of smallPrograms({ split: 'test', limit: 200 }).problems) {
      assert.ok(!trained.has(functionOf(problem)), problem.question)
    }
  })

  it('may run as long as they are told', async () => {
    const { problems } = smallPrograms({ limit: 1, timeLimit: 300 })
    const grade = await gradeOf('```javascript\nfunction f(x) { for (;;) {} }\n```', problems[0]!)
    assert.match(grade.reason!, /time limit of 300 ms/)
  })
})
