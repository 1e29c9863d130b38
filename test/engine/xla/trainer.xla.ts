/** Whole training steps on the engine xla against those on the cpu engine. */
import assert from 'node:assert/strict'
import type { Engine } from '../../../src/engine/engine.js'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import { lossTypeNames } from '../../../src/grpo/losses/lossTypes.js'
import type { TrainingStep } from '../../../src/grpo/step.js'
import { GRPOTrainer } from '../../../src/grpo/trainer.js'
import type { GRPOTrainerOptions } from '../../../src/grpo/trainer.js'
import type { LoraOptions } from '../../../src/model/loraOptions.js'
import type { CausalLM, Policy } from '../../../src/policy/causalLM.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'
import { fractionOf, tinyTask, withoutTimes } from '../../grpo/tinyTask.js'
import { note, printDifferences } from './compare.js'
import { both, disposePair, loadTiny, requireXla } from './engines.js'
import type { Pair } from './engines.js'

/** Of the tiny model, which has no EOS token of its own. */
const VOCABULARY = 20
/** Largest difference of loss, gradient norm and metrics, as a share of the cpu engine's. */
const METRIC_TOLERANCE = 1e-4
/** Differences of metrics that are smaller are compared with this: a loss that is 0 is so up to rounding. */
const SMALLEST = 1e-2

const CONFIG: Partial<GRPOConfig> = {
  numGenerations: 4,
  perDeviceTrainBatchSize: 8,
  maxCompletionLength: 9,
  maxSteps: 3,
  seed: 1,
  learningRate: 0.005,
  lrSchedulerType: 'constant',
}

function trainerOf(
  policy: Policy,
  config: Partial<GRPOConfig>,
  options: Partial<GRPOTrainerOptions> = {},
): GRPOTrainer {
  const rewards = [fractionOf(7), fractionOf(3, 'other')]
  return new GRPOTrainer({ policy, task: tinyTask(), rewards, ...options, config: { ...CONFIG, ...config } })
}

/** Metrics that are 0 on an engine which samples as it trains, and rounding on another. */
const isSamplingDifference = (name: string): boolean => name.startsWith('sampling/sampling_logp_difference')

/** Both engines took the same steps: the same completions and rewards, and metrics that differ by rounding. */
function assertSameSteps({ cpu, xla }: Pair<readonly TrainingStep[]>): void {
  const tokensOf = (steps: readonly TrainingStep[]): unknown =>
    steps.map(({ groups }) =>
      groups.map(({ problem, completions }) => [problem.id, completions.map(({ ids, reward }) => [ids, reward])]),
    )
  assert.deepEqual(tokensOf(xla), tokensOf(cpu))
  const others = withoutTimes(xla)
  assert.ok(cpu.some(({ metrics }) => metrics.grad_norm > 0))
  for (const [i, { metrics }] of withoutTimes(cpu).entries()) {
    const actual = others[i]!.metrics
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(metrics).sort())
    for (const [name, value] of Object.entries(metrics)) {
      const difference = Math.abs(actual[name]! - value!)
      if (isSamplingDifference(name)) {
        note('log-probabilities of sampling and training', actual[name]!)
        assert.ok(difference <= METRIC_TOLERANCE, `${name} is ${actual[name]}`)
        continue
      }
      const share = difference / Math.max(SMALLEST, Math.abs(value!))
      note(name === 'loss' || name === 'grad_norm' ? name : 'other metrics', share)
      assert.ok(share <= METRIC_TOLERANCE, `step ${i + 1}: ${name} is ${actual[name]}, ${value} on the cpu engine`)
    }
  }
}

describe('engine/xla: training', () => {
  let xla: Engine
  let models: Pair<CausalLM>
  before(async function () {
    xla = await requireXla(this)
    models = await loadTiny(xla, { vocab_size: VOCABULARY })
  })
  after(() => {
    // Where the engine cannot run there are none.
    if (models as Pair<CausalLM> | undefined) disposePair(models)
    printDifferences()
  })

  async function trainBoth(
    config: Partial<GRPOConfig>,
    make = (model: CausalLM): Policy => model.withLora({ r: 4, alpha: 8, seed: 1 }),
  ): Promise<Pair<TrainingStep[]>> {
    const policies = await both(models, make)
    const steps = await both(policies, (policy) => trainerOf(policy, config).train())
    disposePair(policies)
    return steps
  }

  for (const lossType of lossTypeNames) {
    for (const beta of [0, 0.05]) {
      it(`takes the cpu engine's steps with the loss ${lossType}${beta > 0 ? ' and a KL penalty' : ''}`, async () => {
        assertSameSteps(await trainBoth({ lossType, beta }))
      })
    }
  }

  const kinds: Readonly<Record<string, Partial<GRPOConfig>>> = {
    'several iterations over a batch, clipped': { numIterations: 3, epsilon: 0.01, maxSteps: 6 },
    'gradients of several micro-batches': { gradientAccumulationSteps: 2, perDeviceTrainBatchSize: 4 },
    'an entropy bonus on high-entropy tokens': { entropyCoef: 0.01, topEntropyQuantile: 0.4 },
    'sequence-level importance sampling': { importanceSamplingLevel: 'sequence', numIterations: 2, maxSteps: 4 },
    'filters and a temperature': { temperature: 0.8, topK: 10, minP: 0.01, repetitionPenalty: 1.1 },
  }
  for (const [name, config] of Object.entries(kinds)) {
    it(`takes the cpu engine's steps with ${name}`, async () => {
      assertSameSteps(await trainBoth(config))
    })
  }

  it("takes the cpu engine's steps with dropout", async () => {
    assertSameSteps(await trainBoth({ beta: 0.05 }, (model) => model.withLora({ r: 4, seed: 1, dropout: 0.2 })))
  })

  it("takes the cpu engine's steps where all weights are trained", async () => {
    assertSameSteps(await trainBoth({ beta: 0.05, learningRate: 1e-4 }, (model) => model.trainable()))
  })

  it('goes on from a checkpoint as if it had never stopped', async () => {
    const lora: LoraOptions = { r: 4, alpha: 8, seed: 1 }
    const config = { maxSteps: 4, saveSteps: 1, beta: 0.05 }
    const policies = [0, 1, 2].map(() => models.xla.withLora(lora)) as [Policy, Policy, Policy]
    const whole = withoutTimes(await trainerOf(policies[0], config).train())
    const outputDir = temporaryFolder()
    for await (const { step } of trainerOf(policies[1], config, { outputDir })) if (step === 2) break
    const rest = withoutTimes(await trainerOf(policies[2], config, { outputDir, resume: true }).train())
    assert.deepEqual(rest, whole.slice(2))
    assert.deepEqual(policies[2].adapter!.values, policies[0].adapter!.values)
    for (const policy of policies) policy.dispose()
  })
})
