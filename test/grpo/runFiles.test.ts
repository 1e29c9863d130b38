import assert from 'node:assert/strict'
import fs from 'node:fs'
import { selectEngine } from '../../src/engine/registry.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { withPolicy } from './tinyTask.js'

describe('grpo/runFiles', () => {
  const inFolder = useTemporaryFolder()
  before(() => selectEngine('cpu'))

  it('writes event files for TensorBoard when asked to, a new one for each part of a run', async () => {
    await withPolicy(async ({ trainerOf }) => {
      const trainer = trainerOf({ outputDir: inFolder('run') }, { maxSteps: 3, reportTo: ['tensorboard'] })
      for await (const { step } of trainer) if (step === 2) break
      await trainer.train()
      const files = fs.readdirSync(inFolder('run', 'tensorboard')).sort()
      assert.equal(files.length, 2)
      const [first, second] = files.map((file) => fs.readFileSync(inFolder('run', 'tensorboard', file), 'latin1'))
      for (const tag of ['train/reward', 'train/grad_norm/q_proj', 'train/completions/mean_length']) {
        assert.equal(first!.split(`${tag}\x15`).length - 1, 2, tag)
        assert.equal(second!.split(`${tag}\x15`).length - 1, 1, tag)
      }
      await trainerOf({ outputDir: inFolder('other') }, { maxSteps: 1 }).train()
      assert.ok(!fs.existsSync(inFolder('other', 'tensorboard')))
    })
  })
})
