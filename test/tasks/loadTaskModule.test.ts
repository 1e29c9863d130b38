import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, DataError } from '../../src/errors.js'
import { loadTask } from '../../src/tasks/loadTask.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('tasks/loadTaskModule', () => {
  const inFolder = useTemporaryFolder()

  const write = (code: string): string => {
    const file = inFolder(`task-${Math.random()}.mjs`)
    fs.writeFileSync(file, code)
    return file
  }

  it('takes a function of the options, and asks as other tasks do', async () => {
    const file = path.resolve(import.meta.dirname, '../fixtures/modules/sums-task.mjs')
    const task = await loadTask(file, { split: 'test', limit: 2 })
    assert.deepEqual(
      task.problems.map(({ id, answer }) => [id, answer]),
      [
        ['sums/test/1', '2'],
        ['sums/test/2', '4'],
      ],
    )
    assert.equal(task.prompt(task.problems[0]!, null).text, 'Question: 1+1=\nAnswer:')
  })

  it('refuses a prompt function that returns no prompt', async () => {
    for (const prompt of ["'text'", '{ text: "a" }', '{ text: "a", ids: ["a"] }', 'null', 'Promise.resolve({})']) {
      const file = write(
        `export default { name: 'a', problems: [{ id: 'a', question: 'a', answer: 'a' }], prompt: () => (${prompt}) }`,
      )
      const task = await loadTask(file)
      assert.throws(
        () => task.prompt(task.problems[0]!, null),
        /the prompt function of .* returned .*; expected \{ text,/,
      )
    }
  })

  it('takes a task as it is, with its own prompt', async () => {
    const file = write(
      `const problems = ['a', 'b', 'c'].map((id) => ({ id, question: id, answer: id }))
       export default { name: 'letters', problems, prompt: ({ question }) => ({ text: question + '?', ids: [] }) }`,
    )
    const task = await loadTask(file, { limit: 2, seed: 3 })
    assert.equal(task.problems.length, 2)
    assert.equal(task.prompt(task.problems[1]!, null).text, 'b?')
    await assert.rejects(loadTask(file, { split: 'test' }), /export a function of \{ split \}/)
  })

  it('refuses what is no task, and says what is wrong', async () => {
    const cases: [string, typeof ConfigError | typeof DataError, RegExp][] = [
      ['export const task = 1', ConfigError, /exports undefined; expected a task/],
      ['export default {', ConfigError, /cannot be loaded/],
      ['export default { name: "x", problems: [{ id: "a", question: "q" }] }', DataError, /problem 0 is/],
      [
        'const one = { id: "a", question: "q", answer: "1" }; export default { name: "x", problems: [one, one] }',
        DataError,
        /id 'a' is there twice/,
      ],
    ]
    for (const [code, type, message] of cases) {
      await assert.rejects(loadTask(write(code)), (error) => error instanceof type && message.test(error.message), code)
    }
    await assert.rejects(loadTask(inFolder('none.mjs')), /none\.mjs does not exist/)
  })
})
