import assert from 'node:assert/strict'
import { gradeOf } from '../../../src/grading/gradeOf.js'
import { orderings } from '../../../src/tasks/generators/orderings.js'
import { loadTask } from '../../../src/tasks/loadTask.js'

/** Every order of some people. */
function ordersOf(people: readonly string[]): string[][] {
  if (people.length === 0) return [[]]
  return people.flatMap((first) => ordersOf(people.filter((each) => each !== first)).map((rest) => [first, ...rest]))
}

const MORE = ['older', 'taller', 'faster', 'richer', 'heavier', 'stronger']
const MOST = ['oldest', 'tallest', 'fastest', 'richest', 'heaviest', 'strongest']

/** Who may be asked for, from the text alone, by a look at every order. */
function answersTo(question: string): Set<string> {
  const statements = [...question.matchAll(/(\w+) is (\w+) than (\w+)\./g)].map(([, first, relation, second]) =>
    MORE.includes(relation!) ? [first!, second!] : [second!, first!],
  )
  const asked = /Who is (?:the (\w+)|in the middle)\?$/.exec(question)!
  const possible = ordersOf([...new Set(statements.flat())]).filter((order) =>
    statements.every(([more, less]) => order.indexOf(more!) < order.indexOf(less!)),
  )
  return new Set(
    possible.map((order) =>
      asked[1] === undefined ? order[(order.length - 1) / 2]! : MOST.includes(asked[1]) ? order[0]! : order.at(-1)!,
    ),
  )
}

describe('orderings', () => {
  it('has one answer, which follows from the statements', () => {
    for (const split of ['train', 'test'] as const) {
      const { problems } = orderings({ limit: 300, split, difficulty: [1, 3] })
      for (const { question, answer, difficulty } of problems) {
        assert.deepEqual(answersTo(question), new Set([answer]), question)
        assert.equal(question.match(/ than /g)?.length, difficulty)
        assert.ok(question.split(' ').length < 40, question)
      }
    }
  })

  it('asks for the first, the last and the middle one about as often as it says', () => {
    const { problems } = orderings({ limit: 600, difficulty: 2 })
    const middle = problems.filter(({ question }) => question.includes('middle')).length
    const most = problems.filter(({ question }) => MOST.some((word) => question.includes(word))).length
    assert.ok(middle > 80 && middle < 170, String(middle))
    assert.ok(most > 180 && most < 300, String(most))
    assert.ok(orderings({ limit: 200, difficulty: 3 }).problems.every(({ question }) => !question.includes('middle')))
  })

  it('never asks in one split about the people of the other', () => {
    const peopleOf = (question: string): string =>
      [...new Set(question.match(/[A-Z]\w+/g))]
        .filter((word) => word !== 'Who')
        .toSorted()
        .join(' ')
    const trained = new Set(orderings({ limit: 1000, seed: 3 }).problems.map(({ question }) => peopleOf(question)))
    for (const { question } of orderings({ limit: 200, split: 'test' }).problems) {
      assert.ok(!trained.has(peopleOf(question)), question)
    }
  })

  it('has an order of everybody as its last step, and takes a name behind #### and the reasoning', async () => {
    const task = await loadTask('orderings', { limit: 50, difficulty: [1, 3] })
    assert.equal(task.systemPrompt, null)
    for (const problem of task.problems) {
      const steps = problem.solution!.split('\n')
      assert.equal(steps.length, problem.difficulty === 1 ? 2 : problem.difficulty! + 2)
      assert.match(steps.at(-2)!, /^\w+( > \w+){1,3}\.$/)
      const right = `<think>\nFirst: ${steps[0]!}\n</think>\n#### ${problem.answer}`
      assert.deepEqual(await gradeOf(right, problem), {
        correct: true,
        correctLenient: true,
        extracted: problem.answer,
      })
      const others = problem.question.match(/\w+(?= is )/g)!.filter((name) => name !== problem.answer && name !== 'Who')
      for (const name of others) {
        assert.equal(
          (await gradeOf(`<think>\n${problem.answer}\n</think>\n#### ${name}`, problem)).correctLenient,
          false,
        )
      }
      assert.equal((await gradeOf(`#### ${problem.answer} ${others[0]!}`, problem)).correctLenient, false)
    }
  })
})
