/** Runs on an engine that samples otherwise than it trains, as one does that samples with merged weights in bfloat16. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import type { EngineInfo } from '../../../src/engine/engine.js'
import { selectEngine } from '../../../src/engine/registry.js'
import type { Completion } from '../../../src/engine/sampling.js'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import type { TrainingStep } from '../../../src/grpo/step.js'
import { GRPOTrainer } from '../../../src/grpo/trainer.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { trainingCharts } from '../../../src/report/page/charts/trainingCharts.js'
import { Run } from '../../../src/report/page/run.js'
import { RunReader } from '../../../src/report/runReader.js'
import { forwardingEngine } from '../../fixtures/forwardingEngine.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { rewardOf, tinyTask, VOCABULARY } from '../tinyTask.js'
import { noise } from './fakeRollouts.js'

const DIFFERENCE = 'sampling/sampling_logp_difference'
const EXPECTED = 'sampling/expected_logp_difference'
const RATIO = 'sampling/importance_sampling_ratio'

/** Of an engine in bfloat16. */
const halves: Partial<EngineInfo> = {
  isBatchInvariant: false,
  precision: 'bfloat16',
  samplingTolerance: null,
  expectedDifference: { mean: 0.03, max: 0.15 },
}

describe('a policy that its engine samples from otherwise than it trains it', () => {
  const inFolder = useTemporaryFolder()
  let modelFolder: string

  before(() => {
    modelFolder = temporaryTinyModel({ vocab_size: VOCABULARY, max_position_embeddings: 64 }, { tokenizer: false })
  })

  beforeEach(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  /** A run on an engine that records log-probabilities off by `offset` nats. */
  async function train(
    info: Partial<EngineInfo>,
    offset: (i: number) => number, // of the i-th token of a completion
    config: Partial<GRPOConfig> = {},
    outputDir?: string,
  ): Promise<{ steps: TrainingStep[]; adapter: Float32Array }> {
    const { engine } = await selectEngine('cpu')
    const off = (completion: Completion): Completion => ({
      ...completion,
      logProbs: completion.logProbs.map((logProb, t) => logProb + offset(t)),
    })
    const base = await loadModel(modelFolder, {
      engine: forwardingEngine(engine, {
        info,
        model: (model) => ({
          generate: async (prompts, options) => (await model.generate(prompts, options)).map((group) => group.map(off)),
        }),
      }),
    })
    const policy = base.withLora({ r: 4, alpha: 8 })
    try {
      const steps = await new GRPOTrainer({
        policy,
        task: tinyTask(),
        // Pays for different tokens, so that every group teaches something.
        rewards: [rewardOf(({ ids }) => ids.reduce((sum, id) => sum + id, 0) / 100)],
        config: {
          numGenerations: 4,
          perDeviceTrainBatchSize: 4,
          maxCompletionLength: 5,
          maxSteps: 1,
          seed: 1,
          ...config,
        },
        ...(outputDir !== undefined && { outputDir }),
      }).train()
      return { steps, adapter: policy.adapter!.values.slice() }
    } finally {
      policy.dispose()
      base.dispose()
    }
  }

  it('is corrected by default: the gradient counts π_old / π_sampler times', async () => {
    const exact = await train({}, () => 0)
    const norm = exact.steps[0]!.metrics.grad_norm
    assert.ok(norm > 0)
    // Every token is sampled as 0.1 nats less likely than the policy has it.
    const cases: [Partial<GRPOConfig>, number][] = [
      [{ vllmImportanceSamplingMode: 'token_truncate' }, Math.exp(0.1)],
      [{}, Math.exp(0.5)],
      [{ vllmImportanceSamplingClipMax: 1.2, vllmImportanceSamplingMode: 'sequence_truncate' }, 1.2],
      [{ vllmImportanceSamplingClipMax: 1.2 }, 0],
      [{ vllmImportanceSamplingCorrection: false }, 1],
    ]
    for (const [config, ratio] of cases) {
      const { steps } = await train(halves, () => -0.1, config)
      const { metrics, groups } = steps[0]!
      const label = JSON.stringify(config)
      assert.ok(Math.abs(metrics.grad_norm - ratio * norm) <= 1e-4 * norm, `${label}: ${metrics.grad_norm} of ${norm}`)
      for (const of of ['mean', 'max']) assert.ok(Math.abs(metrics[`${DIFFERENCE}/${of}`]! - 0.1) < 1e-5, label)
      assert.deepEqual([metrics[`${EXPECTED}/mean`], metrics[`${EXPECTED}/max`]], [0.03, 0.15])
      const ratios = ['min', 'mean', 'max'].map((of) => metrics[`${RATIO}/${of}`])
      if (config.vllmImportanceSamplingCorrection === false) assert.deepEqual(ratios, [undefined, undefined, undefined])
      else
        assert.ok(
          ratios.every((value) => Math.abs(value! - ratio) < 1e-4),
          `${label}: ${ratios.join(' ')}`,
        )
      const { logProbs, oldLogProbs } = groups[0]!.completions[0]!
      assert.ok(logProbs.every((logProb, t) => Math.abs(oldLogProbs![t]! - logProb - 0.1) < 1e-5))
    }
  })

  it('is checked in each step where the engine has a tolerance, and nothing is corrected', async () => {
    const merged: Partial<EngineInfo> = { isBatchInvariant: false, samplingTolerance: 1e-3 }
    const { steps } = await train(merged, (t) => 5e-4 * noise(t))
    const { metrics } = steps[0]!
    assert.ok(metrics[`${DIFFERENCE}/max`]! > 1e-5 && metrics[`${DIFFERENCE}/max`]! < 5e-4)
    assert.ok(!(`${RATIO}/mean` in metrics) && !(`${EXPECTED}/mean` in metrics))
    await assert.rejects(
      train(merged, () => -2e-3),
      /sampling and training disagree: .*nats, expected at most 0\.001\. .*defect of the engine/,
    )
  })

  it('is warned of when the difference is larger than the engine expects, and the report shows both', async () => {
    const names = ({ diagnosis }: TrainingStep): string[] => diagnosis.map(({ name }) => name)
    const config = { maxSteps: 4, saveStrategy: 'no' } as const
    const usual = await train(halves, (t) => 0.08 * noise(t), config)
    assert.ok(usual.steps.every((step) => !names(step).includes('sampling_mismatch')))

    const { steps } = await train(halves, (t) => 0.2 * noise(t), config, inFolder('run'))
    assert.deepEqual(
      steps.map((step) => names(step).includes('sampling_mismatch')),
      [false, false, true, true],
    )
    const finding = steps[3]!.diagnosis.find(({ name }) => name === 'sampling_mismatch')!
    assert.match(
      finding.message,
      /nats apart from the policy's on average and 0\.\d+ at most \(its engine expects 0\.03/,
    )
    assert.match(fs.readFileSync(inFolder('run', 'diagnosis.jsonl'), 'utf8'), /sampling_mismatch/)

    const run = new Run({ ...new RunReader(inFolder('run')).read({ final: true }), writtenAt: '', live: null })
    const chart = trainingCharts.find(({ id }) => id === 'sampling-difference')!
    const series = ['#111111', '#222222', '#333333']
    const { traces, columns } = chart.draw(run, { text: '', muted: '', grid: '', surface: '', series })!
    assert.deepEqual(
      columns.map(({ label }) => label),
      ['Largest', 'Mean', 'Largest expected', 'Mean expected'],
    )
    assert.deepEqual(
      traces.map(({ y, line }) => [y.length, line?.color, line?.dash]),
      [
        [4, '#111111', undefined],
        [4, '#222222', undefined],
        [4, '#111111', 'dot'],
        [4, '#222222', 'dot'],
      ],
    )
    assert.deepEqual(traces[3]!.y, [0.03, 0.03, 0.03, 0.03])
  })

  it('goes on bit for bit as without a difference where nothing is corrected', async () => {
    const config = { maxSteps: 3, stepsPerGeneration: 2, numIterations: 2, generationBatchSize: 8 }
    const exact = await train({}, () => 0, config)
    const off = await train(halves, (t) => 0.1 * noise(t), { ...config, vllmImportanceSamplingCorrection: false })
    assert.deepEqual(off.adapter, exact.adapter)
    const corrected = await train(halves, (t) => 0.1 * noise(t), config)
    assert.notDeepEqual(corrected.adapter, exact.adapter)
  })
})
