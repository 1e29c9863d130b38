import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import { ConfigError, ShapeError } from '../../../src/errors.js'
import { parseGRPOConfig } from '../../../src/grpo/config/config.js'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import { dropoutKey } from '../../../src/engine/dropoutKey.js'
import { PolicyUpdate } from '../../../src/grpo/update/policyUpdate.js'
import { rowValues } from '../../fixtures/tensors.js'
import type { TrainingRow } from '../../../src/grpo/update/trainingRow.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { BACKENDS, adapterValues, memoryInUse, randomIds, randomPolicy } from '../../fixtures/policies.js'
import { ReferenceDecoder, referenceLora, referenceTokenScore } from '../../fixtures/referenceDecoder.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { assertClose } from '../assertClose.js'

const VOCABULARY = 30
const CONFIG = {
  vocab_size: VOCABULARY,
  head_dim: 4,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  max_position_embeddings: 64,
}

/** Two groups of three completions, with fixed advantages. */
function someRows(changes: (row: TrainingRow, i: number) => Partial<TrainingRow> = () => ({})): TrainingRow[] {
  const prompts = [randomIds(4, VOCABULARY, 1), randomIds(2, VOCABULARY, 2)]
  const lengths = [3, 1, 5, 2, 4, 4]
  const advantages = [1.2, -0.7, -0.5, 0.4, 0.9, -1.3]
  return lengths.map((length, i) => {
    const row: TrainingRow = {
      promptIds: prompts[Math.floor(i / 3)]!,
      completionIds: randomIds(length, VOCABULARY, 10 + i),
      advantage: advantages[i]!,
      inLoss: true,
      samplingLogProbs: null,
      samplingEntropies: null,
      oldLogProbs: null,
      refLogProbs: null,
    }
    return { ...row, ...changes(row, i) }
  })
}

const TOKENS = 19
const WHOLE_BATCH = { numItemsInBatch: TOKENS, gradientAccumulationSteps: 1, stepsPerGeneration: 1 }

function configOf(options: Record<string, unknown> = {}): GRPOConfig {
  return parseGRPOConfig({ numGenerations: 3, perDeviceTrainBatchSize: 6, temperature: 0.9, ...options })
}

function rootMeanSquare(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0) / values.length)
}

/** Checks that gradients agree to rounding, relative to their size. */
function assertSameGradients(actual: Float32Array, expected: Float32Array): void {
  const size = rootMeanSquare(expected)
  assert.ok(size > 1e-5, `gradients of size ${size} test nothing`)
  assertClose(actual, expected, 2e-4 * size, 'gradient')
}

describe('policyUpdate', () => {
  after(() => selectEngine('reference'))

  for (const backend of BACKENDS) {
    describe(`on ${backend}`, () => {
      let folder = ''
      let base: CausalLM
      let policy: CausalLM

      before(async () => {
        await selectEngine(backend)
        folder = temporaryTinyModel(CONFIG, { tokenizer: false })
        base = await loadModel(folder)
      })

      beforeEach(() => {
        policy = randomPolicy(base)
      })

      afterEach(() => {
        policy.dispose()
      })

      after(() => {
        base.dispose()
      })

      /** Gradients, and the sum of the losses, of rows cut into micro-batches. */
      const gradientsOf = async (
        rows: readonly TrainingRow[],
        config: GRPOConfig,
        microBatches = 1,
      ): Promise<{ gradients: Float32Array; loss: number }> => {
        const update = new PolicyUpdate(policy, config, 10)
        const position = { ...WHOLE_BATCH, gradientAccumulationSteps: microBatches, stepsPerGeneration: microBatches }
        const size = rows.length / microBatches
        let loss = 0
        for (let i = 0; i < microBatches; i++) {
          loss += (await update.accumulate(rows.slice(i * size, (i + 1) * size), position)).loss
        }
        return { gradients: update.gradients, loss }
      }

      /** Against finite differences of Σ -weight · log π over the tokens, worked out in double precision. */
      const assertPolicyGradient = (
        gradients: Float32Array,
        rows: readonly TrainingRow[],
        weightOf: (row: TrainingRow, t: number) => number,
      ): void => {
        const reference = new ReferenceDecoder(folder)
        const lora = referenceLora(policy.adapter!)
        const surrogate = (): number =>
          rows.reduce((sum, row) => {
            const logits = reference.logits([...row.promptIds, ...row.completionIds], lora)
            const terms = row.completionIds.map(
              (id, t) => weightOf(row, t) * referenceTokenScore(logits[row.promptIds.length + t - 1]!, id, 0.9).logProb,
            )
            return sum - terms.reduce((a, b) => a + b)
          }, 0)
        let at = 0
        for (const { a, b } of lora.values()) {
          for (const matrix of [a, b]) {
            const row = matrix.at(-1)!
            at += matrix.length * row.length
            const value = row.at(-1)!
            row[row.length - 1] = value + 1e-4
            const above = surrogate()
            row[row.length - 1] = value - 1e-4
            const below = surrogate()
            row[row.length - 1] = value
            assertClose([gradients[at - 1]!], [(above - below) / 2e-4], 2e-5, `gradient ${at - 1}`)
          }
        }
        assert.equal(at, gradients.length)
      }

      for (const lossType of ['dapo', 'grpo'] as const) {
        it(`adds micro-batches up to the gradients of all rows at once: ${lossType}`, async () => {
          const config = configOf({ lossType })
          const whole = await gradientsOf(someRows(), config)
          for (const microBatches of [2, 3, 6]) {
            const cut = await gradientsOf(someRows(), config, microBatches)
            assertSameGradients(cut.gradients, whole.gradients)
            assertClose([cut.loss], [whole.loss], 1e-5)
          }
        })

        it(`has on-policy the loss of the advantages and the gradient of the policy: ${lossType}`, async () => {
          const rows = someRows()
          const { gradients, loss } = await gradientsOf(rows, configOf({ lossType }))
          const weightOf = ({ completionIds, advantage }: TrainingRow): number =>
            advantage / (lossType === 'dapo' ? TOKENS : 6 * completionIds.length)
          // The ratio is 1, so each token contributes its advantage; only the gradient knows the log-probability.
          assertClose([loss], [rows.reduce((sum, row) => sum - weightOf(row) * row.completionIds.length, 0)], 1e-6)

          assertPolicyGradient(gradients, rows, weightOf)
        })

        it(`leaves given tokens out, and weights the others by their importance-sampling ratios: ${lossType}`, async () => {
          // Of the tokens of all rows every third was given; a completion has one ratio for all of its tokens, or each its own.
          for (const ofTokens of [true, false]) {
            const rows = someRows(({ completionIds }, i) => {
              const mask = completionIds.map((_, t) => ((i + t) % 3 === 1 && completionIds.length > 1 ? 0 : 1))
              const ratios = completionIds.map((_, t) => (t + i === 2 ? 0 : 0.5 + ((i + 2 * t) % 4) / 3))
              return { mask, importanceSamplingRatio: ofTokens ? ratios : ratios[0]! }
            })
            const counts = rows.map(({ mask }) => mask!.reduce((sum, one) => sum + one))
            const numItemsInBatch = counts.reduce((sum, count) => sum + count)
            assert.ok(numItemsInBatch < TOKENS)
            const update = new PolicyUpdate(policy, configOf({ lossType }), 10)
            const { loss } = await update.accumulate(rows, { ...WHOLE_BATCH, numItemsInBatch })
            const weightOf = ({ mask, advantage, importanceSamplingRatio }: TrainingRow, t: number): number => {
              const ratio =
                typeof importanceSamplingRatio === 'number' ? importanceSamplingRatio : importanceSamplingRatio![t]!
              const tokens = lossType === 'dapo' ? numItemsInBatch : 6 * mask!.reduce((sum, one) => sum + one)
              return (mask![t]! * advantage * ratio) / tokens
            }
            const weights = rows.flatMap((row) => row.completionIds.map((_, t) => weightOf(row, t)))
            assertClose([loss], [-weights.reduce((sum, weight) => sum + weight)], 1e-6)
            assertPolicyGradient(update.gradients, rows, weightOf)
          }
        })
      }

      it('computes a micro-batch in several passes, and a long row with recomputed layers, to the same gradients', async () => {
        const whole = await gradientsOf(someRows(), configOf())
        // 16 tokens hold one group, 6 no whole group, 1 not even a row: each row's layers are computed twice.
        for (const maxTokensPerPass of [16, 6, 1]) {
          for (const asSampled of [false, true]) {
            const { logProbs, entropies } = await rowValues(policy, someRows(), 0.9)
            const rows = someRows((_, i) => ({ samplingLogProbs: logProbs[i]!, samplingEntropies: entropies[i]! }))
            const update = new PolicyUpdate(policy, configOf({ maxTokensPerPass }), 10)
            const before = memoryInUse().tensors
            const { loss } = await update.accumulate(rows, WHOLE_BATCH, { asSampled })
            assert.equal(memoryInUse().tensors, before)
            assertSameGradients(update.gradients, whole.gradients)
            assertClose([loss], [whole.loss], 1e-6)
          }
        }
      })

      it('leaves out rows that pull nothing without changing loss, metrics or gradients', async () => {
        const { logProbs, entropies } = await rowValues(policy, someRows(), 0.9)
        const rows = someRows((row, i) => ({
          samplingLogProbs: logProbs[i]!,
          samplingEntropies: entropies[i]!,
          advantage: i < 3 ? 0 : row.advantage,
          inLoss: i !== 4,
        }))
        for (const lossType of ['dapo', 'grpo', 'bnpo', 'luspo'] as const) {
          const results = []
          for (const asSampled of [false, true]) {
            const update = new PolicyUpdate(policy, configOf({ lossType }), 10)
            const result = await update.accumulate(rows, WHOLE_BATCH, { asSampled })
            results.push({ ...result, gradients: update.gradients })
          }
          const [all, some] = results as [(typeof results)[0], (typeof results)[0]]
          assertSameGradients(some.gradients, all.gradients)
          assertClose([some.loss], [all.loss], 1e-6)
          assertClose(Object.values(some.metrics), Object.values(all.metrics), 1e-5)
          assert.deepEqual(
            some.logProbs.map((row) => row === null),
            [true, true, true, false, true, false],
          )
          assert.ok(all.logProbs.every((row) => row !== null))
        }
        // With a KL term or an entropy bonus every row pulls.
        const pulling = new PolicyUpdate(policy, configOf({ entropyCoef: 0.1 }), 10)
        const { logProbs: computed } = await pulling.accumulate(rows, WHOLE_BATCH, { asSampled: true })
        assert.ok(computed.every((row) => row !== null))
      })

      it('has nothing to compute when no row pulls', async () => {
        const { logProbs, entropies } = await rowValues(policy, someRows(), 0.9)
        const rows = someRows((_, i) => ({
          samplingLogProbs: logProbs[i]!,
          samplingEntropies: entropies[i]!,
          advantage: 0,
        }))
        const update = new PolicyUpdate(policy, configOf(), 10)
        const { loss, metrics } = await update.accumulate(rows, WHOLE_BATCH, { asSampled: true })
        assert.equal(Math.abs(loss), 0)
        assertClose([metrics.entropy!], [entropies.flat().reduce((a, b) => a + b) / TOKENS], 1e-6)
        assert.ok(update.gradients.every((gradient) => gradient === 0))
      })

      it('computes rows that share their prompt as rows with prompts of their own', async () => {
        const shared = await gradientsOf(someRows(), configOf())
        const own = await gradientsOf(
          someRows(({ promptIds }) => ({ promptIds: [...promptIds] })),
          configOf(),
        )
        assertSameGradients(shared.gradients, own.gradients)
        assertClose([shared.loss], [own.loss], 1e-6)
      })

      it('has the same gradient when the old log-probabilities are those of now, and another one when they are not', async () => {
        const logProbs = (await rowValues(policy, someRows(), 0.9)).logProbs
        const onPolicy = await gradientsOf(someRows(), configOf())
        const old = await gradientsOf(
          someRows((_, i) => ({ oldLogProbs: logProbs[i]! })),
          configOf(),
        )
        assertSameGradients(old.gradients, onPolicy.gradients)
        // All tokens became 1.5 times likelier: with a positive advantage that is clipped, with a negative one it counts more.
        const other = await gradientsOf(
          someRows((_, i) => ({ oldLogProbs: logProbs[i]!.map((value) => value - Math.log(1.5)) })),
          configOf(),
        )
        const negative = await gradientsOf(
          someRows(({ advantage }) => ({ advantage: Math.min(advantage, 0) * 1.5 })),
          configOf(),
        )
        assertSameGradients(other.gradients, negative.gradients)
      })

      it('leaves out with dropout the same numbers however rows are cut, packed and recomputed', async () => {
        const dropping = randomPolicy(base, { dropout: 0.4 })
        const run = async (
          options: Record<string, unknown> = {},
          rows: readonly TrainingRow[] = someRows(),
          before = 0,
        ): Promise<{ gradients: Float32Array; loss: number }> => {
          const update = new PolicyUpdate(dropping, configOf(options), 10)
          for (let i = 0; i < before; i++) await update.accumulate(rows, WHOLE_BATCH)
          const sum = update.gradients
          const { loss } = await update.accumulate(rows, WHOLE_BATCH)
          return { gradients: update.gradients.map((value, i) => value - sum[i]!), loss }
        }
        const whole = await run()
        assert.deepEqual(await run(), whole)
        // 16 tokens hold one group, 6 no whole group, 1 not even a row: each row's layers are computed twice.
        for (const maxTokensPerPass of [16, 6, 1]) {
          const cut = await run({ maxTokensPerPass })
          assertSameGradients(cut.gradients, whole.gradients)
          assertClose([cut.loss], [whole.loss], 1e-6)
        }
        const own = await run(
          {},
          someRows(({ promptIds }) => ({ promptIds: [...promptIds] })),
        )
        assertSameGradients(own.gradients, whole.gradients)
        // Others with another seed, in another micro-batch, and without dropout.
        const size = rootMeanSquare(whole.gradients)
        for (const other of [
          await run({ seed: 43 }),
          await run({}, someRows(), 1),
          await gradientsOf(someRows(), configOf()),
        ]) {
          const difference = rootMeanSquare(whole.gradients.map((value, i) => value - other.gradients[i]!))
          assert.ok(difference > 0.1 * size, `gradients differ by ${difference} of ${size} only`)
        }
        dropping.dispose()
      })

      it('has with dropout the gradient of the loss under the same mask', async () => {
        const dropping = randomPolicy(base, { dropout: 0.4 })
        const update = new PolicyUpdate(dropping, configOf(), 10)
        const rows = someRows()
        const dropout = { key: dropoutKey(42, 0, 0), rowNumbers: [...rows.keys()] }
        await update.accumulate(rows, WHOLE_BATCH)
        const { gradients } = update
        const surrogate = async (): Promise<number> => {
          const { logProbs } = await rowValues(dropping, rows, 0.9, { dropout })
          return logProbs.reduce((sum, row, i) => sum - (rows[i]!.advantage / TOKENS) * row.reduce((a, b) => a + b), 0)
        }
        const square = gradients.reduce((sum, g) => sum + g * g, 0)
        const move = (distance: number): void => {
          const adapter = dropping.adapter!
          adapter.setValues(adapter.values.map((value, i) => value + distance * gradients[i]!))
        }
        const step = 2e-3 / Math.sqrt(square)
        move(step)
        const above = await surrogate()
        move(-2 * step)
        const slope = (above - (await surrogate())) / (2 * step)
        assertClose([slope / square], [1], 0.01, 'slope along the gradient')
        dropping.dispose()
      })

      it('computes every row with dropout, for sampling leaves nothing out', async () => {
        const dropping = randomPolicy(base, { dropout: 0.4 })
        const { logProbs, entropies } = await rowValues(dropping, someRows(), 0.9)
        const rows = someRows((row, i) => ({
          samplingLogProbs: logProbs[i]!,
          samplingEntropies: entropies[i]!,
          advantage: i < 3 ? 0 : row.advantage,
        }))
        const update = new PolicyUpdate(dropping, configOf(), 10)
        const result = await update.accumulate(rows, WHOLE_BATCH, { asSampled: true })
        const plain = new PolicyUpdate(dropping, configOf(), 10)
        assert.deepEqual(result.metrics, (await plain.accumulate(rows, WHOLE_BATCH)).metrics)
        assert.deepEqual(update.gradients, plain.gradients)
        // They are not those of sampling, so nothing can be compared with it.
        assert.ok(result.logProbs.every((row) => row === null))
        dropping.dispose()
      })

      it('leaves rows out of the loss', async () => {
        const rows = someRows((_, i) => ({ inLoss: i % 2 === 0 }))
        const masked = await gradientsOf(rows, configOf())
        const without = await gradientsOf(
          rows.filter(({ inLoss }) => inLoss),
          configOf(),
        )
        assertSameGradients(masked.gradients, without.gradients)
        const nothing = await gradientsOf(
          someRows(() => ({ inLoss: false })),
          configOf(),
        )
        assert.ok(nothing.gradients.every((value) => value === 0))
        assert.equal(nothing.loss, 0)
      })

      it('gives the log-probabilities of the forward pass and metrics by TRL’s names', async () => {
        const rows = someRows()
        const update = new PolicyUpdate(policy, configOf({ beta: 0.1 }), 10)
        const expected = (await rowValues(policy, rows, 0.9)).logProbs
        const refLogProbs = (await rowValues(policy, rows, 0.9, { reference: true })).logProbs
        const { logProbs, metrics, loss } = await update.accumulate(
          someRows((_, i) => ({ refLogProbs: refLogProbs[i]! })),
          WHOLE_BATCH,
        )
        for (const [i, row] of logProbs.entries()) assertClose(row!, expected[i]!, backend === 'cpu' ? 0 : 1e-5)
        assert.deepEqual(Object.keys(metrics).sort(), [
          'clip_ratio/high_max',
          'clip_ratio/high_mean',
          'clip_ratio/low_mean',
          'clip_ratio/low_min',
          'clip_ratio/region_mean',
          'entropy',
          'kl',
        ])
        assert.ok(metrics.entropy! > 1 && metrics.entropy! < Math.log(VOCABULARY))
        const differences = expected.flatMap((row, i) => row.map((value, t) => refLogProbs[i]![t]! - value))
        const kl = differences.reduce((sum, d) => sum + Math.exp(d) - d - 1, 0) / TOKENS
        assertClose([metrics.kl!], [kl], 1e-5)
        assertClose([loss - 0.1 * kl], [(await gradientsOf(rows, configOf())).loss], 1e-5)
      })

      it('steps as AdamW with clipping and a schedule does, worked out in double precision', async () => {
        const config = configOf({
          learningRate: 0.02,
          weightDecay: 0.1,
          adamBeta1: 0.8,
          adamBeta2: 0.9,
          adamEpsilon: 1e-7,
          maxGradNorm: 0.05,
          lrSchedulerType: 'linear',
        })
        const update = new PolicyUpdate(policy, config, 4)
        const parameters = adapterValues(policy).flatMap((values) => [...values])
        const m = parameters.map(() => 0)
        const v = parameters.map(() => 0)
        for (let step = 1; step <= 3; step++) {
          await update.accumulate(someRows(), WHOLE_BATCH)
          const raw = [...update.gradients]
          const norm = Math.sqrt(raw.reduce((sum, g) => sum + g * g, 0))
          const { gradNorm, learningRate } = update.apply()
          assert.ok(norm > 0.1, `a norm of ${norm} is not clipped`)
          assertClose([gradNorm], [norm], 1e-6)
          assertClose([learningRate], [0.02 * (1 - (step - 1) / 4)], 1e-12)
          for (let i = 0; i < parameters.length; i++) {
            const g = raw[i]! * (0.05 / (norm + 1e-6))
            m[i] = 0.8 * m[i]! + 0.2 * g
            v[i] = 0.9 * v[i]! + 0.1 * g * g
            const direction = m[i]! / (1 - 0.8 ** step) / (Math.sqrt(v[i]! / (1 - 0.9 ** step)) + 1e-7)
            parameters[i] = parameters[i]! * (1 - learningRate * 0.1) - learningRate * direction
          }
          const actual = adapterValues(policy).flatMap((values) => [...values])
          assertClose(actual, parameters, 2e-5, `step ${step}, parameter`)
          assert.ok(update.gradients.every((value) => value === 0))
        }
      })

      it('leaves the adapter alone when a gradient is not finite, and goes on afterwards', async () => {
        const [one, two] = [randomPolicy(base), randomPolicy(base)]
        const config = configOf({ learningRate: 0.01, lrSchedulerType: 'constant' })
        const [update, other] = [new PolicyUpdate(one, config, 10), new PolicyUpdate(two, config, 10)]
        const before = adapterValues(one)
        await update.accumulate(
          someRows((_, i) => (i === 2 ? { advantage: NaN } : {})),
          WHOLE_BATCH,
        )
        assert.equal(update.apply().isFinite, false)
        assert.deepEqual(adapterValues(one), before)
        for (const each of [update, other]) {
          await each.accumulate(someRows(), WHOLE_BATCH)
          each.apply()
        }
        assert.deepEqual(adapterValues(one), adapterValues(two))
        assert.notDeepEqual(adapterValues(one), before)
        one.dispose()
        two.dispose()
      })

      it('forgets what it added up when told to', async () => {
        const update = new PolicyUpdate(policy, configOf(), 10)
        await update.accumulate(someRows(), WHOLE_BATCH)
        const { gradients } = update
        await update.accumulate(someRows(), WHOLE_BATCH)
        assertSameGradients(
          update.gradients,
          gradients.map((value) => 2 * value),
        )
        update.discard()
        assert.ok(update.gradients.every((value) => value === 0))
        await update.accumulate(someRows(), WHOLE_BATCH)
        assert.deepEqual(update.gradients, gradients)
      })

      it('frees what it computed when it cannot go on', async () => {
        const update = new PolicyUpdate(policy, configOf(), 10)
        await update.accumulate(someRows(), WHOLE_BATCH)
        const before = memoryInUse()
        const { gradients } = update
        // The last token of a completion is looked at when all layers are done, and a missing reference in the loss.
        const [first, ...others] = someRows()
        const outside = { ...first!, completionIds: [1, 2, VOCABULARY] }
        await assert.rejects(update.accumulate([outside, ...others], WHOLE_BATCH), ShapeError)
        const rows = someRows()
        const broken = new PolicyUpdate(policy, { ...configOf(), beta: 0.1 }, 10)
        await assert.rejects(broken.accumulate(rows, WHOLE_BATCH), /refLogProbs/)
        assert.deepEqual(memoryInUse(), before)
        assert.deepEqual(update.gradients, gradients)
      })

      it('frees everything but the adapter', async () => {
        const update = new PolicyUpdate(policy, configOf({ entropyCoef: 0.01 }), 10)
        const step = async (): Promise<void> => {
          await update.accumulate(someRows(), WHOLE_BATCH)
          update.apply()
        }
        await step()
        const before = memoryInUse()
        for (let i = 0; i < 3; i++) await step()
        assert.deepEqual(memoryInUse(), before)
      })
    })
  }

  it('needs an adapter', async () => {
    await selectEngine('cpu')
    const model = await loadModel(temporaryTinyModel(CONFIG, { tokenizer: false }))
    assert.throws(() => new PolicyUpdate(model, configOf(), 10), ConfigError)
    model.dispose()
  })
})
