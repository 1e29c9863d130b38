import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { loadEvalTask } from '../../src/cli/run/heldOutEvaluation.js'
import { parseTrainConfig } from '../../src/grpo/config/trainConfig.js'
import { configWarnings } from '../../src/grpo/config/rules.js'
import { loadTask } from '../../src/tasks/loadTask.js'
import type { WordProblem } from '../../src/tasks/generators/wordProblems/wordProblems.js'
import { readConfigFile } from '../../src/run/configFile.js'

const root = path.resolve(import.meta.dirname, '../..')
const names = fs.readdirSync(path.join(root, 'recipes')).filter((name) => name.endsWith('.yaml'))
const configOf = (name: string, flags: Record<string, unknown> = {}): ReturnType<typeof parseTrainConfig> =>
  parseTrainConfig(readConfigFile(path.join(root, 'recipes', name)), flags)

describe('recipes', () => {
  const documentation = fs.readFileSync(path.join(root, 'docs/recipes.md'), 'utf8')

  for (const name of names) {
    it(`${name} has options that go together, and is in docs/recipes.md`, () => {
      const config = configOf(name)
      assert.deepEqual(configWarnings(config.grpo), [])
      assert.ok(config.run.doEval)
      assert.equal(config.run.outputDir, path.join('runs', path.parse(name).name))
      const text = fs.readFileSync(path.join(root, 'recipes', name), 'utf8')
      assert.match(text, new RegExp(`npx grpo-ts train recipes/${name}`))
      const row = documentation.split('\n').find((line) => line.startsWith('|') && line.includes(`recipes/${name}`))
      assert.ok(row, 'a row of the table in docs/recipes.md')
      // What nobody has run says so in both places.
      const isMeasured = !text.includes('NOT YET MEASURED')
      assert.equal(row.includes('not yet measured'), !isMeasured)
      if (name.endsWith('-gpu.yaml')) assert.ok(!isMeasured)
    })
  }

  it('train on none of the calculations of their held-out problems', async () => {
    for (const seed of [1, 2, 3]) {
      const sums = configOf('smollm2-135m-cpu.yaml', { seed })
      const facts = ({ question }: { question: string }): string => {
        const [, left, operator, right] = /(\d+) ([+-]) (\d+)/.exec(question)!
        const first = operator === '+' ? Number(left) : Number(left) - Number(right)
        return [first, Number(right)].sort((a, b) => a - b).join('+')
      }
      const task = await loadTask(sums.run.task, sums.task)
      const heldOut = (await loadEvalTask(sums, task))!.problems
      const trained = new Set(task.problems.map(facts))
      assert.deepEqual(
        heldOut.map(facts).filter((fact) => trained.has(fact)),
        [],
      )
      // Every seed is measured on the same questions.
      assert.ok(heldOut.length > 100)

      const words = configOf('smollm2-135m-word-problems-cpu.yaml', { seed })
      const chain = (problem: unknown): string => JSON.stringify((problem as WordProblem).calculations)
      const wordTask = await loadTask(words.run.task, words.task)
      const chains = new Set(wordTask.problems.map(chain))
      const others = (await loadEvalTask(words, wordTask))!.problems
      assert.equal(others.length, words.run.evalLimit)
      assert.deepEqual(
        others.map(chain).filter((value) => chains.has(value)),
        [],
      )
    }
  })
})
