import assert from 'node:assert/strict'
import type { Engine } from '../../../src/engine/engine.js'
import { selectEngine } from '../../../src/engine/registry.js'
import { findTensorflowLibrary } from '../../../src/engine/tensorflow/tensorflowLibrary.js'
import { startTensorflowEngine } from '../../../src/engine/tensorflow/tensorflowEngine.js'
import { findTfjsNode } from '../../../src/engine/tensorflow/tfjsNode.js'
import { ConfigError, EngineError } from '../../../src/errors.js'
import type { WeightDtype } from '../../../src/model/weights/weightDtype.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { randomIds, randomPolicy } from '../../fixtures/policies.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'

/** Tokens of the tiny model. */
const VOCABULARY = 352
const TEMPERATURE = 0.9

/** What is computed with a model on an engine: completions, values of given tokens, and a gradient. */
async function compute(engine: Engine, folder: string, dtype: WeightDtype = 'auto') {
  const base = await loadModel(folder, { engine, dtype })
  const policy = randomPolicy(base)
  try {
    const model = policy.engineModel
    const prompts = [randomIds(6, VOCABULARY, 1), randomIds(9, VOCABULARY, 2)]
    const options = { maxCompletionLength: 12, numGenerations: 4, seed: 1, temperature: TEMPERATURE }
    const completions = (await model.generate(prompts, options)).flat()
    const rows = [5, 1, 9].map((length) => ({
      promptIds: prompts[0]!,
      completionIds: randomIds(length, VOCABULARY, length),
    }))
    const recording = await model.record(rows, { temperature: TEMPERATURE })
    const gradient = new Float32Array(policy.adapter!.values.length)
    const tokens = rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
    await recording.gradient(new Float32Array(tokens).fill(1), new Float32Array(tokens).fill(-0.1), gradient)
    return { ids: completions.map(({ ids }) => [...ids]), logProbs: recording.logProbs.flat(), gradient }
  } finally {
    policy.dispose()
    base.dispose()
  }
}

describe('engine/tensorflow', function () {
  this.timeout(300_000)
  const named = process.env.TENSORFLOW_LIBRARY
  const tfjsNode = findTfjsNode()
  let folder: string
  let expected: Awaited<ReturnType<typeof compute>>
  before(async () => {
    folder = temporaryTinyModel()
    expected = await compute((await selectEngine('cpu')).engine, folder)
  })
  afterEach(() => {
    if (named === undefined) delete process.env.TENSORFLOW_LIBRARY
    else process.env.TENSORFLOW_LIBRARY = named
  })
  after(() => selectEngine('reference'))

  /** That an engine computes what the cpu engine does. */
  async function assertSame(engine: Engine, dtype: WeightDtype = 'auto'): Promise<void> {
    const cpu = dtype === 'auto' ? expected : await compute((await selectEngine('cpu')).engine, folder, dtype)
    const { ids, logProbs, gradient } = await compute(engine, folder, dtype)
    assert.deepEqual(ids, cpu.ids)
    const difference = Math.max(...logProbs.map((value, i) => Math.abs(value - cpu.logProbs[i]!)))
    assert.ok(difference < 1e-4, `log-probabilities differ by ${difference}`)
    const scale = Math.max(...cpu.gradient.map(Math.abs))
    const worst = Math.max(...gradient.map((value, i) => Math.abs(value - cpu.gradient[i]!)))
    assert.ok(worst < 1e-4 * scale, `gradients differ by ${worst} of ${scale}`)
  }

  it('computes with compiled programs what the cpu engine computes', async function () {
    if (findTensorflowLibrary(typeof tfjsNode === 'string' ? null : tfjsNode) === null) {
      console.log('      skipped: TENSORFLOW_LIBRARY does not name the library of TensorFlow')
      this.skip()
    }
    const engine = await startTensorflowEngine({ device: 'cpu' })
    assert.match(engine.info.description, /^XLA on CPU:0, float32 \(TensorFlow 2\./)
    await assertSame(engine)
    for (const dtype of ['int8', 'int4'] as const) await assertSame(engine, dtype)
    await engine.dispose()
  })

  it('computes with the operations of tfjs-node what the cpu engine computes', async function () {
    delete process.env.TENSORFLOW_LIBRARY
    if (typeof tfjsNode === 'string' || findTensorflowLibrary(tfjsNode) !== null) {
      console.log('      skipped: there is no tfjs-node, or one whose TensorFlow takes compiled programs')
      this.skip()
    }
    const engine = await startTensorflowEngine({ device: 'cpu' })
    assert.match(engine.info.description, /^@tensorflow\/tfjs-node.* on the CPU, operation by operation/)
    await assertSame(engine)
    await assert.rejects(
      startTensorflowEngine({ precision: 'bfloat16' }),
      (error) =>
        error instanceof EngineError && error.message.startsWith('tfjs-node computes in float32, not in bfloat16'),
    )
    await assert.rejects(startTensorflowEngine({ device: 'cuda12' }), /finds no GPU/)
  })

  it('refuses devices that there are no packages for, and says what it looked for', async () => {
    await assert.rejects(startTensorflowEngine({ device: 'tpu' }), ConfigError)
    process.env.TENSORFLOW_LIBRARY = '/nowhere'
    const refused =
      typeof tfjsNode === 'string' ? startTensorflowEngine() : startTensorflowEngine({ precision: 'float16' })
    await assert.rejects(
      refused,
      (error) => error instanceof EngineError && error.message.includes("TENSORFLOW_LIBRARY is '/nowhere'"),
    )
  })
})
