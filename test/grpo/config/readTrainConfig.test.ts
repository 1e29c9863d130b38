import assert from 'node:assert/strict'
import fs from 'node:fs'
import { readTrainConfig } from '../../../src/grpo/config/readTrainConfig.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'

describe('readTrainConfig', () => {
  const at = useTemporaryFolder()

  beforeEach(() => {
    for (const name of ['model', 'modules', 'task']) fs.mkdirSync(at(name))
    for (const name of ['modules/short.mjs', 'task/rows.csv']) fs.writeFileSync(at(name), '')
    fs.writeFileSync(
      at('config.yaml'),
      'model: ./model\ntask: file\ndata: ./task/rows.csv\nrewards: [correctness, ./modules/short.mjs:0.5, ./elsewhere.mjs]\n',
    )
  })

  for (const [what, name] of [
    ['a folder', ''],
    ['a file', 'config.yaml'],
  ] as const) {
    it(`takes paths of ${what} from beside it where they are there, whatever the current folder is`, () => {
      const { run, task } = readTrainConfig(at(name))
      assert.equal(run.model, at('model'))
      assert.equal(run.data, at('task/rows.csv'))
      assert.equal(task.data, at('task/rows.csv'))
      assert.deepEqual(run.rewards, ['correctness', `${at('modules/short.mjs')}:0.5`, './elsewhere.mjs'])
    })
  }

  it('leaves paths of flags as they are', () => {
    const { run } = readTrainConfig(at('config.yaml'), { model: './model', maxSteps: 7 })
    assert.equal(run.model, './model')
    assert.equal(run.maxSteps, 7)
  })
})
