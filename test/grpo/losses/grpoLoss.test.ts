import assert from 'node:assert/strict'
import fs from 'node:fs'
import * as tf from '../../../src/bundled/tfjs.js'
import { ConfigError, ShapeError } from '../../../src/errors.js'
import {
  appliedEntropyCoef,
  entropyTotals,
  initialEntropyControl,
  updateEntropyControl,
} from '../../../src/grpo/losses/entropyControl.js'
import { highEntropyMask } from '../../../src/grpo/losses/tokenMasks.js'
import { grpoLoss } from '../../../src/grpo/losses/grpoLoss.js'
import type { LossConfig } from '../../../src/grpo/losses/lossValues.js'
import { requireShared } from '../../shared.js'
import { assertClose } from '../assertClose.js'
import { goldenConfig, goldenLosses, goldenMask, goldenTensors, type GoldenEntropySequence } from '../goldenLosses.js'
import { differences, randomNumbers, referenceLoss } from '../referenceLoss.js'
import type { ReferenceInputs } from '../referenceLoss.js'
import { lossAndGradients, toTensors } from './tensorLoss.js'
import { cases, defaults, exampleInputs, matrix } from './lossCases.js'

async function checkAgainstReference(inputs: ReferenceInputs, config: LossConfig): Promise<void> {
  const actual = await lossAndGradients(toTensors(inputs), config)
  const expected = referenceLoss(inputs, config)
  assertClose([actual.loss], [expected], 2e-6 * Math.max(1, Math.abs(expected)), 'loss')
  assertClose(actual.logProbs, differences(inputs, config, 'logProbs'), 2e-6, 'gradient')
  if (actual.entropies)
    assertClose(actual.entropies, differences(inputs, config, 'entropies'), 2e-6, 'entropy gradient')
  const masked = inputs.mask
    .flat()
    .flatMap((kept, i) => (kept === 0 ? [actual.logProbs[i]!, actual.entropies?.[i] ?? 0] : []))
  assert.ok(masked.length > 0 && masked.every((gradient) => gradient === 0))
}

describe('grpo/losses', () => {
  before(async () => {
    await tf.setBackend('cpu')
  })

  describe('agrees with plain loops and finite differences, whatever masked positions hold', () => {
    for (const [i, { name, config, inputs }] of cases.entries()) {
      it(name, () => checkAgainstReference({ ...exampleInputs(i), ...inputs }, { ...defaults, ...config }))
    }

    for (const lossType of ['dapo', 'vespo'] as const) {
      it(`${lossType}, importance-sampling ratio of tokens and of completions`, async () => {
        const random = randomNumbers(7)
        const ofTokens = matrix(random, (x) => (x < 0.2 ? 0 : 0.5 + x))
        const ofCompletions = [[1.1], [0.7], [0], [1.4], [0.9]]
        for (const importanceSamplingRatio of [ofTokens, ofCompletions]) {
          await checkAgainstReference({ ...exampleInputs(3), importanceSamplingRatio }, { ...defaults, lossType })
        }
      })
    }

    it('off-policy mask by the log-probabilities of the sampler', async () => {
      const inputs = exampleInputs(5)
      const config = { ...defaults, offPolicyMaskThreshold: 0.3 }
      const far = inputs.logProbs.map((row) => row.map((x) => Math.fround(x + 0.5)))
      await checkAgainstReference({ ...inputs, samplingLogProbs: far }, config)
      assert.notEqual(
        referenceLoss({ ...inputs, samplingLogProbs: far }, config),
        referenceLoss({ ...inputs, samplingLogProbs: inputs.logProbs }, config),
      )
    })
  })

  it('adds up to the loss of the whole batch over its micro-batches, for dapo whatever their lengths', async () => {
    const whole = { ...exampleInputs(11), gradientAccumulationSteps: 1, stepsPerGeneration: 1, numItemsInBatch: 16 }
    const rows = (from: number, to: number): ReferenceInputs => ({
      ...whole,
      logProbs: whole.logProbs.slice(from, to),
      entropies: whole.entropies.slice(from, to),
      oldLogProbs: whole.oldLogProbs!.slice(from, to),
      refLogProbs: whole.refLogProbs.slice(from, to),
      mask: whole.mask.slice(from, to),
      advantages: whole.advantages.slice(from, to),
      gradientAccumulationSteps: 2,
      stepsPerGeneration: 2,
    })
    const lossOf = async (inputs: ReferenceInputs): Promise<number> =>
      (await lossAndGradients(toTensors(inputs), defaults)).loss
    assertClose([(await lossOf(rows(0, 2))) + (await lossOf(rows(2, 5)))], [await lossOf(whole)], 1e-6, 'loss')
  })

  it('is finite with a zero gradient when every token is masked', async () => {
    const empty = exampleInputs(13)
    const mask = empty.mask.map((row) => row.map(() => 0))
    for (const lossType of ['grpo', 'bnpo', 'dr_grpo', 'dapo', 'cispo', 'sapo', 'luspo', 'vespo'] as const) {
      const inputs = { ...empty, mask, entropyCoef: 0.1, numItemsInBatch: 0 }
      const config = { ...defaults, lossType, beta: 0.1, topEntropyQuantile: 0.5 }
      const { loss, logProbs, entropies } = await lossAndGradients(toTensors(inputs), config)
      assert.equal(Math.abs(loss), 0)
      assert.ok([...Array.from(logProbs), ...Array.from(entropies!)].every((gradient) => gradient === 0))
    }
  })

  it('leaves no tensors behind', async () => {
    const inputs = toTensors({ ...exampleInputs(1), entropyCoef: 0.1 })
    const before = tf.memory().numTensors
    await lossAndGradients(inputs, { ...defaults, beta: 0.1, topEntropyQuantile: 0.5, offPolicyMaskThreshold: 0.1 })
    assert.equal(tf.memory().numTensors, before)
  })

  it('says which input is missing or has a wrong shape', () => {
    const inputs = toTensors(exampleInputs(1))
    assert.throws(() => grpoLoss({ ...inputs, refLogProbs: null }, { ...defaults, beta: 0.1 }), ConfigError)
    assert.throws(() => grpoLoss({ ...inputs, entropies: null, entropyCoef: 0.1 }, defaults), /entropyCoef.*entropies/)
    assert.throws(() => grpoLoss({ ...inputs, advantages: tf.tensor1d([1, 2]) }, defaults), /advantages.*\[2\].*\[5\]/)
    assert.throws(() => grpoLoss({ ...inputs, completionMask: tf.ones([5, 6]) }, defaults), ShapeError)
  })

  describe('the mask of high-entropy tokens', () => {
    const maskOf = async (entropies: number[], kept: number[], quantile: number): Promise<number[]> =>
      Array.from(await highEntropyMask(tf.tensor2d([entropies]), tf.tensor2d([kept]), quantile).data())

    it('keeps a token that the quantile falls on, and all tokens that equal it', async () => {
      assert.deepEqual(await maskOf([5, 1, 4, 2, 3, 0], [1, 1, 1, 1, 1, 0], 0.75), [1, 0, 1, 1, 1, 0])
      assert.deepEqual(await maskOf([0.1, 0.3, 0.3, 0.3], [1, 1, 1, 1], 0.4), [0, 1, 1, 1])
      assert.deepEqual(await maskOf([0, 0, 0, 0], [1, 1, 0, 1], 0.4), [1, 1, 0, 1])
      const ascending = Array.from({ length: 11 }, (_, i) => i)
      const all = ascending.map(() => 1)
      assert.deepEqual(await maskOf(ascending, all, 0.7), [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    })

    it('interpolates between two tokens', async () => {
      assert.deepEqual(await maskOf([1, 2, 3, 4], [1, 1, 1, 1], 0.5), [0, 0, 1, 1])
    })

    it('keeps the highest one at 0 and none when all are masked', async () => {
      assert.deepEqual(await maskOf([1, 2, 3, 4], [1, 1, 1, 0], 0), [0, 0, 1, 0])
      assert.deepEqual(await maskOf([0, 0], [0, 0], 0.5), [0, 0])
    })
  })

  describe('golden numbers made with TRL', () => {
    it('losses and gradients', async function () {
      const golden = goldenLosses(requireShared(this, 'golden', 'grpo'))
      assert.ok(golden.length > 60)
      for (const { case: name, config, inputs, outputs } of golden) {
        const options = goldenConfig(config)
        const entropyCoef = appliedEntropyCoef(initialEntropyControl(options), options)
        const actual = await lossAndGradients(goldenTensors(inputs, config, entropyCoef), options)
        assertClose([actual.loss], [outputs.loss], 1e-5 * Math.max(1, Math.abs(outputs.loss)), `${name} loss`)
        assertClose(actual.logProbs, outputs.grad_per_token_logps.flat(), 1e-6, `${name} gradient`)
        if (outputs.grad_entropies) {
          assertClose(actual.entropies!, outputs.grad_entropies.flat(), 1e-6, `${name} entropy gradient`)
        }
      }
    })

    it('losses, gradients and coefficients with the adaptive entropy bonus', async function () {
      const file = requireShared(this, 'golden', 'grpo', 'adaptive_entropy_sequence.json')
      const { config, sequence } = JSON.parse(fs.readFileSync(file, 'utf8')) as GoldenEntropySequence
      const options = goldenConfig(config)
      let control = initialEntropyControl(options)
      let window = { sum: 0, count: 0 }
      const applied: number[] = []
      for (const { optimizer_step: step, micro_batch: microBatch, inputs, outputs } of sequence) {
        const entropyCoef = appliedEntropyCoef(control, options)
        applied.push(entropyCoef)
        const actual = await lossAndGradients(goldenTensors(inputs, config, entropyCoef), options)
        assertClose([actual.loss], [outputs.loss], 1e-5, `step ${step} loss`)
        assertClose(actual.logProbs, outputs.grad_per_token_logps.flat(), 1e-6, `step ${step} gradient`)
        const expected = outputs.grad_entropies!.flat()
        assertClose(actual.entropies ?? expected.map(() => 0), expected, 1e-6, `step ${step} entropies`)

        const mask = goldenMask(inputs).flat()
        const { sum, count } = entropyTotals(inputs.entropies.flat(), mask, options.topEntropyQuantile)
        window = { sum: window.sum + sum, count: window.count + count }
        if (microBatch === config.gradient_accumulation_steps - 1) {
          control = updateEntropyControl(control, window.sum / window.count, options)
          window = { sum: 0, count: 0 }
          assertClose([control.lastEntropy!], [outputs.last_world_entropy_after], 1e-5, `step ${step} entropy`)
        }
        assertClose([control.entropyCoef], [outputs.entropy_coef_after], 1e-9, `step ${step} coefficient`)
      }
      assert.ok(applied.includes(0) && applied.some((coefficient) => coefficient > 0))
    })
  })
})
