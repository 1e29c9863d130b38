import assert from 'node:assert/strict'
import { ConfigError } from '../../../src/errors.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'
import { tinyTask, withPolicy } from '../tinyTask.js'

describe('a run whose data has changed', () => {
  const all = tinyTask(5)
  const repaired = { ...all, problems: all.problems.map((one, i) => (i === 2 ? { ...one, answer: '44' } : one)) }
  const fewer = { ...all, problems: all.problems.filter((_, i) => i !== 2) }

  for (const [what, task] of Object.entries({ repaired, fewer })) {
    for (const steps of [1, 2]) {
      it(`goes on after step ${steps} only when that is asked for: ${what}`, () =>
        withPolicy(async ({ trainerOf }) => {
          const outputDir = temporaryFolder()
          // Each generation batch is trained on in two steps, so that a checkpoint may lie within one.
          const config = { maxSteps: 5, saveSteps: 1, stepsPerGeneration: 2, difficultyPools: true }
          for await (const { step } of trainerOf({ task: all, outputDir }, config)) if (step === steps) break
          assert.throws(
            () => trainerOf({ task, outputDir, resume: true }, config),
            (error) => error instanceof ConfigError && error.message.includes('--accept-changed-data'),
          )
          const warnings: string[] = []
          const trainer = trainerOf(
            { task, outputDir, resume: true, acceptChangedData: true, onWarning: (message) => warnings.push(message) },
            config,
          )
          assert.equal(trainer.step, steps)
          assert.equal((await trainer.train()).length, 5 - steps)
          assert.match(warnings.join(), /goes on with changed data: 5 problems.* now/)
          // Other differences are refused all the same.
          assert.throws(
            () => trainerOf({ task: all, outputDir, resume: true, acceptChangedData: true }, { ...config, seed: 9 }),
            /seed was 1 and is now 9/,
          )
        }))
    }
  }
})
