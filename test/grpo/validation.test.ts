import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { parseGRPOConfig } from '../../src/grpo/config/config.js'
import { compareWithBest } from '../../src/grpo/validation.js'
import type { BestEvaluation } from '../../src/grpo/validation.js'
import type { TrainingStep } from '../../src/grpo/step.js'
import { adapterValues } from '../fixtures/policies.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'
import { fractionOf, rewardOf, tinyTask, withPolicy } from './tinyTask.js'

describe('evaluation while training', () => {
  before(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  const evalTask = { ...tinyTask(3), name: 'held out' }
  const config = { evalStrategy: 'steps', evalSteps: 2, maxSteps: 5 } as const

  it('is a part of the metrics of the steps after which it is due, and changes nothing else', () =>
    withPolicy(async ({ base, policy, trainerOf }) => {
      const odd = rewardOf(({ ids }) => ids[0]! % 2, 'odd')
      const rewards = [fractionOf(7, 'correct_sevens'), { ...odd, weight: 2, judges: 'correctness' as const }]
      const steps = await trainerOf({ evalTask, rewards }, config).train()
      assert.deepEqual(
        steps.filter(({ metrics }) => metrics.eval_reward !== undefined).map(({ step }) => step),
        [2, 4, 5],
      )
      const { metrics } = steps[4]!
      assert.equal(metrics.eval_accuracy, metrics['eval_rewards/odd/mean'])
      assert.ok(
        Math.abs(metrics.eval_reward! - (metrics['eval_rewards/correct_sevens/mean']! + 2 * metrics.eval_accuracy!)) <
          1e-9,
      )
      assert.equal(metrics['eval_completions/mean_length'], 5)
      assert.equal(metrics['eval_completions/clipped_ratio'], 1)
      const other = base.withLora({ r: 4, alpha: 8 })
      const plain = await trainerOf({ policy: other, rewards }, { ...config, evalStrategy: 'no' }).train()
      assert.deepEqual(adapterValues(other), adapterValues(policy))
      assert.equal(plain[4]!.metrics.reward, metrics.reward)
      other.dispose()
    }))

  it('keeps the best checkpoint, ends the run early, and takes the best adapter, also when it is resumed', async () => {
    // Right until the third step, then wrong for good.
    const accuracy = (): ReturnType<typeof rewardOf> => {
      const state = { step: 0 }
      return rewardOf(({ ids, meta: { problem } }) => {
        if (problem.id === 'held-out') return [0.2, 0.5, 0.9, 0.1, 0.3, 0.2][state.step++]!
        return ids[0]! % 2
      }, 'accuracy')
    }
    const held = { ...tinyTask(1), problems: [{ ...tinyTask(1).problems[0]!, id: 'held-out' }] }
    const stopping = {
      evalStrategy: 'steps' as const,
      evalSteps: 1,
      maxSteps: 100,
      saveSteps: 100,
      saveTotalLimit: 1,
      earlyStoppingPatience: 3,
      loadBestModelAtEnd: true,
    }
    const outputDir = temporaryFolder()
    const states: Float32Array[][] = []
    await withPolicy(async ({ base, policy, trainerOf }) => {
      const trainer = trainerOf({ outputDir, evalTask: held, rewards: [accuracy()] }, stopping)
      const steps: TrainingStep[] = []
      for await (const step of trainer) {
        steps.push(step)
        states.push(adapterValues(policy))
      }
      assert.equal(steps.length, 6)
      assert.ok(trainer.isFinished)
      assert.deepEqual(trainer.best, { step: 3, metric: 0.9 })
      assert.deepEqual(fs.readdirSync(path.join(outputDir, 'checkpoints')).sort(), ['step-3', 'step-6'])
      const saved = base.withAdapter(path.join(outputDir, 'adapter'))
      assert.deepEqual(adapterValues(saved), states[2])
      assert.deepEqual(adapterValues(policy), states[2])
      saved.dispose()
      assert.deepEqual(await trainer.train(), [])
    })
    await withPolicy(async ({ policy, trainerOf }) => {
      const trainer = trainerOf({ outputDir, evalTask: held, rewards: [accuracy()], resume: true }, stopping)
      assert.deepEqual(await trainer.train(), [])
      assert.deepEqual(adapterValues(policy), states[2])
    })
  })

  it('goes on with the evaluation when it failed', () =>
    withPolicy(async ({ trainerOf }) => {
      let fails = true
      const reward = rewardOf((input) => {
        if (input.meta.problem.id === 'held-out' && fails) throw new Error('once')
        return fractionOf(7).score(input)
      })
      const held = { ...tinyTask(1), problems: [{ ...tinyTask(1).problems[0]!, id: 'held-out' }] }
      const trainer = trainerOf({ evalTask: held, rewards: [reward] }, { ...config, maxSteps: 2 })
      await assert.rejects(trainer.train(), /once/)
      assert.equal(trainer.step, 1)
      fails = false
      const steps = await trainer.train()
      assert.deepEqual(
        steps.map(({ step, metrics }) => [step, typeof metrics.eval_reward]),
        [[2, 'number']],
      )
    }))

  it('compares by the metric that it is told', () => {
    const start: BestEvaluation = { best: null, evaluationsSinceBest: 0 }
    const options = { metricForBestModel: null, greaterIsBetter: true, earlyStoppingThreshold: 0.05 }
    const first = compareWithBest(start, 1, { eval_reward: 3, eval_accuracy: 0 }, options)
    assert.deepEqual(first, { best: { step: 1, metric: 0 }, evaluationsSinceBest: 0 })
    assert.deepEqual(compareWithBest(first, 2, { eval_accuracy: 0.05 }, options), { ...first, evaluationsSinceBest: 1 })
    assert.deepEqual(compareWithBest(first, 2, { eval_accuracy: 0.06 }, options).best, { step: 2, metric: 0.06 })
    assert.deepEqual(compareWithBest(first, 2, { eval_accuracy: NaN }, options), { ...first, evaluationsSinceBest: 1 })
    assert.equal(compareWithBest(start, 1, { eval_reward: 3 }, options).best!.metric, 3)
    const length = { ...options, metricForBestModel: 'completions/mean_length', greaterIsBetter: false }
    const one = compareWithBest(start, 1, { 'eval_completions/mean_length': 9 }, length)
    assert.equal(compareWithBest(one, 2, { 'eval_completions/mean_length': 8 }, length).best!.step, 2)
    assert.throws(() => compareWithBest(start, 1, { eval_reward: 1 }, length), /an evaluation gives eval_reward/)
  })

  it('refuses what cannot work', () =>
    withPolicy(async ({ trainerOf }) => {
      await Promise.resolve()
      assert.throws(() => trainerOf({}, config), /needs evalTask/)
      assert.throws(
        () => trainerOf({ evalTask }, { ...config, loadBestModelAtEnd: true }),
        /needs checkpoints: give outputDir/,
      )
      assert.throws(() => parseGRPOConfig({ earlyStoppingPatience: 2 }), /earlyStoppingPatience needs evaluations/)
      assert.throws(() => parseGRPOConfig({ evalStrategy: 'steps', numGenerationsEval: 4 }), /would all be the same/)
    }))
})
