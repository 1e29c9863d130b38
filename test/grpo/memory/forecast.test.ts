import assert from 'node:assert/strict'
import * as tf from '../../../src/bundled/tfjs.js'
import { registerCpuBackend } from '../../../src/backend/cpu/register.js'
import { tensorEngine } from '../../../src/engine/cpu/cpuEngine.js'
import type { Engine } from '../../../src/engine/engine.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { EngineError } from '../../../src/errors.js'
import { parseGRPOConfig } from '../../../src/grpo/config/config.js'
import { checkMemory, memoryForecast } from '../../../src/grpo/memory/forecast.js'
import { GRPOTrainer } from '../../../src/grpo/trainer.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { rewardOf, tinyTask } from '../tinyTask.js'

const engineOn = (backend: string): Engine => tensorEngine({ name: 'cpu', description: 'of the test' }, backend)

describe('grpo/memoryForecast', () => {
  let base: CausalLM
  let policy: CausalLM

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

  it('counts the weights and the adapter as the tensors that they are', () => {
    const { weights, trained, optimizer } = memoryForecast(policy, [10], parseGRPOConfig({}))
    assert.equal(weights, base.engineModel.weightBytes)
    const parameters = policy.adapter!.values.length
    assert.equal(trained, 12 * parameters)
    assert.equal(optimizer, 16 * parameters)
  })

  it('grows with the longest prompt, the completions and the micro-batch, and is bounded by maxTokensPerPass', () => {
    const forecast = (prompts: number[], options: Record<string, unknown>): number =>
      memoryForecast(policy, prompts, parseGRPOConfig(options)).activations
    const small = forecast([10], { maxCompletionLength: 20 })
    assert.equal(forecast([3, 10, 7], { maxCompletionLength: 20 }), small)
    assert.ok(forecast([30], { maxCompletionLength: 20 }) > small)
    assert.ok(forecast([10], { maxCompletionLength: 40 }) > small)
    assert.ok(forecast([10], { maxCompletionLength: 20, perDeviceTrainBatchSize: 16 }) > small)
    assert.ok(forecast([10], { maxCompletionLength: 20, maxTokensPerPass: 60 }) < small)
    // Below the length of one row, its layers are computed twice instead of kept.
    const recomputed = forecast([100], { maxCompletionLength: 100, maxTokensPerPass: 50 })
    assert.ok(recomputed < forecast([100], { maxCompletionLength: 100, maxTokensPerPass: 200 }))
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
        const forecast = trainer.memoryForecast.tensors
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

  it('keeps nothing of the sampling with dropout, and counts what is left of the inputs of adapted layers', () => {
    const plain = memoryForecast(policy, [10], parseGRPOConfig({}))
    const dropping = base.withLora({ r: 4, dropout: 0.1 })
    const some = base.withLora({ r: 4, dropout: 0.1, layersToTransform: 0 })
    const forecasts = [dropping, some].map((one) => memoryForecast(one, [10], parseGRPOConfig({})))
    for (const { kept, keptTokens } of forecasts) assert.deepEqual([kept, keptTokens], [0, 0])
    assert.ok(plain.keptTokens > 0)
    assert.ok(forecasts[0]!.activations > forecasts[1]!.activations)
    dropping.dispose()
    some.dispose()
  })

  it('refuses what does not fit, and says what to make smaller', () => {
    const forecast = memoryForecast(policy, [10], parseGRPOConfig({}))
    const limits = { tensorLimit: 4 * 2 ** 30, available: 2 ** 40 }
    checkMemory(forecast, limits)
    assert.throws(
      () => {
        checkMemory(forecast, { ...limits, available: 100 * 2 ** 20 })
      },
      (error) => error instanceof EngineError && /needs 0\.\d\d GiB, more than the 0\.10 GiB/.test(error.message),
    )
    assert.throws(() => {
      checkMemory({ ...forecast, tensors: 5 * 2 ** 30, activations: 4 * 2 ** 30 }, limits)
    }, /5\.00 GiB of tensors, more than the 4\.00 GiB that the engine can hold.*maxTokensPerPass/)
    assert.throws(() => {
      checkMemory({ ...forecast, tensors: 5 * 2 ** 30, weights: 4 * 2 ** 30 }, limits)
    }, /take a smaller model/)
  })
})
