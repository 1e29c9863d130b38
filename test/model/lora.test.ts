import assert from 'node:assert/strict'
import { ConfigError, ShapeError, UnsupportedError } from '../../src/errors.js'
import { createLoraAdapter } from '../../src/model/lora.js'
import type { LoraAdapter, LoraEntry } from '../../src/model/lora.js'
import type { LoraModule, LoraOptions } from '../../src/model/loraOptions.js'
import { tinyConfig } from './tinyConfig.js'

const allModules: LoraModule[] = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']

function entryOf(adapter: LoraAdapter, layer: number, module: LoraModule): LoraEntry | undefined {
  return adapter.entries.find((entry) => entry.layer === layer && entry.module === module)
}

describe('createLoraAdapter', () => {
  it('adapts all seven projections with rank 8 and alpha 16 by default', () => {
    const adapter = createLoraAdapter(tinyConfig())
    assert.deepEqual([adapter.r, adapter.alpha, adapter.scale], [8, 16, 2])
    assert.deepEqual(adapter.targetModules, allModules)
    const shapes = allModules.map((module) => {
      const { a, b } = entryOf(adapter, 1, module)!
      return [...a.shape, ...b.shape]
    })
    // [r, in], [out, r] with hidden size 8, intermediate size 12 and two key-value heads of size 2.
    assert.deepEqual(shapes, [
      [8, 8, 8, 8],
      [8, 8, 4, 8],
      [8, 8, 4, 8],
      [8, 8, 8, 8],
      [8, 8, 12, 8],
      [8, 8, 12, 8],
      [8, 12, 8, 8],
    ])
    assert.equal(entryOf(adapter, 2, 'q_proj'), undefined)
  })

  it('adapts the named projections only, in a fixed order', () => {
    const adapter = createLoraAdapter(tinyConfig(), { r: 2, targetModules: ['down_proj', 'q_proj'] })
    assert.equal(entryOf(adapter, 0, 'k_proj'), undefined)
    assert.deepEqual(
      adapter.parameters().map(({ name }) => name),
      [0, 1].flatMap((layer) =>
        ['self_attn.q_proj.lora_A', 'self_attn.q_proj.lora_B', 'mlp.down_proj.lora_A', 'mlp.down_proj.lora_B'].map(
          (name) => `base_model.model.model.layers.${layer}.${name}.weight`,
        ),
      ),
    )
  })

  it('starts from zero B and the same A on every machine', () => {
    // NumPy 2.4: u = MT19937 with _legacy_seeding(seed), lowest 24 bits / 2^24; A = (2u − 1) / √8 as f32.
    const expected: [number, number[], number[]][] = [
      [0, [-0.0026469906, 0.18966144, -0.2909904], [-0.22916612, -0.16275224, -0.2470067]],
      [42, [0.2703052, 0.2934521, -0.08282783], [0.27295288, 0.058838055, -0.114800386]],
      [2 ** 32 - 1, [0.3491689, 0.0504212, 0.04950316], [-0.05840584, 0.25603777, -0.063103445]],
    ]
    for (const [seed, query, value] of expected) {
      const adapter = createLoraAdapter(tinyConfig(), { r: 4, seed, targetModules: ['q_proj', 'v_proj'] })
      const firstThree = (module: LoraModule) => entryOf(adapter, 0, module)!.a.values.slice(0, 3)
      assert.deepEqual(firstThree('q_proj'), Float32Array.from(query))
      assert.deepEqual(firstThree('v_proj'), Float32Array.from(value))
      const b = entryOf(adapter, 1, 'v_proj')!.b.values.slice()
      assert.deepEqual(b, new Float32Array(4 * 4))
    }
  })

  it('draws A uniformly between -1/√in and 1/√in', () => {
    const adapter = createLoraAdapter(tinyConfig({ hidden_size: 64 }), { r: 64, targetModules: ['q_proj'] })
    const values = entryOf(adapter, 0, 'q_proj')!.a.values
    const bound = 1 / 8
    assert.ok(values.every((value) => Math.abs(value) <= bound))
    const mean = values.reduce((sum, value) => sum + value) / values.length
    const variance = values.reduce((sum, value) => sum + value ** 2) / values.length
    // 4096 draws of variance bound²/3: the mean's standard error is 0.0011, the variance's relative one 1.4 %.
    assert.ok(Math.abs(mean) < 0.005, `mean ${mean}`)
    assert.ok(Math.abs(variance / (bound ** 2 / 3) - 1) < 0.07, `variance ${variance}`)
  })

  it('has all its values in one vector, in the order of its parameters, and says when they change', () => {
    const adapter = createLoraAdapter(tinyConfig(), { r: 2 })
    const parts = adapter.parameters().map(({ values }) => [...values])
    assert.deepEqual([...adapter.values], parts.flat())
    const changed = adapter.values.map((_, i) => i)
    const before = adapter.version
    adapter.setValues(changed)
    assert.notEqual(adapter.version, before)
    assert.deepEqual(
      adapter.parameters().flatMap(({ values }) => [...values]),
      [...changed],
    )
    changed.fill(0) // the vector stays the caller's
    assert.equal(adapter.values[1], 1)
    assert.throws(() => {
      adapter.setValues([1])
    }, ShapeError)
  })

  it('refuses options of PEFT that are not here, by name', () => {
    const refused: [object, RegExp][] = [
      [{ useDora: true }, /useDora: DoRA is not supported/],
      [{ use_dora: true }, /use_dora: DoRA is not supported/],
      [{ modulesToSave: ['lm_head'] }, /training of whole modules is not supported/],
      [{ lora_modules_to_save: ['lm_head'] }, /training of whole modules/],
      [{ bias: 'all' }, /training of biases/],
      [{ targetModules: ['lm_head'] }, /an adapter on lm_head is not supported/],
    ]
    for (const [options, message] of refused) {
      assert.throws(
        () => createLoraAdapter(tinyConfig(), options),
        (error) => error instanceof UnsupportedError && message.test(error.message),
      )
    }
  })

  it('rejects options out of range', () => {
    const rejected: [LoraOptions, RegExp][] = [
      [{ r: 0 }, /r must be an integer of at least 1, got 0/],
      [{ r: 1.5 }, /r must be an integer/],
      [{ alpha: 0 }, /alpha must be a number above 0, got 0/],
      [{ alpha: NaN }, /alpha must be a number above 0, got NaN/],
      [{ seed: -1 }, /seed must be an integer from 0 to 4294967295, got -1/],
      [{ targetModules: [] }, /targetModules must be 'all-linear', a list of q_proj.*got \[\]/],
      [{ targetModules: 'q_proj' }, /'q_proj' \(a text is a regular expression for the whole name\) selects none/],
      [{ excludeModules: 'x'.repeat(3), targetModules: 3 as never }, /targetModules must be .* got 3/],
      [{ targetModules: ['q_proj'], excludeModules: ['q_proj'] }, /selects none/],
      [{ dropout: 1 }, /dropout must be a number from 0 to below 1, got 1/],
      [{ dropout: -0.1 }, /dropout must be/],
      [{ useRslora: 1 as never }, /useRslora must be true or false, got 1/],
      [{ rankPattern: { q_proj: 0 } }, /rankPattern must be ranks by name/],
      [{ alphaPattern: { q_proj: '8' as never } }, /alphaPattern must be alphas by name/],
      [{ layersToTransform: -1 }, /layersToTransform must be the number of a layer/],
      [{ layersToTransform: [0.5] }, /layersToTransform must be/],
      [{ layersPattern: 'layers' }, /layersPattern needs layersToTransform/],
      [{ targetModules: '.*q_proj', layersToTransform: 0 }, /layersToTransform needs a list in targetModules/],
      [{ rank: 4 } as never, /unknown option rank of LoRA; did you mean r\?/],
    ]
    for (const [options, message] of rejected) {
      assert.throws(
        () => createLoraAdapter(tinyConfig(), options),
        (error) => error instanceof ConfigError && message.test(error.message),
      )
    }
  })
})
