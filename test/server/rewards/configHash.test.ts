import assert from 'node:assert/strict'
import fs from 'node:fs'
import { parseTrainConfig } from '../../../src/grpo/config/trainConfig.js'
import { rewardsHash } from '../../../src/server/rewards/configHash.js'
import { defineTask } from '../../../src/tasks/defineTask.js'
import type { Task } from '../../../src/tasks/task.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'

describe('server/rewards/configHash', () => {
  const inFolder = useTemporaryFolder()
  const problem = { id: 'a', question: '1 + 1', answer: '2', columns: { test: 'x', large: 1n } }
  const taskOf = (changes: object): Task => defineTask({ name: 'own', problems: [{ ...problem, ...changes }] })
  const hash = (config: object, task = taskOf({})): string =>
    rewardsHash(parseTrainConfig({ model: 'm', task: 'word-problems', ...config }), task)

  it('changes with all that decides what completions are worth, and with nothing else', () => {
    const all = [
      hash({}),
      hash({ rewards: ['correctness'] }),
      hash({ rewards: ['format:0.2', 'correctness'] }),
      hash({ reward_weights: [1, 2] }),
      hash({ seed: 7 }),
      hash({ max_completion_length: 77 }),
      hash({ task: 'countdown' }),
      hash({}, taskOf({ id: 'b' })),
      hash({}, taskOf({ answer: '3' })),
      hash({}, taskOf({ columns: { test: 'y', large: 1n } })),
      hash({}, taskOf({ answerForm: 'think' })),
    ]
    assert.equal(new Set(all).size, all.length)
    for (const value of all) assert.match(value, /^[0-9a-f]{64}$/)
    for (const same of [{ learning_rate: 1 }, { output_dir: 'x' }, { model: 'other' }]) assert.equal(hash(same), all[0])
  })

  it('goes by what own modules say, wherever they lie', () => {
    const write = (name: string, text: string): string => {
      fs.mkdirSync(inFolder(name))
      fs.writeFileSync(inFolder(name, 'own.mjs'), text)
      return inFolder(name, 'own.mjs')
    }
    const [a, b, c] = [
      write('a', 'export default () => 1'),
      write('b', 'export default () => 1'),
      write('c', 'export default () => 2'),
    ]
    for (const reward of [
      (file: string): unknown => file,
      (file: string): unknown => `${file}:0.5?as=x`,
      (file: string): unknown => ({ name: file, weight: 2 }),
      (file: string): unknown => ({ name: 'format', when: file }),
    ]) {
      assert.equal(hash({ rewards: [reward(a)] }), hash({ rewards: [reward(b)] }))
      assert.notEqual(hash({ rewards: [reward(a)] }), hash({ rewards: [reward(c)] }))
    }
    assert.equal(hash({ task: a }), hash({ task: b }))
    assert.notEqual(hash({ task: a }), hash({ task: c }))
  })
})
