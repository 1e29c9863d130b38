import assert from 'node:assert/strict'
import {
  importanceSamplingRatio,
  samplingMetrics,
  type ImportanceSamplingOptions,
  type RolloutLogProbs,
} from '../../src/grpo/losses/rolloutImportanceSampling.js'
import { requireShared } from '../shared.js'
import { assertClose } from './assertClose.js'
import { goldenLosses, goldenMask } from './goldenLosses.js'

describe('grpo/losses/rolloutImportanceSampling', () => {
  const log = (...ratios: number[]): number[] => ratios.map(Math.log)
  const rollout: RolloutLogProbs = {
    shape: [2, 3],
    oldLogProbs: [...log(0.5, 1.5, 2), ...log(0.8, 0.5, 1)],
    samplingLogProbs: [0, 0, 0, 0, 0, -50],
    completionMask: [1, 1, 1, 1, 1, 0],
  }
  const bounds = { clipMin: 0.7, clipMax: 1.6 }

  it('bounds the ratio of tokens or completions; masked tokens have ratio 1', () => {
    const expected: Record<ImportanceSamplingOptions['mode'], number[]> = {
      token_truncate: [0.7, 1.5, 1.6, 0.8, 0.7, 1],
      token_mask: [0, 1.5, 0, 0.8, 0, 1],
      sequence_truncate: [1.5, 0.7],
      sequence_mask: [1.5, 0],
    }
    for (const mode of Object.keys(expected) as ImportanceSamplingOptions['mode'][]) {
      assertClose(importanceSamplingRatio(rollout, { mode, ...bounds }), expected[mode], 1e-5, mode)
    }
    const unbounded = importanceSamplingRatio(rollout, { mode: 'token_mask', clipMin: null, clipMax: null })
    assertClose(unbounded, [0.5, 1.5, 2, 0.8, 0.5, 1], 1e-5, 'no bounds')
  })

  it('measures differences over unmasked tokens, and the ratio as bounded', () => {
    const differences = [2, 1.5, 2, 1.25, 2].map(Math.log)
    const mean = differences.reduce((a, b) => a + b) / 5
    const ratio = importanceSamplingRatio(rollout, { mode: 'token_truncate', ...bounds })
    const metrics = samplingMetrics(rollout, ratio)
    assertClose(
      Object.values(metrics),
      [mean, Math.log(2), 0.7, (0.7 + 1.5 + 1.6 + 0.8 + 0.7) / 5, 1.6],
      1e-5,
      'metrics',
    )
    const perSequence = samplingMetrics(rollout, importanceSamplingRatio(rollout, { mode: 'sequence_mask', ...bounds }))
    assertClose(Object.values(perSequence).slice(2), [0, 0.75, 1.5], 1e-5, 'of completions')
    assert.deepEqual(Object.keys(samplingMetrics(rollout, null)), [
      'sampling/sampling_logp_difference/mean',
      'sampling/sampling_logp_difference/max',
    ])
  })

  it('gives 0 when there is no token', () => {
    const metrics = samplingMetrics({ ...rollout, completionMask: [0, 0, 0, 0, 0, 0] }, new Float32Array(6))
    assert.deepEqual(Object.values(metrics), [0, 0, 0, 0, 0])
  })

  it('agrees with the golden numbers made with TRL', function () {
    const golden = goldenLosses(requireShared(this, 'golden', 'grpo')).filter((g) => g.outputs.sampling_metrics)
    assert.equal(golden.length, 5)
    for (const { case: name, config, inputs, outputs } of golden) {
      const logProbs: RolloutLogProbs = {
        shape: [inputs.completion_mask.length, inputs.completion_mask[0]!.length],
        oldLogProbs: inputs.old_per_token_logps!.flat(),
        samplingLogProbs: inputs.sampling_per_token_logps!.flat(),
        completionMask: goldenMask(inputs).flat(),
      }
      const ratio = importanceSamplingRatio(logProbs, {
        mode: config.vllm_importance_sampling_mode as ImportanceSamplingOptions['mode'],
        clipMax: config.vllm_importance_sampling_clip_max as number | null,
        clipMin: config.vllm_importance_sampling_clip_min as number | null,
      })
      assertClose(ratio, inputs.importance_sampling_ratio!.flat(), 1e-5, name)
      const metrics = samplingMetrics(logProbs, ratio)
      const expected = outputs.sampling_metrics!
      assert.deepEqual(Object.keys(metrics).sort(), Object.keys(expected).sort())
      for (const [key, value] of Object.entries(expected)) assertClose([metrics[key]!], [value], 1e-5, `${name} ${key}`)
    }
  })
})
