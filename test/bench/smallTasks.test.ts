import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { fillPage } from '../../bench/quickstart/markdown.js'
import { smallTasks } from '../../bench/smallTasks/measure.js'
import { smallTasksTable } from '../../bench/smallTasks/table.js'
import { taskNames } from '../../src/tasks/loadTask.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

const answered = { greedy: 0.5, sampled: 0.456, steps: 0.61, tokens: 10.4 }

describe('bench/smallTasks', () => {
  const at = useTemporaryFolder()

  it('measures tasks that there are', () => {
    for (const name of smallTasks) assert.ok(taskNames.includes(name), name)
  })

  it('writes the model before and all seeds after training into its place in docs/tasks.md', () => {
    const trained = [1, 0.98].map((greedy) => ({ ...answered, greedy, seconds: 12.3 }))
    const table = smallTasksTable([{ task: 'orderings', base: answered, trained }])
    assert.match(table, /\| `orderings`, base \| 50\.0 % \| 45\.6 % \| 0\.6 \| 10 \|/)
    assert.match(table, /\| `orderings`, trained \| 100\.0, 98\.0 % \| 45\.6, 45\.6 % \| 0\.6, 0\.6 \| 10, 10 \|/)
    const page = path.resolve(import.meta.dirname, '../../docs/tasks.md')
    fs.copyFileSync(page, at('tasks.md'))
    const lines = (text: string): number => text.split('\n').length
    fillPage(at('tasks.md'), '', [{ name: 'small-tasks', heading: 'Another place', body: table }], 'bench:small-tasks')
    const filled = fs.readFileSync(at('tasks.md'), 'utf8')
    assert.ok(filled.includes(`bench:small-tasks -->\n\n${table}\n\n<!-- end -->`))
    assert.ok(!filled.includes('Another place'))
    assert.ok(lines(filled) <= lines(fs.readFileSync(page, 'utf8')) + lines(table) + 4)
  })
})
