import assert from 'node:assert/strict'
import { chooseKernels } from '../../src/backend/cpu/simd.js'
import type { EngineInfo } from '../../src/engine/engine.js'
import { selectEngine } from '../../src/engine/registry.js'
import { EngineError, OutOfDeviceMemoryError } from '../../src/errors.js'
import { parseModelConfig } from '../../src/model/config.js'
import { quantizedBytes, weightBytes } from '../../src/model/weights/weightBytes.js'
import { weightDtypes } from '../../src/model/weights/weightDtype.js'
import { fewerBits } from '../../src/policy/fewerBits.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { memoryInUse } from '../fixtures/policies.js'
import { forwardingEngine } from '../fixtures/forwardingEngine.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'

/** The shapes of Llama-3.2-1B. */
const llama = parseModelConfig(
  {
    architectures: ['LlamaForCausalLM'],
    vocab_size: 128256,
    hidden_size: 2048,
    intermediate_size: 8192,
    num_hidden_layers: 16,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 64,
    max_position_embeddings: 131072,
    tie_word_embeddings: true,
  },
  'config.json',
)

describe('the memory of weights', () => {
  after(() => selectEngine('reference'))

  it('is let go where a signal ends the loading between two tensors', async () => {
    const { engine } = await selectEngine('cpu')
    const folder = temporaryTinyModel()
    ;(await loadModel(folder, { dtype: 'int4' })).dispose()
    const before = memoryInUse()
    const controller = new AbortController()
    let tensors = 0
    const onLoad = (): void => {
      if (++tensors === 5) controller.abort(new Error('enough'))
    }
    const { signal } = controller
    await assert.rejects(loadModel(folder, { engine, dtype: 'int4', onLoad, signal }), /^Error: enough$/)
    assert.equal(tensors, 5)
    assert.deepEqual(memoryInUse(), before)
  })

  it('is what the engine says when they are loaded', async () => {
    const { engine } = await selectEngine('cpu')
    for (const changes of [
      {},
      { tie_word_embeddings: false, hidden_size: 72, intermediate_size: 100, num_attention_heads: 4 },
    ]) {
      const folder = temporaryTinyModel(changes, { dtype: 'BF16' })
      for (const dtype of weightDtypes) {
        const model = await loadModel(folder, { dtype, engine })
        const counted =
          dtype === 'int8' || dtype === 'int4'
            ? quantizedBytes(model.config, dtype)
            : weightBytes(model.config, () => (dtype === 'auto' ? 'bfloat16' : 'float32'))
        assert.equal(model.engineModel.weightBytes, counted, dtype)
        model.dispose()
      }
    }
  })

  it('beyond 4 GiB lies outside WebAssembly on the cpu engine, or the engine says why it does not', async () => {
    const { outsideFrom, limitReason } = (await selectEngine('cpu')).engine.info
    const hasNative = (await chooseKernels()).width === 'native'
    assert.equal(outsideFrom, hasNative ? 8 * 2 ** 20 : Infinity)
    if (hasNative) assert.equal(limitReason, null)
    else assert.match(limitReason!, /^native kernels, .*, are not in use \(.+\)$/)
  })

  it('of a model of 1.24 billion parameters is 2.30 GiB in bfloat16, and what fewer bits make of it is offered', () => {
    const parameters = weightBytes(llama, () => 'float32') / 4
    assert.equal(parameters, 1_235_814_400)
    // 1 byte a number and 4 for 64 of them, ½ and 4 for 32 of them; of the embeddings 1 in both.
    const embeddings = 128256 * 2048
    const matrices = parameters - embeddings - 33 * 2048
    assert.equal(quantizedBytes(llama, 'int8'), (embeddings + matrices) * (1 + 4 / 64) + 33 * 2048 * 4)
    assert.equal(quantizedBytes(llama, 'int4'), embeddings * (1 + 4 / 64) + matrices * (0.5 + 4 / 32) + 33 * 2048 * 4)
    const source = { config: llama, dtype: 'auto', isQuantized: false } as const
    const engine = { keepsQuantized: true }
    assert.equal(fewerBits(source, engine), 'take dtype int8 (1.22 GiB of weights) or int4 (0.83 GiB)')
    assert.equal(fewerBits(source, engine, 2 ** 30), 'take dtype int4 (0.83 GiB of weights)')
    assert.equal(fewerBits(source, engine, 2 ** 29), null)
    assert.equal(
      fewerBits({ ...source, dtype: 'int8', isQuantized: true }, engine),
      'take dtype int4 (0.83 GiB of weights)',
    )
    // Nothing helps where codes are widened, and files that are quantised stay so.
    assert.equal(fewerBits(source, { keepsQuantized: false }), null)
    assert.equal(fewerBits({ ...source, dtype: 'int4', isQuantized: true }, engine), null)
    assert.equal(fewerBits({ ...source, isQuantized: true }, engine), null)
  })

  it('is refused before anything is read where it is too much, with the dtype that would do', async () => {
    const { engine } = await selectEngine('cpu')
    // 16 × 1600 is most of it: 54 KiB in bfloat16 and 28 KiB in int4, where the embeddings have 8 bits.
    const folder = temporaryTinyModel({ intermediate_size: 1600, num_hidden_layers: 8 }, { dtype: 'BF16' })
    const model = await loadModel(folder, { engine })
    const { config } = model
    const { weightBytes: bytes } = model.engineModel
    model.dispose()
    let loaded = 0
    const withRoom = (info: Partial<EngineInfo>, available = Infinity): ReturnType<typeof forwardingEngine> => {
      const limits = { outsideFrom: Infinity, limitReason: null, ...info }
      const inner = forwardingEngine(engine, { info: limits, memory: () => ({ used: 0, peak: null, available }) })
      return {
        ...inner,
        load: (...args) => {
          loaded++
          return inner.load(...args)
        },
      }
    }
    const refused = async (
      room: ReturnType<typeof withRoom>,
      message: RegExp,
      dtype: 'auto' | 'int8' = 'auto',
    ): Promise<void> => {
      await assert.rejects(
        loadModel(folder, { engine: room, dtype }),
        (error) => error instanceof EngineError && message.test(error.message),
      )
    }
    const [int8, int4] = [quantizedBytes(config, 'int8'), quantizedBytes(config, 'int4')]
    assert.ok(int4 < int8 && int8 < bytes)
    const numbers = 'the weights of .* take 2 MiB \\(bfloat16\\), and the engine cpu can hold \\d MiB here(: .*)?'
    await refused(
      withRoom({ tensorLimit: bytes - 1 }),
      new RegExp(`${numbers}; take dtype int8 .* or int4 .*, or a smaller model$`),
    )
    await refused(withRoom({}, int8 - 1), new RegExp(`${numbers}; take dtype int4 [^8]*, or a smaller model$`))
    await refused(withRoom({}, int4 - 1), new RegExp(`${numbers}; take a smaller model$`))
    await refused(withRoom({}, int8 - 1), /\(int8, groups of 64\).*; take dtype int4/, 'int8')
    // Codes that are widened take as much as float32.
    await refused(withRoom({ keepsQuantized: false }, bytes), /; take a smaller model$/, 'int8')
    const limitReason = 'native kernels are not built for vax-x64'
    await refused(
      withRoom({ tensorLimit: bytes - 1, outsideFrom: Infinity, limitReason }),
      new RegExp(`${numbers}: native kernels are not built for vax-x64; take dtype int8`),
    )
    await refused(withRoom({ outsideFrom: 1, limitReason }, bytes - 1), new RegExp(`${numbers}; take dtype int8`))
    assert.equal(loaded, 0)
    for (const [room, dtype] of [
      // 16 × 1600 numbers of two bytes.
      [withRoom({ tensorLimit: bytes / 10, outsideFrom: 51200 }, bytes), 'auto'],
      [withRoom({ tensorLimit: bytes }), 'auto'],
      [withRoom({}, int4), 'int4'],
      [withRoom({ precision: 'bfloat16' }, bytes), 'auto'],
    ] as const) {
      const fits = await loadModel(folder, { engine: room, dtype })
      fits.dispose()
    }
    assert.equal(loaded, 4)
  })

  it('is told of by a device that is full when it has read a part', async () => {
    const { engine } = await selectEngine('cpu')
    const full = {
      ...forwardingEngine(engine, { info: { device: 'cuda' } }),
      load: () => Promise.reject(new OutOfDeviceMemoryError('upload: the device is full', 77)),
    }
    const folder = temporaryTinyModel()
    await assert.rejects(loadModel(folder, { engine: full }), (error) => {
      assert.ok(error instanceof OutOfDeviceMemoryError)
      assert.match(
        error.message,
        /^upload: the device is full, or take dtype int8 \(1 MiB of weights\) or int4 \(1 MiB\)$/,
      )
      return error.bytes === 77
    })
    await assert.rejects(
      loadModel(folder, { engine: full, dtype: 'int4' }),
      /^OutOfDeviceMemoryError: upload: the device is full$/,
    )
  })
})
