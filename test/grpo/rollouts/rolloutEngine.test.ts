import assert from 'node:assert/strict'
import { once } from 'node:events'
import { selectEngine } from '../../../src/engine/registry.js'
import type { Completion } from '../../../src/engine/sampling.js'
import { ConfigError, GrpoError } from '../../../src/errors.js'
import type { GRPOConfig } from '../../../src/grpo/config/config.js'
import type { RolloutEngine } from '../../../src/grpo/rollouts/rolloutEngine.js'
import type { TrainingStep } from '../../../src/grpo/step.js'
import { PolicyUpdate } from '../../../src/grpo/update/policyUpdate.js'
import type { TrainingRow } from '../../../src/grpo/update/trainingRow.js'
import { adapterValues } from '../../fixtures/policies.js'
import { assertClose } from '../assertClose.js'
import { runToEnd, snapshots } from '../checkpoint/interruptedRun.js'
import { rewardOf, withPolicy } from '../tinyTask.js'
import { fakeRollouts, noisy, twoTurns } from './fakeRollouts.js'

const DIFFERENCE = 'sampling/sampling_logp_difference'
const RATIO = 'sampling/importance_sampling_ratio'

/** Pays for different tokens, so that every group teaches something. */
const rewards = [rewardOf(({ ids }) => ids.reduce((sum, id) => sum + id, 0) / 100)]

/** The adapter after a run, and its steps. */
async function train(
  rolloutEngine: RolloutEngine | undefined,
  config: Partial<GRPOConfig> = {},
): Promise<{ adapter: Float32Array[]; steps: TrainingStep[] }> {
  let result = { adapter: [] as Float32Array[], steps: [] as TrainingStep[] }
  await withPolicy(async ({ policy, trainerOf }) => {
    const steps = await trainerOf({ rolloutEngine, rewards }, { maxSteps: 3, ...config }).train()
    result = { adapter: adapterValues(policy), steps }
  })
  return result
}

describe('grpo/rollouts/rolloutEngine', () => {
  beforeEach(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  it('trains as the policy does by itself when what it samples is the same, whatever it says of its agreement', async () => {
    for (const config of [{}, { stepsPerGeneration: 2, numIterations: 2 }, { beta: 0.1, entropyCoef: 0.01 }]) {
      const { adapter } = await train(undefined, config)
      const withoutValues = (completion: Completion): Completion => ({ ...completion, logProbs: [], entropies: [] })
      const withoutEntropies = (completion: Completion): Completion => ({ ...completion, entropies: [] })
      for (const engine of [
        fakeRollouts('exact'),
        fakeRollouts('tolerance', withoutEntropies),
        fakeRollouts('recompute', withoutValues),
      ]) {
        assert.deepEqual(
          (await train(engine, config)).adapter,
          adapter,
          `${engine.agreement} ${JSON.stringify(config)}`,
        )
      }
    }
  })

  it('is synced before it samples whenever the policy has changed', async () => {
    const cases: [Partial<GRPOConfig>, number[]][] = [
      [{ maxSteps: 3 }, [0, 1, 2]],
      [{ maxSteps: 5, numIterations: 2 }, [0, 2, 4]],
      [{ maxSteps: 2, gradientAccumulationSteps: 2, stepsPerGeneration: 1 }, [0, 1]],
      [{ maxSteps: 1, dynamicSampling: true, generationBatchSize: 4 }, [0]],
    ]
    for (const [config, expected] of cases) {
      const engine = fakeRollouts('exact')
      await train(engine, config)
      assert.deepEqual(engine.synced, expected, JSON.stringify(config))
    }
  })

  it('is told how to sample, and nothing else', () =>
    withPolicy(async ({ policy, trainerOf }) => {
      const engine = fakeRollouts('exact')
      const seen: object[] = []
      const rolloutEngine: RolloutEngine = {
        ...engine,
        generate(prompts, options) {
          seen.push(options)
          return engine.generate(prompts, options)
        },
      }
      await trainerOf({ rolloutEngine }, { maxSteps: 1, topK: 5, minP: 0 }).train()
      const { signal, onProgress, seed, ...options } = seen[0] as Record<string, unknown>
      assert.ok(signal instanceof AbortSignal && typeof onProgress === 'function' && typeof seed === 'number')
      assert.deepEqual(options, {
        maxCompletionLength: 5,
        temperature: 1,
        topK: 5,
        topP: 1,
        minP: 0,
        repetitionPenalty: 1,
        numGenerations: 4,
        eosTokenIds: policy.eosTokenIds,
        stopStrings: [],
      })
    }))

  describe('whose log-probabilities differ', () => {
    /** One step without clipping of its gradient, and the gradient of its rows with and without the correction, worked out here. */
    const compare = async (config: Partial<GRPOConfig>, isCorrected: boolean): Promise<TrainingStep['metrics']> => {
      const engine = fakeRollouts('tolerance', noisy(0.8))
      let metrics: TrainingStep['metrics'] | null = null
      await withPolicy(async ({ policy, trainerOf }) => {
        const trainer = trainerOf(
          { rolloutEngine: engine, rewards },
          { ...batch, maxSteps: 1, learningRate: 0, ...config },
        )
        const [step] = await trainer.train()
        const { groups } = step!
        metrics = step!.metrics
        const { vllmImportanceSamplingMode: mode, vllmImportanceSamplingClipMin, ...own } = trainer.config
        const [min, max] = [vllmImportanceSamplingClipMin ?? 0, own.vllmImportanceSamplingClipMax ?? Infinity]
        const ratioOf = (sum: number): number => {
          const ratio = Math.exp(sum)
          if (mode.endsWith('truncate')) return Math.min(max, Math.max(min, ratio))
          return ratio < min || ratio > max ? 0 : ratio
        }
        const rows = groups.flatMap(({ promptIds, completions }) =>
          completions.map((completion): TrainingRow => {
            const { ids, advantage, logProbs, oldLogProbs, entropies } = completion
            const differences = oldLogProbs!.map((old, t) => old - logProbs[t]!)
            const sum = differences.reduce((a, b) => a + b)
            const ratios = differences.map((difference) => ratioOf(mode.startsWith('token') ? difference : sum))
            return {
              promptIds,
              completionIds: ids,
              advantage,
              inLoss: true,
              samplingLogProbs: logProbs,
              samplingEntropies: entropies,
              oldLogProbs: null,
              refLogProbs: null,
              importanceSamplingRatio: isCorrected ? ratios : null,
            }
          }),
        )
        const update = new PolicyUpdate(policy, trainer.config, 1)
        const tokens = rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
        await update.accumulate(rows, { numItemsInBatch: tokens, gradientAccumulationSteps: 1, stepsPerGeneration: 1 })
        const { gradNorm } = update.apply()
        assert.ok(gradNorm > 0)
        assertClose([step!.metrics.grad_norm], [gradNorm], 1e-5 * gradNorm, `${mode} ${isCorrected}`)
      })
      return metrics!
    }
    const batch = { numGenerations: 16, perDeviceTrainBatchSize: 16 }
    const bounds = { vllmImportanceSamplingClipMin: 0.8, vllmImportanceSamplingClipMax: 1.2 }

    it('is corrected for, in every mode', async () => {
      const norms = []
      for (const mode of ['token_truncate', 'token_mask', 'sequence_truncate', 'sequence_mask'] as const) {
        const metrics = await compare({ vllmImportanceSamplingMode: mode, ...bounds }, true)
        norms.push(metrics.grad_norm)
        assert.ok(metrics[`${DIFFERENCE}/mean`]! > 0.1 && metrics[`${DIFFERENCE}/max`]! <= 0.4001)
        const [min, mean, max] = [`${RATIO}/min`, `${RATIO}/mean`, `${RATIO}/max`].map((name) => metrics[name]!)
        assert.ok(min! < mean! && mean! < max! && max! <= 1.2, `${mode}: ${min}, ${mean}, ${max}`)
        assert.equal(min, mode.endsWith('mask') ? 0 : 0.8)
      }
      assert.equal(new Set(norms).size, 4)
    })

    it('is not corrected for when that is off, but measured', async () => {
      const metrics = await compare({ vllmImportanceSamplingCorrection: false }, false)
      assert.ok(metrics[`${DIFFERENCE}/mean`]! > 0.1)
      assert.ok(!(`${RATIO}/mean` in metrics))
    })

    it('still learns', async () => {
      const config = { maxSteps: 12, numGenerations: 8, perDeviceTrainBatchSize: 24, learningRate: 0.05 }
      const { steps } = await train(fakeRollouts('tolerance', noisy(0.4)), config)
      const reward = steps.map(({ metrics }) => metrics.reward!)
      assert.ok(reward.at(-1)! > reward[0]! + 0.2, reward.join(' '))
    })

    it('may be a somewhat older policy, whose distance is measured', () =>
      withPolicy(async ({ base, policy, trainerOf }) => {
        const older = base.withLora({ r: 4, alpha: 8 })
        older.trained.parameters.setValues(policy.trained!.parameters.values)
        const rolloutEngine = fakeRollouts('tolerance')
        // It takes over the policy at the start and never again.
        const stale = { ...rolloutEngine, sync: (_: unknown, step: number) => rolloutEngine.sync!(older, step) }
        const steps = await trainerOf({ rolloutEngine: stale, rewards }, { maxSteps: 3 }).train()
        const differences = steps.map(({ metrics }) => metrics[`${DIFFERENCE}/mean`]!)
        assert.ok(
          differences[0] === 0 && differences[1]! > 0 && differences[2]! > differences[1]!,
          differences.join(' '),
        )
        older.dispose()
      }))

    it('is refused when it says that it agrees exactly', () =>
      withPolicy(async ({ policy, trainerOf }) => {
        const before = adapterValues(policy)
        const exact = fakeRollouts('exact', (completion) => ({
          ...completion,
          logProbs: completion.logProbs.map((logProb) => logProb - 0.05),
        }))
        await assert.rejects(
          trainerOf({ rolloutEngine: exact, rewards }).train(),
          /sampling and training disagree: .* 0\.0[45]\d* nats, expected at most 0\.01\. .* The rollout engine fake \(exact\) says .* let it say 'tolerance'/,
        )
        assert.deepEqual(adapterValues(policy), before)
      }))

    it('is refused when it is far off, before anything is trained on', () =>
      withPolicy(async ({ policy, trainerOf }) => {
        const before = adapterValues(policy)
        const far = fakeRollouts('tolerance', (completion) => ({
          ...completion,
          logProbs: completion.logProbs.map((logProb) => logProb - 1.5),
        }))
        await assert.rejects(
          trainerOf({ rolloutEngine: far, rewards }).train(),
          /the rollout engine fake \(tolerance\) sampled is not from this policy: .* 1\.50 nats apart on average, expected less than 1/,
        )
        assert.deepEqual(adapterValues(policy), before)
      }))
  })

  describe('that inserts tokens', () => {
    const given = [3, 4]

    it('has them left out of loss, counts and metrics', () =>
      withPolicy(async ({ policy, trainerOf }) => {
        const config = { maxSteps: 1, maxCompletionLength: 6, learningRate: 0 }
        const [step] = await trainerOf({ rolloutEngine: twoTurns(given, 2), rewards }, config).train()
        const { metrics, groups } = step!
        for (const { ids, mask } of groups[0]!.completions) {
          assert.deepEqual(ids.slice(2, 4), given)
          assert.deepEqual(mask, [1, 1, 0, 0, 1, 1])
        }
        assert.equal(metrics['completions/mean_length'], 4)
        assert.equal(metrics.num_tokens, 4 * (2 + 4))
        assert.ok(metrics[`${DIFFERENCE}/max`]! < 1e-5)
        const rows = groups[0]!.completions.map(({ ids, advantage, mask }): TrainingRow => ({
          promptIds: groups[0]!.promptIds,
          completionIds: ids,
          mask: mask!,
          advantage,
          inLoss: true,
          samplingLogProbs: null,
          samplingEntropies: null,
          oldLogProbs: null,
          refLogProbs: null,
        }))
        const update = new PolicyUpdate(policy, trainerOf({}, config).config, 1)
        const place = { numItemsInBatch: 16, gradientAccumulationSteps: 1, stepsPerGeneration: 1 }
        const result = await update.accumulate(rows, place)
        assertClose([metrics.entropy!, metrics.loss], [result.metrics.entropy!, result.loss], 1e-5)
        const { gradNorm } = update.apply()
        assert.ok(gradNorm > 0)
        assertClose([metrics.grad_norm], [gradNorm], 1e-5 * gradNorm)
      }))

    it('goes on from a checkpoint bit for bit', async () => {
      const config = { saveSteps: 1, maxSteps: 3, stepsPerGeneration: 2, numIterations: 2, maxCompletionLength: 6 }
      const { result, folders } = await snapshots(config, {}, { rolloutEngine: twoTurns(given, 2), rewards })
      const lines = result.completions.trimEnd().split('\n')
      assert.ok(lines.length > 0 && lines.every((line) => line.includes('"mask":[1,1,0,0,1,1]')))
      for (const outputDir of folders) {
        const options = { outputDir, resume: true, rolloutEngine: twoTurns(given, 2), rewards }
        assert.deepEqual(await runToEnd(options, config), result)
      }
    })
  })

  it('goes on from a checkpoint bit for bit, with the same engine only', async () => {
    const config = { saveSteps: 1, maxSteps: 3, stepsPerGeneration: 2, numIterations: 2 }
    const { result, folders } = await snapshots(
      config,
      {},
      { rolloutEngine: fakeRollouts('tolerance', noisy(0.3)), rewards },
    )
    for (const outputDir of folders) {
      const options = { outputDir, resume: true, rolloutEngine: fakeRollouts('tolerance', noisy(0.3)), rewards }
      assert.deepEqual(await runToEnd(options, config), result)
    }
    assert.ok(!result.completions.includes('mask'))
    const outputDir = folders.at(-1)!
    for (const rolloutEngine of [undefined, fakeRollouts('exact'), { ...fakeRollouts('tolerance'), name: 'other' }]) {
      await assert.rejects(
        runToEnd({ outputDir, resume: true, rolloutEngine, rewards }, config),
        /rolloutEngine was "fake \(tolerance\)" and is now/,
      )
    }
  })

  describe('that fails', () => {
    /** Changes what the second generation returns. */
    const failingOnce = (change: (completions: Completion[][]) => unknown): RolloutEngine => {
      const engine = fakeRollouts('exact')
      let calls = 0
      return {
        ...engine,
        async generate(prompts, options) {
          const completions = await engine.generate(prompts, options)
          calls++
          return calls === 2 ? ((await change(completions)) as Completion[][]) : completions
        },
      }
    }
    const first = (change: (completion: Completion) => unknown) => (groups: Completion[][]) => [
      groups[0]!.map((completion, j) => (j === 1 ? change(completion) : completion)),
    ]
    const changed = (fields: Record<string, unknown>) => first((completion) => ({ ...completion, ...fields }))
    const cases: [string, (completions: Completion[][]) => unknown, RegExp][] = [
      ['throws', () => Promise.reject(new Error('503')), /the rollout engine 'fake' failed to sample 1 prompts: 503/],
      [
        'returns nothing',
        () => undefined,
        /'fake' returned undefined; expected an array with the completions of each of 1/,
      ],
      ['returns too few groups', () => [], /returned completions of 0 prompts; expected an array .* of 1 prompts/],
      ['returns too many groups', (all) => [...all, ...all], /returned completions of 2 prompts; expected an array/],
      [
        'returns too few completions',
        ([group]) => [group!.slice(1)],
        /returned 3 completions for prompt 0; expected 4/,
      ],
      [
        'returns too many completions',
        ([group]) => [[...group!, group![0]]],
        /returned 5 completions for prompt 0; expected 4/,
      ],
      ['returns no completions', () => ['text'], /returned 'text' for prompt 0; expected 4/],
      ['returns a text', first(() => 'text'), /completion 1 one whose value is 'text'; expected a Completion/],
      [
        'returns an empty completion',
        changed({ ids: [] }),
        /completion 1 one whose ids are empty; expected at least one token/,
      ],
      [
        'returns a long one',
        changed({ ids: [1, 2, 3, 4, 5, 6] }),
        /ids are 6 tokens; expected at most maxCompletionLength = 5/,
      ],
      [
        'returns unknown tokens',
        changed({ ids: [1, 2, 20, 3, 4] }),
        /ids have 20 at token 2; expected a token from 0 to 19/,
      ],
      ['returns half tokens', changed({ ids: [1, 2.5, 3, 4, 5] }), /ids have 2\.5 at token 1; expected a token/],
      ['returns no log-probabilities', changed({ logProbs: undefined }), /logProbs are undefined; expected an array/],
      [
        'returns few log-probabilities',
        changed({ logProbs: [-1] }),
        /logProbs are 1 for 5 tokens; expected one for each/,
      ],
      [
        'returns NaN',
        changed({ logProbs: [-1, NaN, -1, -1, -1] }),
        /logProbs have NaN at token 1; expected a log-probability/,
      ],
      ['returns infinity', changed({ logProbs: [-1, -1, -Infinity, -1, -1] }), /logProbs have -Infinity at token 2/],
      [
        'returns probabilities',
        changed({ logProbs: [0.5, 0.5, 0.5, 0.5, 0.5] }),
        /logProbs have 0\.5 at token 0; .* at most 0/,
      ],
      ['returns few entropies', changed({ entropies: [] }), /entropies are 0 for 5 tokens; expected one for each/],
      ['returns negative entropies', changed({ entropies: [1, 1, 1, 1, -1] }), /entropies have -1 at token 4/],
      [
        'ends in an unknown way',
        changed({ finishReason: 'abort' }),
        /finishReason is 'abort'; expected 'stop' or 'length'/,
      ],
      ['returns no text', changed({ text: null }), /text is null; expected a text/],
      ['returns a short mask', changed({ mask: [1] }), /mask are 1 for 5 tokens; expected one for each/],
      ['returns a mask of others', changed({ mask: [1, 1, 1, 1, 2] }), /mask have 2 at token 4; expected 0 or 1/],
      ['returns a mask of zeros', changed({ mask: [0, 0, 0, 0, 0] }), /mask has no 1; expected at least one token/],
    ]

    it('ends the loop with an error that says what it got, and loses nothing', async () => {
      const plain = await train(fakeRollouts('exact'))
      for (const [what, change, message] of cases) {
        await withPolicy(async ({ policy, trainerOf }) => {
          const trainer = trainerOf({ rolloutEngine: failingOnce(change), rewards }, { maxSteps: 3 })
          await assert.rejects(trainer.train(), (error) => {
            assert.ok(error instanceof GrpoError, what)
            assert.match(error.message, message, what)
            return true
          })
          assert.equal(trainer.step, 1, what)
          await trainer.train()
          assert.deepEqual(adapterValues(policy), plain.adapter, what)
        })
      }
    })

    it('to take over the policy ends the loop too, and is tried again', () =>
      withPolicy(async ({ trainerOf }) => {
        const engine = fakeRollouts('exact')
        let fails = true
        const rolloutEngine: RolloutEngine = {
          ...engine,
          sync: (policy, step) =>
            step === 1 && fails ? Promise.reject(new Error('no space')) : engine.sync!(policy, step),
        }
        const trainer = trainerOf({ rolloutEngine, rewards }, { maxSteps: 2 })
        await assert.rejects(
          trainer.train(),
          /the rollout engine 'fake' failed to take over the policy after step 1: no space/,
        )
        fails = false
        assert.equal((await trainer.train()).length, 1)
        assert.deepEqual(engine.synced, [0, 1])
      }))

    it('to end is left alone when the run is stopped', async () => {
      for (const hanging of ['generate', 'sync'] as const) {
        await withPolicy(async ({ policy, trainerOf }) => {
          const before = adapterValues(policy)
          const stop = new AbortController()
          const hang = async (): Promise<never> => {
            setTimeout(() => {
              stop.abort()
            }, 20)
            // Something else keeps the process going, as a connection would.
            const timer = setInterval(() => undefined, 1000)
            await once(stop.signal, 'abort')
            clearInterval(timer)
            return new Promise<never>(() => undefined)
          }
          const rolloutEngine = { ...fakeRollouts('exact'), [hanging]: hang }
          const trainer = trainerOf({ rolloutEngine, rewards, signal: stop.signal })
          assert.deepEqual(await trainer.train(), [])
          assert.deepEqual(adapterValues(policy), before)
        })
      }
    })

    it('to be one is refused', () =>
      withPolicy(async ({ trainerOf }) => {
        await Promise.resolve()
        for (const [fields, message] of [
          [{ name: '' }, /rolloutEngine: name is ''; expected a text/],
          [{ agreement: 'good' }, /agreement is 'good'; expected exact, tolerance, recompute/],
          [{ generate: undefined }, /generate is undefined; expected a method/],
          [{ sync: 1 }, /sync is 1; expected a method, or none/],
        ] as const) {
          const rolloutEngine = { ...fakeRollouts('exact'), ...fields } as unknown as RolloutEngine
          assert.throws(() => trainerOf({ rolloutEngine }), { name: ConfigError.name, message })
        }
      }))
  })
})
