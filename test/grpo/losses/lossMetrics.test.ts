import assert from 'node:assert/strict'
import { parseGRPOConfig, type GRPOConfig } from '../../../src/grpo/config/config.js'
import { lossMetrics, policyLoss } from '../../../src/grpo/losses/lossMetrics.js'
import type { LossValues } from '../../../src/grpo/losses/lossValues.js'
import { requireShared } from '../../shared.js'
import { assertClose } from '../assertClose.js'
import { goldenConfig, goldenLosses, goldenMask } from '../goldenLosses.js'

function assertMetrics(actual: Record<string, number>, expected: Record<string, number>, what: string): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort(), what)
  for (const [name, value] of Object.entries(expected)) assertClose([actual[name]!], [value], 1e-5, `${what} ${name}`)
}

describe('grpo/lossMetrics', () => {
  // Ratios; the second completion has negative advantage, the third is masked, the last one's advantage is 0.
  const ratios = [1.1, 1.3, 0.7, 1.5, 0.75, 0.9, 2, 0.5, 1.25, 1, 3, 0.1]
  const inputs: LossValues = {
    shape: [4, 3],
    logProbs: ratios.map((ratio) => Math.log(ratio) - 2),
    oldLogProbs: ratios.map(() => -2),
    refLogProbs: ratios.map((ratio) => Math.log(ratio) - 1),
    entropies: [1, 2, 3, 4, 5, 600, 600, 600, 600, 6, 7, 8],
    completionMask: [1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1],
    advantages: [1, -1, 1, 0],
  }
  const config = (options: Partial<GRPOConfig>): GRPOConfig => parseGRPOConfig(options)

  it('measures clipping in the direction of the advantage, and entropy', () => {
    assertMetrics(
      lossMetrics(inputs, config({})),
      {
        entropy: 36 / 8,
        'clip_ratio/low_mean': 1 / 8,
        'clip_ratio/high_mean': 1 / 8,
        'clip_ratio/region_mean': 2 / 8,
        'clip_ratio/low_min': 0,
        'clip_ratio/high_max': 1 / 3,
      },
      'token level',
    )
    const higher = lossMetrics(inputs, config({ epsilonHigh: 0.05, epsilon: 0.3 }))
    assert.deepEqual([higher['clip_ratio/low_mean'], higher['clip_ratio/high_mean']], [0, 2 / 8])
  })

  it('looks at the ratio after the cap', () => {
    assert.equal(lossMetrics(inputs, config({ delta: 1.15 }))['clip_ratio/high_mean'], 0)
  })

  it('counts completions at sequence level, masked ones with ratio 1', () => {
    // Geometric means: 1.0003, 1.06, 1, 0.67.
    const metrics = lossMetrics(inputs, config({ importanceSamplingLevel: 'sequence', epsilonHigh: 0.0001 }))
    assert.deepEqual(Object.values(metrics).slice(1), [0, 1 / 4, 1 / 4, 0, 1])
  })

  it('is 0 on-policy, and NaN in the extremes when every completion is masked', () => {
    const onPolicy = lossMetrics({ ...inputs, oldLogProbs: null }, config({}))
    assert.deepEqual(Object.values(onPolicy).slice(1), [0, 0, 0, 0, 0])
    const masked = lossMetrics({ ...inputs, completionMask: new Float32Array(12) }, config({ beta: 0.1 }))
    assert.deepEqual(Object.values(masked), [0, 0, 0, 0, 0, NaN, NaN])
  })

  it('measures KL with and without the bias correction', () => {
    const k3 = Math.E - 2
    assertMetrics({ kl: lossMetrics(inputs, config({ beta: 0.1, useBiasCorrectionKl: false })).kl! }, { kl: k3 }, 'kl')
    const meanRatio = (1.1 + 1.3 + 0.7 + 1.5 + 0.75 + 1 + 3 + 0.1) / 8
    assertMetrics({ kl: lossMetrics(inputs, config({ beta: 0.1 })).kl! }, { kl: k3 * meanRatio }, 'corrected kl')
  })

  it('has metrics of its own for cispo, vespo and none for sapo', () => {
    const cispo = lossMetrics(inputs, config({ lossType: 'cispo', epsilonHigh: 1.2 }))
    assertMetrics(cispo, { entropy: 4.5, cispo_clip_ratio: 1 / 8 }, 'cispo')
    const phi = (w: number, k: number, lambda: number): number => Math.exp(lambda) * w ** k * Math.exp(-lambda * w)
    const mean = (phi(1.1 * 1.3 * 0.7, 2, 3) + phi(1.5 * 0.75, 3, 2) + 1 + phi(0.3, 2, 3)) / 4
    assertMetrics(
      lossMetrics(inputs, config({ lossType: 'vespo' })),
      { entropy: 4.5, 'vespo/phi_seq_mean': mean },
      'vespo',
    )
    assertMetrics(lossMetrics(inputs, config({ lossType: 'sapo' })), { entropy: 4.5 }, 'sapo')
  })

  it('takes bonus and averaging out of the policy loss', () => {
    const bonus = { entropyCoef: 0.1, gradientAccumulationSteps: 2 }
    assert.equal(policyLoss(0.5 - 0.225, inputs, bonus, config({ lossType: 'dapo' })), 0.5)
    assert.equal(policyLoss(0.5 - 0.225, inputs, bonus, config({ lossType: 'grpo' })), 1)
  })

  it('agrees with the golden numbers made with TRL', function () {
    for (const { case: name, config: options, inputs, outputs } of goldenLosses(
      requireShared(this, 'golden', 'grpo'),
    )) {
      const config = goldenConfig(options)
      const host: LossValues = {
        shape: [inputs.per_token_logps.length, inputs.per_token_logps[0]!.length],
        logProbs: inputs.per_token_logps.flat(),
        oldLogProbs: inputs.old_per_token_logps?.flat() ?? null,
        refLogProbs: inputs.ref_per_token_logps?.flat() ?? null,
        entropies: inputs.entropies.flat(),
        completionMask: goldenMask(inputs).flat(),
        advantages: inputs.advantages,
        importanceSamplingRatio: inputs.importance_sampling_ratio?.flat() ?? null,
      }
      const metrics = lossMetrics(host, config)
      if (config.entropyCoef !== 0) {
        metrics.entropy_coef = config.entropyCoef
        const { entropyCoef } = config
        const gradientAccumulationSteps = options.gradient_accumulation_steps
        metrics.policy_loss = policyLoss(outputs.loss, host, { entropyCoef, gradientAccumulationSteps }, config)
      }
      assertMetrics(metrics, outputs.metrics, name)
    }
  })
})
