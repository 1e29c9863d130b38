import assert from 'node:assert/strict'
import { gradeOf } from '../../src/grading/gradeOf.js'
import { answerStyles } from '../../src/pretrain/answers.js'
import { drawOrdering, drawSmallProgram, writeExercise } from '../../src/pretrain/exercises.js'
import type { Exercise } from '../../src/pretrain/exercises.js'
import { orderings } from '../../src/tasks/generators/orderings.js'
import { smallPrograms } from '../../src/tasks/generators/smallPrograms.js'
import { Draw } from '../../src/tasks/generators/wordProblems/draw.js'

const NO_SLIPS = { answer: 0, calculation: 0, steps: 0, checked: 0 }

const tasks = { orderings, smallPrograms }
const draws = { orderings: drawOrdering, smallPrograms: drawSmallProgram }

/** Tests for programs that do the same as an expression of x. */
function testsOf(expression: string): string {
  return `for (const x of [-7, -1, 0, 2, 5, 11]) if (f(x) !== ${expression}) throw new Error('another function')`
}

for (const name of ['orderings', 'smallPrograms'] as const) {
  describe(`pretrain/exercises: ${name}`, () => {
    const [template] = tasks[name]({ limit: 1 }).problems
    const grades = async ({ question, answer: gold }: Exercise, answer: string): Promise<boolean> => {
      const expression = /return (.*) \}/.exec(gold)?.[1]
      const problem = expression
        ? { ...template!, question, columns: { ...template!.columns, tests: testsOf(expression) } }
        : { ...template!, question, answer: gold.slice('#### '.length) }
      return (await gradeOf(answer, problem)).correct
    }

    it('gives the right answer in every style when there are no slips', async () => {
      const draw = new Draw(1)
      for (let i = 0; i < 40; i++) {
        const exercise = draws[name](draw, 'train')
        for (const style of answerStyles) {
          const answer = writeExercise(draw, exercise, style, NO_SLIPS)
          assert.ok(answer.endsWith(exercise.answer))
          assert.ok(await grades(exercise, answer), `${exercise.question}\n${answer}`)
          const marks = { answer: 0, calculation: 0, steps: 1, checked: 2 }[style]
          const lines = answer.match(/^(?:First|Then|Next|Last|Check): .*\.$/gm) ?? []
          assert.equal(lines.length, marks * exercise.steps.length, answer)
          assert.equal(answer.startsWith('<think>\n'), marks > 0)
        }
      }
    })

    it('repairs every slip in the checked style, and says so', () => {
      const draw = new Draw(2)
      for (let i = 0; i < 100; i++) {
        const exercise = draws[name](draw, 'train')
        const answer = writeExercise(draw, exercise, 'checked', { ...NO_SLIPS, checked: 1 })
        assert.ok(answer.endsWith(`</think>\n${exercise.answer}`), answer)
        assert.equal(answer.match(/Wait, it is/g)?.length, exercise.steps.length, answer)
      }
    })

    it('gives another answer by a slip, which the grader calls wrong', async () => {
      const draw = new Draw(3)
      for (let i = 0; i < 60; i++) {
        const exercise = draws[name](draw, 'train')
        const answer = writeExercise(draw, exercise, 'answer', { ...NO_SLIPS, answer: 1 })
        assert.notEqual(answer, exercise.answer)
        assert.equal(await grades(exercise, answer), false, `${exercise.question}\n${answer}`)
      }
    })

    it('carries slips on to the answer when the steps are not looked at again', () => {
      const draw = new Draw(4)
      let wrong = 0
      for (let i = 0; i < 400; i++) {
        const exercise = draws[name](draw, 'train')
        if (!writeExercise(draw, exercise, 'steps', { ...NO_SLIPS, steps: 0.25 }).endsWith(exercise.answer)) wrong++
      }
      assert.ok(wrong > 100 && wrong < 260, String(wrong))
    })

    it('draws from the split alone', () => {
      const heldOut = new Set(tasks[name]({ split: 'test', limit: 400 }).problems.map(({ question }) => question))
      const draw = new Draw(5)
      for (let i = 0; i < 3000; i++) assert.ok(!heldOut.has(draws[name](draw, 'train').question))
      assert.ok(Array.from({ length: 3000 }, () => draws[name](draw, 'test').question).some((q) => heldOut.has(q)))
    })
  })
}
