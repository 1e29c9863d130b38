import assert from 'node:assert/strict'
import os from 'node:os'
import * as tf from '../../src/bundled/tfjs.js'
import { CPU_BACKEND } from '../../src/backend/cpu/backend.js'
import type { CpuBackend } from '../../src/backend/cpu/backend.js'
import { currentEngine, selectEngine } from '../../src/engine/registry.js'
import { ConfigError } from '../../src/errors.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { memoryInUse, randomPolicy, sequenceLogits } from '../fixtures/policies.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'

/** Threads of the backend in use. */
function threads(): number {
  return (tf.backend() as Partial<CpuBackend>).runtime!.threads
}

/** What a body prints as warnings. */
async function warningsOf(body: () => Promise<unknown>): Promise<string[]> {
  const { warn } = console
  const warnings: string[] = []
  console.warn = (message: string) => {
    warnings.push(message)
  }
  try {
    await body()
  } finally {
    console.warn = warn
  }
  return warnings
}

describe('selectEngine', () => {
  after(async () => {
    await selectEngine('cpu', { threads: os.availableParallelism() })
    await selectEngine('reference')
  })

  it('selects a backend for everything that follows, and says why', async () => {
    const reference = await selectEngine('reference')
    assert.equal(reference.name, 'reference')
    assert.match(reference.why, /very slow/)
    assert.equal(tf.getBackend(), 'cpu')
    assert.equal(await currentEngine(), reference.engine)

    const cpu = await selectEngine('cpu')
    assert.equal(cpu.name, 'cpu')
    assert.match(
      cpu.why,
      /^(WebAssembly, (128|256) bits wide|native code \([\w-]+\)), with(out)? fused multiply-add, on \d+ threads?/,
    )
    assert.equal(tf.getBackend(), CPU_BACKEND)
    assert.equal(await currentEngine(), cpu.engine)

    const auto = await selectEngine()
    assert.equal(auto.name, 'cpu')
    assert.equal(auto.why, `the fastest engine that works here: ${cpu.why}`)
  })

  it('starts the cpu backend anew for another number of threads only, without a word', async () => {
    const warnings = await warningsOf(async () => {
      await selectEngine('cpu', { threads: 1 })
      assert.equal(threads(), 1)
      const { why } = await selectEngine('cpu', { threads: 2 })
      assert.match(why, /on 2 threads/)
      assert.equal(threads(), 2)
    })
    assert.deepEqual(warnings, [])

    const model = await loadModel(temporaryTinyModel())
    const expected = sequenceLogits(model, [1, 2, 3])
    await selectEngine('cpu', { threads: 2 })
    await selectEngine('cpu')
    await selectEngine('auto', { threads: 2 })
    assert.equal(threads(), 2)
    assert.deepEqual(sequenceLogits(model, [1, 2, 3]), expected)
    model.dispose()
  })

  it('takes models and adapters along to another number of threads', async () => {
    await selectEngine('cpu', { threads: 1 })
    const before = memoryInUse().tensors
    for (const dtype of ['F32', 'BF16'] as const) {
      const model = await loadModel(temporaryTinyModel({}, { dtype }))
      const policy = randomPolicy(model)
      const expected = sequenceLogits(policy, [1, 2, 3])
      for (const threads of [2, 1]) {
        await selectEngine('cpu', { threads })
        assert.deepEqual(sequenceLogits(policy, [1, 2, 3]), expected)
      }
      policy.dispose()
      model.dispose()
      assert.equal(memoryInUse().tensors, before)
    }
  })

  it('refuses unknown names and numbers of threads, and leaves everything as it was', async () => {
    await selectEngine('cpu', { threads: 2 })
    const model = await loadModel(temporaryTinyModel())
    const expected = sequenceLogits(model, [1, 2, 3])
    await assert.rejects(
      selectEngine('gpu' as 'cpu'),
      (error) => error instanceof ConfigError && error.message.includes("'gpu'; expected auto, cpu, reference"),
    )
    for (const name of ['cpu', 'auto'] as const) {
      for (const threads of [0, 1.5, 257, NaN]) {
        await assert.rejects(
          selectEngine(name, { threads }),
          (error) => error instanceof ConfigError && error.message.includes('expected a whole number from 1 to 256'),
        )
      }
    }
    assert.equal((await currentEngine()).info.name, 'cpu')
    assert.deepEqual(sequenceLogits(model, [1, 2, 3]), expected)
    model.dispose()
  })
})
