import assert from 'node:assert/strict'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import { importanceSamplingRatio, samplingMetrics } from '../../../src/grpo/losses/rolloutImportanceSampling.js'
import type { TwiceScored } from '../../../src/grpo/losses/rolloutImportanceSampling.js'
import { requireShared } from '../../shared.js'
import { assertClose } from '../assertClose.js'
import { goldenLosses, goldenMask } from '../goldenLosses.js'

type Mode = GRPOConfig['vllmImportanceSamplingMode']

function configOf(vllmImportanceSamplingMode: Mode, min: number | null = 0.7, max: number | null = 1.6) {
  return { vllmImportanceSamplingMode, vllmImportanceSamplingClipMin: min, vllmImportanceSamplingClipMax: max }
}

describe('grpo/losses/rolloutImportanceSampling', () => {
  const log = (...ratios: number[]): number[] => ratios.map(Math.log)
  const completions: TwiceScored[] = [
    { oldLogProbs: log(0.5, 1.5, 2), samplingLogProbs: [0, 0, 0], lossMask: [1, 1, 1] },
    { oldLogProbs: log(0.8, 0.5, 1), samplingLogProbs: [0, 0, -50], lossMask: [1, 1, 0] },
  ]
  const ratiosOf = (config: ReturnType<typeof configOf>): (number[] | number)[] =>
    completions.map((completion) => importanceSamplingRatio(completion, config))

  it('bounds the ratio of tokens or completions; masked tokens have ratio 1', () => {
    const expected: Record<Mode, number[]> = {
      token_truncate: [0.7, 1.5, 1.6, 0.8, 0.7, 1],
      token_mask: [0, 1.5, 0, 0.8, 0, 1],
      sequence_truncate: [1.5, 0.7],
      sequence_mask: [1.5, 0],
    }
    for (const mode of Object.keys(expected) as Mode[]) {
      assertClose(ratiosOf(configOf(mode)).flat(), expected[mode], 1e-5, mode)
    }
    assertClose(ratiosOf(configOf('token_mask', null, null)).flat(), [0.5, 1.5, 2, 0.8, 0.5, 1], 1e-5, 'no bounds')
  })

  it('measures differences over unmasked tokens, and the ratio as bounded', () => {
    const differences = [2, 1.5, 2, 1.25, 2].map(Math.log)
    const mean = differences.reduce((a, b) => a + b) / 5
    const metrics = samplingMetrics(completions, ratiosOf(configOf('token_truncate')))
    assertClose(
      Object.values(metrics),
      [mean, Math.log(2), 0.7, (0.7 + 1.5 + 1.6 + 0.8 + 0.7) / 5, 1.6],
      1e-5,
      'metrics',
    )
    const perSequence = samplingMetrics(completions, ratiosOf(configOf('sequence_mask')))
    assertClose(Object.values(perSequence).slice(2), [0, 0.75, 1.5], 1e-5, 'of completions')
    assert.deepEqual(Object.keys(samplingMetrics(completions, null)), [
      'sampling/sampling_logp_difference/mean',
      'sampling/sampling_logp_difference/max',
    ])
  })

  it('gives 0 when there is no token', () => {
    const masked = completions.map((completion) => ({ ...completion, lossMask: [0, 0, 0] }))
    const ratios = masked.map(() => [1, 1, 1])
    assert.deepEqual(Object.values(samplingMetrics(masked, ratios)), [0, 0, 0, 0, 0])
  })

  it('agrees with the golden numbers made with TRL', function () {
    const golden = goldenLosses(requireShared(this, 'golden', 'grpo')).filter((g) => g.outputs.sampling_metrics)
    assert.equal(golden.length, 5)
    for (const { case: name, config, inputs, outputs } of golden) {
      const masks = goldenMask(inputs)
      const rows = masks.map((lossMask, row): TwiceScored => {
        const [oldLogProbs, samplingLogProbs] = [
          inputs.old_per_token_logps![row]!,
          inputs.sampling_per_token_logps![row]!,
        ]
        return { oldLogProbs, samplingLogProbs, lossMask }
      })
      const options = configOf(
        config.vllm_importance_sampling_mode as Mode,
        config.vllm_importance_sampling_clip_min as number | null,
        config.vllm_importance_sampling_clip_max as number | null,
      )
      const ratios = rows.map((row) => importanceSamplingRatio(row, options))
      assertClose(ratios.flat(), inputs.importance_sampling_ratio!.flat(), 1e-5, name)
      const metrics = samplingMetrics(rows, ratios)
      const expected = outputs.sampling_metrics!
      assert.deepEqual(Object.keys(metrics).sort(), Object.keys(expected).sort())
      for (const [key, value] of Object.entries(expected)) assertClose([metrics[key]!], [value], 1e-5, `${name} ${key}`)
    }
  })
})
