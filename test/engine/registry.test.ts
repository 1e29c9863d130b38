import assert from 'node:assert/strict'
import os from 'node:os'
import * as tf from '../../src/bundled/tfjs.js'
import { CPU_BACKEND } from '../../src/backend/cpu/backend.js'
import type { CpuBackend } from '../../src/backend/cpu/backend.js'
import type { EngineOptions } from '../../src/engine/engine.js'
import {
  currentEngine,
  engineChoices,
  engines,
  selectEngine,
  startByName,
  startFirst,
} from '../../src/engine/registry.js'
import type { EngineEntry } from '../../src/engine/registry.js'
import { ConfigError, EngineError } from '../../src/errors.js'
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

/** The engines that work on every machine. */
const ofCpus: readonly EngineEntry[] = engines.filter(({ name }) => name === 'cpu' || name === 'reference')

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

    const auto = await startFirst(ofCpus, {})
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
      (error) =>
        error instanceof ConfigError && error.message === `engine is 'gpu'; expected ${engineChoices.join(', ')}`,
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

  it('refuses options with values that there are not, and those that the engine has no use for', async () => {
    const { engine } = await selectEngine('cpu')
    const refused: [Parameters<typeof selectEngine>, RegExp][] = [
      [['cpu', { device: 'cuda12' }], /device is 'cuda12', which the engine cpu has no use for; leave it out/],
      [['cpu', { precision: 'bfloat16' }], /precision is 'bfloat16', which the engine cpu has no use for/],
      [
        ['reference', { threads: 2 }],
        /threads is 2, which the engine reference has no use for; leave it out, or take the engine cpu$/,
      ],
      [['auto', { device: 'cuda' as 'cpu' }], /device is 'cuda'; expected one of auto, cpu, cuda12, cuda13, rocm, tpu/],
      [
        ['cpu', { precision: 'half' as 'float16' }],
        /precision is 'half'; expected one of auto, float32, bfloat16, float16/,
      ],
    ]
    for (const [options, message] of refused) {
      await assert.rejects(
        selectEngine(...options),
        (error) => error instanceof ConfigError && message.test(error.message),
      )
    }
    assert.equal(await currentEngine(), engine)
    // What says nothing is taken by all, and auto passes over what its engine has no use for.
    await selectEngine('reference', { threads: null, device: 'auto', precision: 'auto' })
    assert.equal((await selectEngine('auto', { device: 'cpu', precision: 'float32' })).name, 'cpu')
  })

  it('lets an engine leave it to those behind it, unless it is asked for by its name', async () => {
    const { engine } = await selectEngine('cpu')
    const started: EngineOptions[] = []
    const compiled: EngineEntry = {
      name: 'compiled',
      summary: 'of the test',
      options: ['device', 'precision'],
      start(options, isAutomatic) {
        started.push(options)
        if (isAutomatic) return Promise.reject(new EngineError('there is no card, and the engine cpu decodes faster'))
        return Promise.resolve(engine)
      },
    }
    const entries = [compiled, ...ofCpus]
    const auto = await startFirst(entries, { device: 'auto' })
    assert.equal(auto.name, 'cpu')
    assert.match(
      auto.why,
      /^since the engine compiled is passed over \(there is no card, and the engine cpu decodes faster\): .*threads?/,
    )
    const named = await startByName(entries, 'compiled', { device: 'cpu', precision: 'float32' })
    assert.deepEqual([named.name, named.engine], ['compiled', engine])
    assert.deepEqual(started, [{ device: 'auto' }, { device: 'cpu', precision: 'float32' }])
    await assert.rejects(
      startByName(entries, 'cpu', { precision: 'float16' }),
      /which the engine cpu has no use for; leave it out, or take the engine compiled\b/,
    )
    await assert.rejects(
      startFirst([compiled], {}),
      /EngineError: no engine works here: the engine compiled is passed over/,
    )
    const broken: EngineEntry = { ...compiled, start: () => Promise.reject(new TypeError('a defect')) }
    await assert.rejects(startFirst([broken, ...ofCpus], {}), TypeError)
  })
})
