import assert from 'node:assert/strict'
import path from 'node:path'
import { ConfigError } from '../../src/errors.js'
import { sums } from '../../src/tasks/generators/sums.js'
import { loadTask, taskNames } from '../../src/tasks/loadTask.js'

const data = path.join(import.meta.dirname, '../fixtures/gsm8k')

describe('loadTask', () => {
  it('loads a task by its name with its options', async () => {
    const task = await loadTask('gsm8k', { data, split: 'test', limit: 1, seed: 3, shots: 1, systemPrompt: null })
    assert.equal(task.systemPrompt, null)
    assert.deepEqual(
      task.problems.map(({ id }) => id),
      ['gsm8k/test/1'],
    )
    const small = await loadTask('sums', { seed: 3, maxOperand: 9, bare: true, data: undefined })
    assert.deepEqual(small.problems, sums({ seed: 3, maxOperand: 9, bare: true }).problems)
  })

  it('gives every task its name', async () => {
    for (const name of taskNames) {
      if (['math', 'file', 'humaneval', 'humaneval-js'].includes(name)) continue
      assert.equal((await loadTask(name, name === 'gsm8k' ? { data } : { limit: 5 })).name, name)
    }
  })

  it('refuses an unknown name, listing the known ones', async () => {
    await assert.rejects(loadTask('gsm9k'), (error) => {
      assert.ok(error instanceof ConfigError)
      const known = `known tasks: ${taskNames.join(', ')}, or the file of a module such as ./my-task.mjs`
      assert.equal(error.message, `unknown task 'gsm9k' (did you mean gsm8k?); ${known}`)
      return true
    })
    await assert.rejects(loadTask('sudoku'), /unknown task 'sudoku'; known tasks/)
    await assert.rejects(loadTask('constructor'), ConfigError)
  })

  it('refuses what a task does not take or lacks', async () => {
    await assert.rejects(loadTask('arithmetic', { data }), /task arithmetic takes no option 'data'; it takes: split,/)
    await assert.rejects(loadTask('gsm8k', { data, bare: true }), /takes no option 'bare'/)
    await assert.rejects(loadTask('humaneval-js'), /task humaneval-js needs data/)
    await assert.rejects(
      loadTask('arithmetic', { split: 'validation' as 'test' }),
      /split: expected one of train, test, got 'validation'/,
    )
  })
})
