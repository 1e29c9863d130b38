import assert from 'node:assert/strict'
import { exportTargets } from '../../src/export/targets.js'
import { trainConfigSchema } from '../../src/grpo/config/trainConfig.js'
import { snakeCase } from '../../src/options/names.js'
import { planOf } from './exportFixture.js'

/** What a run needs to be taken by an engine that lacks one of our defaults. */
const accepted = { trl: {}, verl: { lrSchedulerType: 'cosine' }, openrlhf: { usePeft: false } }

describe('the targets of exports', () => {
  it('refuse rewards whose names they keep something else by, where they keep completions', async () => {
    const plan = await planOf(accepted.verl)
    const named = (name: string): typeof plan => ({ ...plan, rewards: [{ name, weight: 1 }] })
    const [trl, verl] = exportTargets
    assert.throws(
      () => trl!.files(named('completion_length')),
      /rewards: TRL keeps something else by the name comp.*option as/,
    )
    assert.throws(() => verl!.files(named('score')), /rewards: verl keeps something else by the name score/)
  })

  for (const target of exportTargets) {
    describe(target.name, () => {
      it('says of every option of a run what becomes of it, and why where that is another thing', async () => {
        const { options } = target.files(await planOf(accepted[target.name]))
        assert.deepEqual(
          options.map(({ option }) => option),
          Object.keys(trainConfigSchema.shape).map(snakeCase),
        )
        for (const { option, outcome, there, reason } of options) {
          if (outcome !== 'carried') assert.notEqual(reason, '', option)
          if (outcome === 'left out') assert.equal(there, '', option)
        }
      })

      it('evaluates what comes back against the model of the folder', async () => {
        const { comesBack } = target.files(await planOf(accepted[target.name]))
        assert.match(comesBack, /^npx grpo-ts eval \. --adapter output/m)
        assert.doesNotMatch(comesBack, /--model|--task/)
      })

      it('pins what it needs, checks prompts and trains in the place of the shell', async () => {
        const { requirements, files, trainCommand } = target.files(await planOf(accepted[target.name]))
        for (const requirement of requirements) assert.match(requirement, /^[\w.[\],-]+==[\w.]+$/)
        assert.ok('check_prompts.py' in files)
        assert.match(trainCommand, /\bexec /)
      })

      it('refuses all that it cannot do at once', async () => {
        const plan = await planOf({ difficultyPools: true, evalStrategy: 'steps', loadBestModelAtEnd: true })
        assert.throws(
          () => target.files(plan),
          (error: Error) => {
            assert.equal(error.name, 'ConfigError')
            assert.match(error.message, /difficulty_pools: .*\n.*load_best_model_at_end: /s)
            return true
          },
        )
      })
    })
  }
})
