import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import { moduleGradientNorms } from '../../../src/grpo/metrics/gradientNorms.js'
import { assertClose } from '../assertClose.js'
import { withPolicy } from '../tinyTask.js'

describe('grpo/metrics of a step', () => {
  before(() => selectEngine('cpu'))

  it('splits the norm of the gradients by module', async () => {
    await withPolicy(async ({ policy }) => {
      const adapter = policy.adapter!
      const gradients = new Float32Array(adapter.values.length)
      const expected: Record<string, number> = {}
      let at = 0
      for (const { name, values } of adapter.parameters()) {
        const module = /\.(\w+)\.lora_/.exec(name)![1]!
        gradients[at] = 3
        gradients[at + values.length - 1] = -4
        expected[module] = (expected[module] ?? 0) + 25
        at += values.length
      }
      const norms = moduleGradientNorms(adapter, gradients)
      assert.deepEqual(
        Object.keys(norms),
        adapter.targetModules.map((module) => `grad_norm/${module}`),
      )
      for (const [module, square] of Object.entries(expected)) {
        assertClose([norms[`grad_norm/${module}`]!], [Math.sqrt(square)], 1e-6)
      }
      return Promise.resolve()
    })
  })

  it('are there in every step, and the norms of the modules make up grad_norm', async () => {
    await withPolicy(async ({ trainerOf }) => {
      const steps = await trainerOf({}, { maxSteps: 2, useAdaptiveEntropy: true, entropyTarget: 10 }).train()
      for (const { metrics } of steps) {
        for (const name of [
          'groups/all_right',
          'groups/all_wrong',
          'reward/best',
          'reward/worst',
          'rewards/fraction/alive',
          'diversity/unique_completions',
          'diversity/distinct_answers',
          'diversity/pairwise_distance',
          'reasoning/steps',
          'reasoning/self_corrections',
          'memory/tensor_bytes',
          'memory/process_bytes',
          'entropy_coef',
          'policy_loss',
          'tokens_per_second',
        ]) {
          assert.ok(Number.isFinite(metrics[name]), `${name} is ${metrics[name]}`)
        }
        const modules = Object.entries(metrics).filter(([name]) => name.startsWith('grad_norm/'))
        assert.equal(modules.length, 7)
        assertClose([Math.hypot(...modules.map(([, norm]) => norm ?? NaN))], [metrics.grad_norm], 1e-6)
        assert.ok(metrics['memory/process_bytes'] > metrics['memory/tensor_bytes'])
      }
      // The first step has no entropy to adapt to: its bonus is off, and the loss is the policy's alone.
      assertClose([steps[0]!.metrics.policy_loss!], [steps[0]!.metrics.loss], 1e-6)
      assertClose([steps[0]!.metrics.entropy_coef!, steps[1]!.metrics.entropy_coef!], [0.005, 0.01], 1e-9)
      assert.ok(Math.abs(steps[1]!.metrics.policy_loss! - steps[1]!.metrics.loss) > 1e-3)
    })
  })
})
