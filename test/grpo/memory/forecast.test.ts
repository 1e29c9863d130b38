import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import * as tf from '../../../src/bundled/tfjs.js'
import { registerCpuBackend } from '../../../src/backend/cpu/register.js'
import { tensorEngine } from '../../../src/engine/cpu/cpuEngine.js'
import type { Engine, EngineInfo } from '../../../src/engine/engine.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { EngineError } from '../../../src/errors.js'
import { parseGRPOConfig } from '../../../src/grpo/config/config.js'
import { memoryForecast } from '../../../src/grpo/memory/forecast.js'
import type { MemoryForecast } from '../../../src/grpo/memory/forecast.js'
import { checkMemoryForecast } from '../../../src/grpo/preflight/forecast.js'
import { checkMemory } from '../../../src/grpo/memory/limits.js'
import { GRPOTrainer } from '../../../src/grpo/trainer.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM, Policy } from '../../../src/policy/causalLM.js'
import { forwardingEngine } from '../../fixtures/forwardingEngine.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { rewardOf, tinyTask } from '../tinyTask.js'

const engineOn = (backend: string): Engine => tensorEngine({ name: 'cpu', description: 'of the test' }, backend)

describe('grpo/memoryForecast', () => {
  const inFolder = useTemporaryFolder()
  let base: CausalLM
  let policy: Policy

  /** A policy on an engine that has memory of its own, and knows later what a step takes. */
  const onDevice = async (available: number): Promise<Policy> => {
    const engine = forwardingEngine(base.engine, {
      info: { device: 'cuda', isBatchInvariant: false, tensorLimit: 2 ** 40 },
      memory: () => ({ ...base.engine.memory(), available }),
      model: (model) => ({
        forecast: async (workload) => {
          await setImmediate()
          return model.forecast(workload)
        },
      }),
    })
    return (await loadModel(base.folder, { engine })).withLora({ r: 4 })
  }

  before(async () => {
    await selectEngine('reference')
    // A backend of its own, so that its peak of memory is that of this run.
    await registerCpuBackend({ name: 'test-memory-forecast' })
    await tf.setBackend('test-memory-forecast')
    const folder = temporaryTinyModel({ num_hidden_layers: 4 }, { dtype: 'BF16' })
    base = await loadModel(folder, { engine: engineOn('test-memory-forecast') })
    policy = base.withLora({ r: 4 })
  })

  after(async () => {
    policy.dispose()
    base.dispose()
    await selectEngine('reference')
  })

  it('counts the weights and the adapter as the tensors that they are', async () => {
    const { weights, trained, optimizer } = await memoryForecast(policy, [10], parseGRPOConfig({}))
    assert.equal(weights, base.engineModel.weightBytes)
    const parameters = policy.adapter!.values.length
    assert.equal(trained, 12 * parameters)
    assert.equal(optimizer, 16 * parameters)
  })

  it('grows with the longest prompt, the completions and the micro-batch, and is bounded by maxTokensPerPass', async () => {
    const forecast = async (prompts: number[], options: Record<string, unknown>): Promise<number> =>
      (await memoryForecast(policy, prompts, parseGRPOConfig(options))).activations
    const small = await forecast([10], { maxCompletionLength: 20 })
    assert.equal(await forecast([3, 10, 7], { maxCompletionLength: 20 }), small)
    assert.ok((await forecast([30], { maxCompletionLength: 20 })) > small)
    assert.ok((await forecast([10], { maxCompletionLength: 40 })) > small)
    assert.ok((await forecast([10], { maxCompletionLength: 20, perDeviceTrainBatchSize: 16 })) > small)
    assert.ok((await forecast([10], { maxCompletionLength: 20, maxTokensPerPass: 60 })) < small)
    // Below the length of one row, its layers are computed twice instead of kept.
    const recomputed = await forecast([100], { maxCompletionLength: 100, maxTokensPerPass: 50 })
    assert.ok(recomputed < (await forecast([100], { maxCompletionLength: 100, maxTokensPerPass: 200 })))
  })

  for (const dropout of [0, 0.1]) {
    it(`is near the peak of a run whose completions are as long as they may be, dropout ${dropout}`, async () => {
      // A backend of its own, so that its peak of memory is that of this run.
      const own = await registerCpuBackend({ name: `test-memory-forecast-${dropout}` })
      await tf.setBackend(`test-memory-forecast-${dropout}`)
      const engine = engineOn(`test-memory-forecast-${dropout}`)
      const model = await loadModel(base.folder, { engine })
      const trained = model.withLora({ r: 4, dropout })
      try {
        const config = { maxSteps: 2, maxCompletionLength: 60, numGenerations: 8, perDeviceTrainBatchSize: 64 }
        const parity = rewardOf(({ ids }) => ids[0]! % 2)
        Object.defineProperty(trained, 'eosTokenIds', { value: [], configurable: true })
        const trainer = new GRPOTrainer({ policy: trained, task: tinyTask(8), rewards: [parity], config })
        const { tensors: forecast } = await trainer.memoryForecast
        await trainer.train()
        const peak = own.runtime.allocator.peakBytes
        assert.ok(Math.abs(forecast / peak - 1) < 0.15, `forecast ${forecast}, measured ${peak}`)
      } finally {
        trained.dispose()
        model.dispose()
        await tf.setBackend('test-memory-forecast')
      }
    })
  }

  it('keeps nothing of the sampling with dropout, and counts what is left of the inputs of adapted layers', async () => {
    const plain = await memoryForecast(policy, [10], parseGRPOConfig({}))
    const dropping = base.withLora({ r: 4, dropout: 0.1 })
    const some = base.withLora({ r: 4, dropout: 0.1, layersToTransform: 0 })
    const forecasts = [
      await memoryForecast(dropping, [10], parseGRPOConfig({})),
      await memoryForecast(some, [10], parseGRPOConfig({})),
    ]
    for (const { kept, keptTokens } of forecasts) assert.deepEqual([kept, keptTokens], [0, 0])
    assert.ok(plain.keptTokens > 0)
    assert.ok(forecasts[0]!.activations > forecasts[1]!.activations)
    dropping.dispose()
    some.dispose()
  })

  /** What `checkMemory` says of a run on an engine with so much memory. */
  const refusal = (
    forecast: MemoryForecast,
    info: Partial<EngineInfo> & { available?: number } = {},
  ): string | null => {
    const { engine } = policy
    const memory = { ...engine.memory(), available: info.available ?? 2 ** 40 }
    try {
      checkMemory(forecast, { info: { ...engine.info, ...info }, memory: () => memory })
      return null
    } catch (error) {
      assert.ok(error instanceof EngineError, String(error))
      return error.message
    }
  }

  it('refuses what does not fit, and says what to make smaller', async () => {
    const forecast = await memoryForecast(policy, [10], parseGRPOConfig({}))
    assert.equal(refusal(forecast), null)
    assert.match(refusal(forecast, { available: 100 * 2 ** 20 })!, /needs 0\.\d\d GiB, more than the 0\.10 GiB/)
    assert.match(
      refusal({ ...forecast, tensors: 5 * 2 ** 30, activations: 4 * 2 ** 30 })!,
      /5\.00 GiB of tensors, more than the 4\.00 GiB that the engine can hold.*maxTokensPerPass/,
    )
    const large = { ...forecast, tensors: 5 * 2 ** 30, weights: 4 * 2 ** 30, fewerBits: 'take dtype int4' }
    assert.match(refusal(large)!, /weights 4\.00 GiB \(bfloat16\), .*; take dtype int4, or a smaller model$/)
    assert.match(refusal({ ...large, fewerBits: null })!, /; take a smaller model$/)
  })

  it('lets a preflight advise fewer bits where the weights take most of a memory that is nearly full', async () => {
    const known = await memoryForecast(policy, [10], parseGRPOConfig({}))
    const forecast = { ...known, tensors: 5e9, weights: 3e9, process: 9e9, fewerBits: 'take dtype int4' }
    const limits = { tensors: 2 ** 40, device: null, process: 1e10 }
    assert.match(checkMemoryForecast(forecast, limits).advice!, /^take dtype int4, or end what else runs/)
    assert.match(checkMemoryForecast({ ...forecast, weights: 2e9 }, limits).advice!, /^set maxTokensPerPass/)
    assert.match(checkMemoryForecast({ ...forecast, fewerBits: null }, limits).advice!, /^set maxTokensPerPass/)
    assert.equal(checkMemoryForecast(forecast, { ...limits, process: 2e10 }).advice, null)
  })

  it('counts large weights beside the tensors for the process only', async () => {
    const forecast = await memoryForecast(policy, [10], parseGRPOConfig({}))
    assert.equal(forecast.outside, 0)
    const gibibyte = 2 ** 30
    const large = { ...forecast, weights: 6 * gibibyte, outside: 6 * gibibyte, tensors: 9 * gibibyte }
    assert.equal(refusal({ ...large, process: 10 * gibibyte }, { available: 12 * gibibyte }), null)
    assert.match(
      refusal({ ...large, process: 10 * gibibyte }, { available: 8 * gibibyte })!,
      /needs 10\.00 GiB, more than the 8\.00 GiB that this process may take .*take a smaller model/,
    )
    // What is large beside them is named, and not they.
    assert.match(
      refusal({ ...large, tensors: 11 * gibibyte, activations: 5 * gibibyte })!,
      /5\.00 GiB of tensors, more than the 4\.00 GiB that the engine can hold beside large weights .*maxTokensPerPass/,
    )
  })

  it('tells the memory of a device from that of the process', async () => {
    const onCard = await memoryForecast(await onDevice(16 * 2 ** 30), [10], parseGRPOConfig({}))
    const here = await memoryForecast(policy, [10], parseGRPOConfig({}))
    assert.equal(here.device, null)
    // A device's engine keeps nothing of the sampling.
    assert.equal(onCard.device, onCard.tensors)
    assert.equal(onCard.device, here.tensors - here.kept)
    assert.ok(onCard.process < here.process - 1.04 * onCard.tensors, `${onCard.process} ${here.process}`)

    const card = { device: 'cuda', tensorLimit: 2 ** 40 }
    const large = { ...onCard, device: 20 * 2 ** 30, tensors: 20 * 2 ** 30, activations: 18 * 2 ** 30 }
    assert.equal(refusal(large, { ...card, available: 24 * 2 ** 30 }), null)
    const message = refusal(large, { ...card, available: 16 * 2 ** 30 })!
    assert.match(message, /needs 20\.00 GiB of the device's memory, which has 16\.00 GiB \(/)
    assert.match(message, /set a smaller maxTokensPerPass or maxCompletionLength, or take precision bfloat16$/)
    const halves = { ...card, precision: 'bfloat16' as const, available: 16 * 2 ** 30 }
    assert.doesNotMatch(refusal(large, halves)!, /precision/)
    // The optimizer's vectors are the process's on any engine.
    const process = { ...onCard, process: 2 ** 60 }
    assert.match(refusal(process, card)!, /more than the .* that this process may take/)
  })

  it('waits for an engine that knows it later, and trains nothing that does not fit', async () => {
    const config = { numGenerations: 4, perDeviceTrainBatchSize: 4, maxSteps: 1, maxCompletionLength: 4 }
    const run = { task: tinyTask(), rewards: [rewardOf(() => 1)], config, outputDir: inFolder('run') }
    const trainer = new GRPOTrainer({ ...run, policy: await onDevice(base.engineModel.weightBytes + 1000) })
    await assert.rejects(trainer.train(), /EngineError: .*of the device's memory, which has 0\.00 GiB/)
    await assert.rejects(Promise.resolve(trainer.memoryForecast), EngineError)
    assert.equal(trainer.step, 0)
    // The folder is free again.
    const larger = new GRPOTrainer({ ...run, policy: await onDevice(2 ** 40) })
    assert.equal((await larger.train()).length, 1)
    assert.equal((await larger.memoryForecast).device, (await larger.memoryForecast).tensors)
  })
})
