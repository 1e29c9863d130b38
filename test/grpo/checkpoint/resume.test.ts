import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../../src/engine/registry.js'
import { ConfigError, GrpoError } from '../../../src/errors.js'
import { checkSameRun, runIdentity } from '../../../src/grpo/checkpoint/runIdentity.js'
import type { RunIdentity } from '../../../src/grpo/checkpoint/runIdentity.js'
import { parseGRPOConfig, type GRPOConfig } from '../../../src/grpo/config/config.js'
import type { GRPOTrainerOptions } from '../../../src/grpo/trainer.js'
import type { LoraOptions } from '../../../src/model/loraOptions.js'
import { adapterValues } from '../../fixtures/policies.js'
import { asPolicy } from '../../../src/policy/causalLM.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { ggufFixture } from '../../fixtures/gguf/fixture.js'
import { temporaryFolder } from '../../fixtures/tinyModel.js'
import { fractionOf, rewardOf, tinyTask, withPolicy } from '../tinyTask.js'
import { checkpointsOf, filesOf, runToEnd, snapshots } from './interruptedRun.js'
import type { RunResult } from './interruptedRun.js'

describe('resume', () => {
  beforeEach(() => selectEngine('cpu'))
  after(() => selectEngine('reference'))

  const cases: [string, Partial<GRPOConfig>, LoraOptions?][] = [
    ['a batch a step', { saveSteps: 2, maxSteps: 4 }],
    [
      'with dynamic sampling and difficulty pools',
      { saveSteps: 1, maxSteps: 2, dynamicSampling: true, difficultyPools: true },
    ],
    [
      'in the middle of a generation batch that is used several times, with a reference model',
      { saveSteps: 1, stepsPerGeneration: 2, numIterations: 2, beta: 0.1, lrSchedulerType: 'linear', maxSteps: 5 },
    ],
    [
      'several generation batches a step, with adaptive entropy',
      {
        saveSteps: 2,
        stepsPerGeneration: 1,
        gradientAccumulationSteps: 2,
        useAdaptiveEntropy: true,
        entropyTarget: 2.9,
        maxSteps: 3,
      },
    ],
    [
      'with dropout, ranks of their own and rank-stabilised LoRA',
      { saveSteps: 1, maxSteps: 3, gradientAccumulationSteps: 2, stepsPerGeneration: 2 },
      {
        dropout: 0.3,
        useRslora: true,
        rankPattern: { q_proj: 2 },
        targetModules: ['q_proj', 'down_proj'],
        layersToTransform: [1],
      },
    ],
  ]
  for (const [what, config, lora] of cases) {
    it(`gives the same bits as a run that was not interrupted: ${what}`, async () => {
      const { result, folders } = await snapshots(config, lora)
      for (const outputDir of folders) {
        assert.deepEqual(await runToEnd({ outputDir, resume: true }, config, lora), result)
      }
    })
  }

  it('trains on rollouts that were already sampled, without judging them again', async () => {
    const config = { saveSteps: 1, maxSteps: 2 }
    const { folders } = await snapshots(config)
    // After the first step, between the sampling and the training of the second.
    const outputDir = folders[2]!
    let calls = 0
    const counting = rewardOf((input) => {
      calls++
      return fractionOf(7).score(input)
    })
    await runToEnd({ outputDir, resume: true, rewards: [counting] }, config)
    assert.equal(calls, 0)
  })

  it('starts from the start where there is no checkpoint', async () => {
    const config = { maxSteps: 2 }
    const plain = await runToEnd({ outputDir: temporaryFolder() }, config)
    const outputDir = path.join(temporaryFolder(), 'new')
    assert.deepEqual(await runToEnd({ outputDir, resume: true }, config), plain)
    // And a finished run has nothing left to do.
    assert.deepEqual(await runToEnd({ outputDir, resume: true }, config), plain)
  })

  it('replaces a run and its checkpoints when it is not asked for', async () => {
    const outputDir = temporaryFolder()
    await runToEnd({ outputDir }, { maxSteps: 6, saveSteps: 2 })
    const result = await runToEnd({ outputDir }, { maxSteps: 1 })
    assert.deepEqual(checkpointsOf(outputDir), ['step-1'])
    assert.equal(result.metrics.split('\n').length, 1)
  })

  it('goes on after a run was left, in another process', async () => {
    const config = { maxSteps: 4, saveSteps: 100 }
    const plain = await runToEnd({ outputDir: temporaryFolder() }, config)
    const outputDir = temporaryFolder()
    await withPolicy(async ({ trainerOf }) => {
      for await (const { step } of trainerOf({ outputDir }, config)) if (step === 3) break
    })
    assert.deepEqual(checkpointsOf(outputDir), ['step-3'])
    assert.deepEqual(await runToEnd({ outputDir, resume: true }, config), plain)
  })

  it('goes on after a reward function failed, as if it had not', async () => {
    const config = { maxSteps: 4, saveSteps: 100 }
    const plain = await runToEnd({ outputDir: temporaryFolder() }, config)
    for (const sameTrainer of [true, false]) {
      const outputDir = temporaryFolder()
      await withPolicy(async ({ trainerOf }) => {
        let calls = 0
        const reward = rewardOf((input) => {
          if (++calls === 11) throw new Error('once')
          return fractionOf(7).score(input)
        })
        const trainer = trainerOf({ outputDir, rewards: [reward] }, config)
        await assert.rejects(trainer.train(), /once/)
        assert.deepEqual(checkpointsOf(outputDir), ['step-2'])
        if (sameTrainer) await trainer.train()
      })
      if (!sameTrainer) await runToEnd({ outputDir, resume: true }, config)
      assert.deepEqual(filesOf(outputDir), { metrics: plain.metrics, completions: plain.completions })
    }
  })

  it('keeps the last checkpoints, each complete', async () => {
    const outputDir = temporaryFolder()
    await runToEnd({ outputDir }, { maxSteps: 6, saveSteps: 1, saveTotalLimit: 3 })
    assert.deepEqual(checkpointsOf(outputDir), ['step-4', 'step-5', 'step-6'])
    assert.deepEqual(fs.readdirSync(path.join(outputDir, 'checkpoints', 'step-6')).sort(), [
      'SHA256SUMS',
      'adapter',
      'optimizer.safetensors',
      'trainer_state.json',
    ])
    await runToEnd({ outputDir: `${outputDir}-none` }, { maxSteps: 2, saveStrategy: 'no' })
    assert.ok(!fs.existsSync(path.join(`${outputDir}-none`, 'checkpoints')))
  })

  it('ignores and removes what a kill left of a checkpoint', async () => {
    const config = { maxSteps: 3, saveSteps: 1 }
    const { result, folders } = await snapshots(config)
    const outputDir = folders[1]!
    for (const name of ['.step-2.saving', '.step-9.removing']) {
      fs.mkdirSync(path.join(outputDir, 'checkpoints', name, 'adapter'), { recursive: true })
    }
    assert.deepEqual(await runToEnd({ outputDir, resume: true }, config), result)
    assert.deepEqual(checkpointsOf(outputDir), ['step-2', 'step-3'])
  })

  describe('refuses', () => {
    const start = async (): Promise<string> => {
      const outputDir = temporaryFolder()
      await runToEnd({ outputDir }, { maxSteps: 2, saveSteps: 1 })
      return outputDir
    }
    const resume = (
      outputDir: string,
      options: Partial<GRPOTrainerOptions> = {},
      config: Partial<GRPOConfig> = {},
    ): Promise<RunResult> => runToEnd({ outputDir, resume: true, ...options }, { maxSteps: 2, saveSteps: 1, ...config })

    it('another run, and names the differences', async () => {
      const outputDir = await start()
      const before = filesOf(outputDir)
      const cases: [Partial<GRPOTrainerOptions>, Partial<GRPOConfig>, RegExp][] = [
        [
          {},
          { learningRate: 0.5, epsilon: 0.3 },
          /epsilon was 0\.2 and is now 0\.3\n {2}learningRate was 0\.02 and is now 0\.5/,
        ],
        [
          {},
          { maxSteps: 4, lrSchedulerType: 'linear' },
          /maxSteps was 2 and is now 4, on which the learning rate of every step depends/,
        ],
        [{ task: tinyTask(4) }, {}, /problems was "3 problems, \w+" and is now "4 problems/],
        [{ rewards: [fractionOf(7, 'other')] }, {}, /rewards was "fraction × 1" and is now "other × 1"/],
      ]
      for (const [options, config, message] of cases) {
        await assert.rejects(
          resume(outputDir, options, config),
          (error) => error instanceof ConfigError && message.test(error.message),
        )
      }
      const adapters: [LoraOptions, RegExp][] = [
        [{ dropout: 0.1 }, /adapter was "rank 4, alpha 8, \w+" and is now "rank 4, alpha 8, \w+, dropout 0.1"/],
        [{ useRslora: true }, /and is now "rank 4, alpha 8, \w+, rank-stabilised"/],
        [{ alphaPattern: { q_proj: 4 } }, /and is now "rank 4, alpha 8, \w+, scales \w+"/],
        [{ rankPattern: { q_proj: 2 } }, /adapter was .* and is now/],
        [{ layersToTransform: 0 }, /adapter was .* and is now/],
      ]
      for (const [lora, message] of adapters) {
        await assert.rejects(
          runToEnd({ outputDir, resume: true }, { maxSteps: 2, saveSteps: 1 }, lora),
          (error) => error instanceof ConfigError && message.test(error.message),
          JSON.stringify(lora),
        )
      }
      assert.deepEqual(filesOf(outputDir), before)
      await withPolicy(
        async ({ trainerOf }) => {
          await Promise.resolve()
          assert.throws(() => trainerOf({ outputDir, resume: true }, { maxSteps: 2 }), /model was .* and is now/)
        },
        { hidden_size: 32 },
      )
    })

    it('but not more steps at a constant learning rate, nor other ways to save and show', async () => {
      const plain = await runToEnd({ outputDir: temporaryFolder() }, { maxSteps: 4 })
      const outputDir = await start()
      const longer = { maxSteps: 4, saveSteps: 3, saveTotalLimit: null, loggingSteps: 5 }
      assert.deepEqual(await resume(outputDir, {}, longer), plain)
    })

    it('nor a checkpoint of a version that did not have an option, while that has its default', async () => {
      await withPolicy(async ({ policy }) => {
        await Promise.resolve()
        const config = parseGRPOConfig({ maxSteps: 2 })
        const { lrSchedulerKwargs, ...saved } = runIdentity(asPolicy(policy), tinyTask(3), [], config, 2)
        assert.deepEqual(lrSchedulerKwargs, {})
        checkSameRun('step-1', saved, { ...saved, lrSchedulerKwargs }, config)
        assert.throws(() => {
          checkSameRun('step-1', saved, { ...saved, lrSchedulerKwargs: { numCycles: 2 } }, config)
        }, /lrSchedulerKwargs was \{\} and is now \{"numCycles":2\}/)
      })
    })

    it('a model whose files hold other weights of fewer bits, such as another GGUF file of the same sizes', async () => {
      const config = parseGRPOConfig({ maxSteps: 2 })
      const identityOf = async (file: string): Promise<RunIdentity> => {
        const model = await loadModel(file)
        const policy = model.withLora()
        const identity = runIdentity(policy, tinyTask(3), [], config, 2)
        policy.dispose()
        model.dispose()
        return identity
      }
      const saved = await identityOf(ggufFixture('smollm3'))
      assert.equal(saved.dtype, 'Q4_0 (GGUF)')
      assert.ok(!('dtype' in (await identityOf(ggufFixture('llama')))))
      assert.throws(() => {
        checkSameRun('step-1', saved, { ...saved, dtype: 'Q8_0 (GGUF)' }, config)
      }, /dtype was "Q4_0 \(GGUF\)" and is now "Q8_0 \(GGUF\)"/)
    })

    it('an engine that computes other amounts at a time; versions that did not say how much are taken', async () => {
      await withPolicy(async ({ policy }) => {
        await Promise.resolve()
        const config = parseGRPOConfig({ maxSteps: 2 })
        const now = runIdentity(asPolicy(policy), tinyTask(3), [], config, 2)
        const { budgets, ...earlier } = now
        checkSameRun('step-1', now, now, config)
        checkSameRun('step-1', earlier, now, config)
        const fewer = String(budgets).replace(/prefillTokens \d+/, 'prefillTokens 64')
        assert.throws(() => {
          checkSameRun('step-1', now, { ...now, budgets: fewer }, config)
        }, /budgets was "decodeRows 256, .*prefillTokens 4096.*" and is now ".*prefillTokens 64/)
      })
    })

    it('without a folder', () =>
      withPolicy(async ({ trainerOf }) => {
        await Promise.resolve()
        assert.throws(() => trainerOf({ resume: true }), /resume needs outputDir/)
      }))
  })

  it('ends with an error that says so when the disk is full, and goes on when it is not', async () => {
    const config = { maxSteps: 4, saveSteps: 1 }
    const plain = await runToEnd({ outputDir: temporaryFolder() }, config)
    for (const failing of ['fsyncSync', 'writeSync'] as const) {
      for (const failAt of [1, 6]) {
        const outputDir = temporaryFolder()
        let adapter: Float32Array[] = []
        await withPolicy(async ({ policy, trainerOf }) => {
          const warnings: string[] = []
          const onWarning = (message: string): void => void warnings.push(message)
          const trainer = trainerOf({ outputDir, onWarning }, config)
          const original = fs[failing]
          let calls = 0
          let error: unknown = null
          try {
            for await (const { step } of trainer) {
              if (step !== 2) continue
              fs[failing] = ((...args: unknown[]) => {
                if (++calls >= failAt) {
                  throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
                    code: 'ENOSPC',
                    syscall: 'write',
                  })
                }
                return (original as (...args: unknown[]) => unknown)(...args)
              }) as never
            }
          } catch (thrown) {
            error = thrown
          } finally {
            fs[failing] = original as never
          }
          assert.ok(error instanceof GrpoError && /ENOSPC.*free some space/.test(error.message), String(error))
          assert.match(warnings.join('\n'), /could not be saved: .*ENOSPC/)
          const [latest] = checkpointsOf(outputDir).slice(-1)
          assert.ok(latest === 'step-2' || latest === 'step-3', latest)
          const copy = temporaryFolder()
          fs.cpSync(outputDir, copy, { recursive: true })
          await trainer.train()
          adapter = adapterValues(policy)
          assert.deepEqual({ adapter, ...filesOf(outputDir) }, plain)
          assert.deepEqual(await runToEnd({ outputDir: copy, resume: true }, config), plain)
        })
      }
    }
  })
})
