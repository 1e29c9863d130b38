import assert from 'node:assert/strict'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { ConfigError } from '../../src/errors.js'
import { parseGRPOConfig } from '../../src/grpo/config/config.js'
import { evaluatePolicy } from '../../src/grpo/validation.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { correctness, format, gate, loadReward, rewardFunction, workerReward } from '../../src/rewards/index.js'
import { correctnessJudge, judgedCorrect } from '../../src/rewards/judge.js'
import { loadRewards } from '../../src/rewards/loadReward.js'
import { asRewardFunction } from '../../src/rewards/rewardCallback.js'
import { wordProblems } from '../../src/tasks/generators/wordProblems/wordProblems.js'

const module = path.relative('', path.resolve(import.meta.dirname, '../fixtures/modules/length-reward.mjs'))

describe('the reward that judges correctness', () => {
  it('says so itself, and nothing goes by its name', async () => {
    const mine = rewardFunction(() => 1, { name: 'mine', judges: 'correctness' })
    const named = rewardFunction(() => 1, { name: 'correctness_looks_accurate' })
    assert.equal(correctnessJudge([named, mine]), mine)
    assert.equal(correctnessJudge([named]), null)
    assert.equal(correctnessJudge(await loadRewards(['self_correction', 'partial_credit', 'format']))?.name, undefined)
    assert.equal(correctnessJudge(await loadRewards(['self_correction', 'correctness']))?.name, 'correctness')
    const trl = rewardFunction(() => 1, { name: 'accuracy_reward' })
    assert.equal(correctnessJudge([named, trl]), trl)
    assert.equal(correctnessJudge([trl, mine]), mine)
    assert.equal(gate(correctness(), { when: format() }).judges, 'correctness')
    assert.equal(gate(format(), { when: correctness() }).judges, undefined)
  })

  it('may be a module, also in a thread of its own', async () => {
    for (const spec of [`${module}?judges=correctness`, `${module}?judges=correctness&worker=true`]) {
      assert.equal((await loadReward(spec)).judges, 'correctness', spec)
    }
    assert.equal((await loadReward({ name: module, judges: 'correctness' })).judges, 'correctness')
    assert.equal((await loadReward(module)).judges, undefined)
    assert.equal(workerReward(module, { judges: 'correctness' }).judges, 'correctness')
    await assert.rejects(loadReward(`${module}?judges=form`), ConfigError)
    assert.throws(() => asRewardFunction({ ...correctness(), judges: 'form' as 'correctness' }), /judges .* is 'form'/)
  })

  it('is above 0 for right answers; without one, nothing is known', () => {
    const values = [[1, 0], [-1, 1], [0.5, null], [null, 1]] // prettier-ignore
    assert.deepEqual(judgedCorrect([correctness(), format()], values), [true, false, true, null])
    assert.deepEqual(judgedCorrect([format(), correctness()], values), [false, true, null, true])
    assert.deepEqual(judgedCorrect([format(), format()], values), [null, null, null, null])
  })
})

describe('eval_accuracy', () => {
  before(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  it('is the same wherever the reward that judges correctness stands, and absent where none does', async () => {
    const model = await loadModel(path.resolve(import.meta.dirname, '../../checkpoints/word-problems-2m'))
    try {
      const task = wordProblems({ split: 'test', limit: 40 })
      const evaluated = async (...names: string[]): Promise<number | undefined> => {
        const config = parseGRPOConfig({ maxCompletionLength: 96 })
        return (await evaluatePolicy(model, task, await loadRewards(names), config)).eval_accuracy
      }
      const first = await evaluated('correctness', 'self_correction')
      assert.ok(first! > 0.3 && first! < 0.9, String(first))
      assert.equal(await evaluated('self_correction', 'correctness'), first)
      assert.equal(await evaluated('self_correction', 'partial_credit'), undefined)
    } finally {
      model.dispose()
    }
  })
})
