import assert from 'node:assert/strict'
import * as tf from '../../../src/bundled/tfjs.js'
import { ConfigError } from '../../../src/errors.js'
import { appliedEntropyCoef, initialEntropyControl } from '../../../src/grpo/losses/entropyControl.js'
import { grpoConfigSchema } from '../../../src/grpo/config/config.js'
import { importanceSamplingRatio } from '../../../src/grpo/losses/rolloutImportanceSampling.js'
import type { LossConfig, LossValues } from '../../../src/grpo/losses/lossValues.js'
import { microBatchLoss } from '../../../src/grpo/losses/microBatchLoss.js'
import { requireShared } from '../../shared.js'
import { assertClose } from '../assertClose.js'
import { goldenConfig, goldenLosses, goldenMask } from '../goldenLosses.js'
import { differences, randomNumbers, referenceLoss } from '../referenceLoss.js'
import type { ReferenceInputs } from '../referenceLoss.js'
import { cases, defaults, exampleInputs, matrix } from './lossCases.js'
import { lossAndGradients, toTensors } from './tensorLoss.js'

function hostValues(inputs: ReferenceInputs): LossValues {
  return {
    shape: [inputs.mask.length, inputs.mask[0]!.length],
    logProbs: inputs.logProbs.flat(),
    entropies: inputs.entropies.flat(),
    oldLogProbs: inputs.oldLogProbs?.flat() ?? null,
    refLogProbs: inputs.refLogProbs.flat(),
    samplingLogProbs: inputs.samplingLogProbs?.flat() ?? null,
    completionMask: inputs.mask.flat(),
    advantages: inputs.advantages,
    importanceSamplingRatio: inputs.importanceSamplingRatio?.flat() ?? null,
  }
}

const orZeros = (gradient: ArrayLike<number> | null, like: ArrayLike<number>): ArrayLike<number> =>
  gradient ?? new Float32Array(like.length)

/** Against plain loops with finite differences, and against the tensors' own differentiation. */
async function check(inputs: ReferenceInputs, config: LossConfig): Promise<void> {
  const values = hostValues(inputs)
  const actual = microBatchLoss(values, inputs, config)
  const expected = referenceLoss(inputs, config)
  assertClose([actual.loss], [expected], 1e-6 * Math.max(1, Math.abs(expected)), 'loss')
  assertClose(actual.dLogProbs, differences(inputs, config, 'logProbs'), 2e-6, 'gradient')
  const tensors = await lossAndGradients(toTensors(inputs), config)
  assertClose([actual.loss], [tensors.loss], 2e-6 * Math.max(1, Math.abs(expected)), 'loss of tensors')
  assertClose(actual.dLogProbs, tensors.logProbs, 1e-6, 'gradient of tensors')
  assert.equal(actual.dEntropies === null, tensors.entropies === null)
  const dEntropies = orZeros(actual.dEntropies, values.entropies)
  assertClose(dEntropies, orZeros(tensors.entropies, values.entropies), 1e-6, 'entropy gradient of tensors')
  if (actual.dEntropies) assertClose(dEntropies, differences(inputs, config, 'entropies'), 2e-6, 'entropy gradient')
  const masked = inputs.mask.flat().flatMap((kept, i) => (kept === 0 ? [actual.dLogProbs[i]!, dEntropies[i]!] : []))
  assert.ok(masked.length > 0 && masked.every((gradient) => gradient === 0))
}

describe('grpo/losses/microBatchLoss', () => {
  before(async () => {
    await tf.setBackend('cpu')
  })

  describe('agrees with plain loops, finite differences and the tensors, whatever masked positions hold', () => {
    for (const [i, { name, config, inputs }] of cases.entries()) {
      it(name, () => check({ ...exampleInputs(i), ...inputs }, { ...defaults, ...config }))
    }

    for (const lossType of grpoConfigSchema.shape.lossType.unwrap().options) {
      for (const vllmImportanceSamplingMode of grpoConfigSchema.shape.vllmImportanceSamplingMode.unwrap().options) {
        it(`${lossType}, corrected for a sampler that differs: ${vllmImportanceSamplingMode}`, async () => {
          const inputs = exampleInputs(3)
          const sampler = matrix(randomNumbers(7), (x) => Math.log(0.6 + 0.8 * x))
          const ratios = inputs.mask.map((lossMask, row) => {
            const oldLogProbs = inputs.logProbs[row]!
            const samplingLogProbs = oldLogProbs.map((old, t) => old - sampler[row]![t]!)
            const bounds = { vllmImportanceSamplingClipMin: 0.7, vllmImportanceSamplingClipMax: 1.25 }
            const config = { ...bounds, vllmImportanceSamplingMode }
            return importanceSamplingRatio({ oldLogProbs, samplingLogProbs, lossMask }, config)
          })
          // The bounds act, and not on everything.
          assert.ok(new Set(ratios.flat()).size > 3)
          assert.ok(ratios.flat().some((ratio) => [0, 0.7, 1.25].includes(ratio)))
          const importanceSamplingRatios = ratios.map((ratio) => (typeof ratio === 'number' ? [ratio] : ratio))
          await check(
            { ...inputs, importanceSamplingRatio: importanceSamplingRatios },
            { ...defaults, lossType, epsilonHigh: 1.5 },
          )
        })
      }
    }

    it('off-policy mask by the log-probabilities of the sampler', async () => {
      const inputs = exampleInputs(5)
      const far = inputs.logProbs.map((row) => row.map((x) => Math.fround(x + 0.5)))
      await check({ ...inputs, samplingLogProbs: far }, { ...defaults, offPolicyMaskThreshold: 0.3 })
    })
  })

  it('has the bits of the tensors where the ratio is 1, so that runs on-policy stay what they were', async () => {
    for (const lossType of ['grpo', 'bnpo', 'dr_grpo', 'dapo', 'luspo'] as const) {
      const inputs = { ...exampleInputs(17), oldLogProbs: null, advantages: [0.93, 0.1, -1.37, -0.41, 0.77] }
      const config = { ...defaults, lossType }
      const { dLogProbs } = microBatchLoss(hostValues(inputs), inputs, config)
      const tensors = await lossAndGradients(toTensors(inputs), config)
      assert.deepEqual(dLogProbs, Float32Array.from(tensors.logProbs), lossType)
    }
  })

  it('is finite with a zero gradient when every token is masked', () => {
    const empty = exampleInputs(13)
    const mask = empty.mask.map((row) => row.map(() => 0))
    for (const lossType of ['grpo', 'bnpo', 'dr_grpo', 'dapo', 'cispo', 'sapo', 'luspo', 'vespo'] as const) {
      const inputs = { ...empty, mask, entropyCoef: 0.1, numItemsInBatch: 0 }
      const config = { ...defaults, lossType, beta: 0.1, topEntropyQuantile: 0.5 }
      const { loss, dLogProbs, dEntropies } = microBatchLoss(hostValues(inputs), inputs, config)
      assert.equal(Math.abs(loss), 0)
      assert.ok([...dLogProbs, ...dEntropies!].every((gradient) => gradient === 0))
    }
  })

  it('says what is missing', () => {
    const inputs = exampleInputs(1)
    const values = { ...hostValues(inputs), refLogProbs: null }
    assert.throws(() => microBatchLoss(values, inputs, { ...defaults, beta: 0.1 }), ConfigError)
  })

  it('agrees with the golden numbers made with TRL', function () {
    const golden = goldenLosses(requireShared(this, 'golden', 'grpo'))
    assert.ok(golden.length > 60)
    for (const { case: name, config, inputs, outputs } of golden) {
      const options = goldenConfig(config)
      const values: LossValues = {
        shape: [inputs.per_token_logps.length, inputs.per_token_logps[0]!.length],
        logProbs: inputs.per_token_logps.flat(),
        entropies: inputs.entropies.flat(),
        oldLogProbs: inputs.old_per_token_logps?.flat() ?? null,
        refLogProbs: inputs.ref_per_token_logps?.flat() ?? null,
        samplingLogProbs: inputs.sampling_per_token_logps?.flat() ?? null,
        completionMask: goldenMask(inputs).flat(),
        advantages: inputs.advantages,
        importanceSamplingRatio: inputs.importance_sampling_ratio?.flat() ?? null,
      }
      const isTraining = config.mode !== 'eval'
      const position = {
        numItemsInBatch: inputs.num_items_in_batch ?? 0,
        gradientAccumulationSteps: isTraining ? config.gradient_accumulation_steps : 1,
        stepsPerGeneration: isTraining ? config.steps_per_generation : 1,
        entropyCoef: appliedEntropyCoef(initialEntropyControl(options), options),
      }
      const actual = microBatchLoss(values, position, options)
      assertClose([actual.loss], [outputs.loss], 1e-5 * Math.max(1, Math.abs(outputs.loss)), `${name} loss`)
      assertClose(actual.dLogProbs, outputs.grad_per_token_logps.flat(), 1e-6, `${name} gradient`)
      if (outputs.grad_entropies) {
        const expected = outputs.grad_entropies.flat()
        assertClose(orZeros(actual.dEntropies, expected), expected, 1e-6, `${name} entropy gradient`)
      }
    }
  })
})
