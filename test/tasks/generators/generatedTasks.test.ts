import assert from 'node:assert/strict'
import { ConfigError } from '../../../src/errors.js'
import { grade } from '../../../src/grading/number.js'
import { arithmetic } from '../../../src/tasks/generators/arithmetic.js'
import { chainSum } from '../../../src/tasks/generators/chainSum.js'
import { countdown } from '../../../src/tasks/generators/countdown.js'
import type { GeneratorOptions, ProblemGenerator } from '../../../src/tasks/generators/generatedTask.js'
import { knightsGenerator } from '../../../src/tasks/generators/knights/knightsGenerator.js'
import { generatedTask } from '../../../src/tasks/generators/generatedTask.js'
import { syllogism } from '../../../src/tasks/generators/syllogism.js'
import type { Task } from '../../../src/tasks/task.js'

const knights = (options: GeneratorOptions): Task => generatedTask(knightsGenerator, options)
const tasks = { arithmetic, chainSum, countdown, knights, syllogism }

for (const [name, make] of Object.entries(tasks)) {
  describe(`generated task: ${name}`, () => {
    it('gives the same problems for the same seed, others for another one, the first ones whatever the limit', () => {
      const { problems } = make({ limit: 30, seed: 5 })
      assert.deepEqual(make({ limit: 30, seed: 5 }).problems, problems)
      assert.deepEqual(make({ limit: 7, seed: 5 }).problems, problems.slice(0, 7))
      const others = new Set(make({ limit: 30, seed: 6 }).problems.map(({ id }) => id))
      assert.ok(problems.filter(({ id }) => others.has(id)).length < 15)
      assert.equal(new Set(problems.map(({ id }) => id)).size, 30)
      assert.equal(new Set(problems.map(({ question }) => question)).size, 30)
    })

    it('grades its own solutions as right, in every form, and those of other answers as wrong', async () => {
      for (const reasoningFormat of ['gsm8k', 'think', 'boxed'] as const) {
        const { problems } = make({ limit: 40, reasoningFormat })
        for (const [i, problem] of problems.entries()) {
          const grader = problem.grader ?? grade
          if (reasoningFormat !== 'boxed' || problem.grader) {
            assert.equal((await grader(problem.solution!, problem)).correct, true, problem.solution)
          }
          const other = problems.slice(i + 1).find(({ answer }) => answer !== problem.answer)
          if (other) assert.equal((await grader(other.solution!, problem)).correctLenient, false, problem.solution)
          for (const empty of ['', problem.question, '#### ', '<answer></answer>']) {
            assert.equal((await grader(empty, problem, problem.question)).correctLenient, false, empty)
          }
        }
      }
    })

    it('has problems of the difficulty that is asked for, and says which there are', () => {
      const { easiest, hardest } = levels[name as keyof typeof levels]
      for (let difficulty = easiest; difficulty <= hardest; difficulty++) {
        const { problems } = make({ limit: 3, difficulty })
        assert.deepEqual(new Set(problems.map((problem) => problem.difficulty)), new Set([difficulty]))
      }
      for (const difficulty of [easiest - 1, hardest + 1, [2, hardest + 1] as const, [3, 2] as const, 1.5]) {
        assert.throws(() => make({ difficulty }), ConfigError)
      }
    })

    it('gives worked examples that are none of the problems', () => {
      const task = make({ limit: 50, shots: 2 })
      const { text } = task.prompt(task.problems[0]!, null)
      assert.equal(text.match(/^Question: /gm)?.length, 3)
      assert.equal(text.match(/^#### /gm)?.length, 2)
      for (const problem of task.problems.slice(1)) assert.ok(!text.includes(problem.question))
      assert.ok(task.systemPrompt?.includes('####'))
    })
  })
}

const levels = {
  arithmetic: { easiest: 1, hardest: 8 },
  chainSum: { easiest: 1, hardest: 9 },
  countdown: { easiest: 2, hardest: 6 },
  knights: { easiest: 2, hardest: 8 },
  syllogism: { easiest: 1, hardest: 3 },
}

/** What makes a problem the same, worked out from its text alone. */
const signatures: Record<keyof typeof tasks, (problem: Task['problems'][0]) => string> = {
  arithmetic: ({ solution }) => solution!.match(/\d+ [-+*/] \d+ =/g)!.join(' '),
  chainSum: ({ question }) => question.replace(/- /g, '-').match(/-?\d+/g)!.toSorted().join(' '),
  countdown: ({ question }) => question.split(' each exactly')[0]!.match(/\d+/g)!.toSorted().join(' '),
  knights: ({ columns }) => JSON.stringify(columns?.claims),
  syllogism: ({ columns }) => JSON.stringify(columns),
}

describe('splits of generated tasks', () => {
  for (const [name, make] of Object.entries(tasks)) {
    it(`never share a problem: ${name}`, () => {
      const signature = signatures[name as keyof typeof tasks]
      const trained = new Set<string>()
      for (const seed of [0, 1])
        for (const problem of make({ seed, limit: 300 }).problems) trained.add(signature(problem))
      const held = make({ split: 'test', seed: 1, limit: 100 }).problems
      assert.equal(held.length, 100)
      for (const problem of held) assert.ok(!trained.has(signature(problem)), problem.question)
    })
  }

  it('refuse more problems than there are', () => {
    const dice: ProblemGenerator = {
      name: 'dice',
      instruction: '',
      answerHint: '',
      easiest: 1,
      hardest: 1,
      defaultDifficulty: [1, 1],
      draw(random) {
        const answer = String(random.int(1, 6))
        return { key: answer, question: `What is ${answer}?`, answer, steps: '' }
      },
    }
    assert.throws(() => generatedTask(dice, { limit: 7 }), /dice has only about \d different train problems/)
    const { problems } = generatedTask(dice, { limit: 2 })
    assert.deepEqual(problems[0], { ...problems[0], solution: `#### ${problems[0]!.answer}`, difficulty: 1 })
  })
})

describe('arithmetic', () => {
  it('works every step out right, from numbers that it knows, up to the answer', () => {
    for (const problem of arithmetic({ limit: 500, difficulty: [1, 8] }).problems) {
      const lines = problem.solution!.split('\n')
      const known = new Set(problem.question.match(/\d+/g)!.map(Number))
      // Words that stand for numbers, such as twice or the legs of a cow.
      for (const word of [1, 2, 3, 4, 5, 100]) known.add(word)
      let last = NaN
      for (const line of lines.slice(0, -1)) {
        const [, left, operator, right, result] = /(\d+) ([-+*/]) (\d+) = (\d+)/.exec(line)!
        const [a, b, c] = [left, right, result].map(Number) as [number, number, number]
        assert.equal({ '+': a + b, '-': a - b, '*': a * b, '/': a / b }[operator as '+'], c, line)
        assert.ok(known.has(a) && known.has(b), `${problem.question}\n${line}`)
        known.add(c)
        last = c
      }
      assert.equal(lines.at(-1), `#### ${last}`)
      assert.equal(problem.answer, String(last))
      assert.equal(lines.length - 1, problem.difficulty)
      assert.doesNotMatch(problem.question, /[.?!] [a-z]|undefined|NaN|\$\{/)
      assert.match(problem.question, /\?$/)
    }
  })
})
