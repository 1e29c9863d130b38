import assert from 'node:assert/strict'
import { FileFormatError, UnsupportedError } from '../../src/errors.js'
import { parseRopeConfig } from '../../src/model/ropeConfig.js'
import { inverseFrequencies, ropeTables } from '../../src/model/ropeFrequencies.js'

const defaults = { theta: 10000, maxPositions: 1024, headDim: 16 }

function parse(json: Record<string, unknown>) {
  return parseRopeConfig(json, defaults, 'config.json')
}

/**
 * inv_freq, cos and sin at one position of LlamaRotaryEmbedding in transformers 5.23 (torch 2.13, f32), for a Llama
 * with head_dim 16 and max_position_embeddings 1024.
 */
const reference: {
  name: string
  json: Record<string, unknown>
  position: number
  frequencies: number[]
  cos: number[]
  sin: number[]
}[] = [
  {
    name: 'default',
    json: { rope_theta: 10000 },
    position: 1000,
    frequencies: [1.0, 0.31622776, 0.1, 0.03162278, 0.01, 0.0031622779, 0.001, 0.0003162278],
    cos: [0.56237906, -0.47739792, 0.8623189, 0.9786824, -0.8390715, -0.9997861, 0.54030234, 0.95041525],
    sin: [0.82687956, 0.8786872, -0.50636566, 0.20537944, -0.5440211, -0.020683808, 0.84147096, 0.31098363],
  },
  {
    name: 'linear',
    json: { rope_theta: 10000, rope_scaling: { type: 'linear', factor: 3 } },
    position: 1000,
    frequencies: [
      0.33333334, 0.10540926, 0.033333335, 0.010540926, 0.0033333332, 0.0010540927, 0.00033333336, 0.000105409265,
    ],
    cos: [0.9478032, 0.1651421, -0.3397142, -0.43914637, -0.981674, 0.49401683, 0.94495696, 0.99444956],
    sin: [0.318856, -0.9862698, 0.9405287, -0.8984155, -0.19056788, 0.86945236, 0.32719475, 0.10521417],
  },
  {
    name: 'dynamic, within the maximum',
    json: { rope_theta: 10000, rope_scaling: { type: 'dynamic', factor: 2.5 } },
    position: 1023,
    frequencies: [1.0, 0.31622776, 0.1, 0.03162278, 0.01, 0.0031622779, 0.001, 0.0003162278],
    cos: [0.4000682, -0.9965545, -0.19694588, 0.59448206, -0.6929515, -0.99563974, 0.52080727, 0.9481283],
    sin: [-0.91648537, 0.08294085, 0.9804144, 0.80410886, -0.7209842, -0.09328168, 0.8536743, 0.31788793],
  },
  {
    name: 'dynamic, beyond the maximum',
    json: { rope_theta: 10000, rope_scaling: { type: 'dynamic', factor: 2.5 } },
    position: 2999,
    frequencies: [1.0, 0.24585572, 0.06044504, 0.0148607595, 0.003653603, 0.0008982592, 0.00022084218, 5.429531e-5],
    cos: [-0.34272134, -0.57925284, 0.5916435, 0.8336458, -0.03840961, -0.90143937, 0.7885765, 0.9867722],
    sin: [0.9394371, 0.81514794, -0.8061997, 0.55229944, -0.9992621, 0.43290535, 0.6149367, 0.16211303],
  },
  {
    name: 'yarn',
    json: { rope_theta: 1e6, rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 256 } },
    position: 1000,
    frequencies: [1.0, 0.13337095, 0.01581139, 0.0014058533, 0.00025, 4.4456985e-5, 7.905694e-6, 1.4058534e-6],
    cos: [0.64034134, 0.16647376, -1.132545, 0.18695858, 1.1032323, 1.1375043, 1.1385939, 1.1386284],
    sin: [0.9415094, 1.126394, -0.11755371, 1.1231756, 0.28170145, 0.050603356, 0.009001562, 0.0016007455],
  },
  {
    name: 'yarn with every option',
    json: {
      rope_parameters: {
        rope_type: 'yarn',
        rope_theta: 50000,
        factor: 8,
        original_max_position_embeddings: 128,
        beta_fast: 16,
        beta_slow: 2,
        truncate: false,
        mscale: 0.9,
        mscale_all_dim: 0.5,
      },
    },
    position: 1000,
    frequencies: [1.0, 0.13771634, 0.008359254, 0.0021617042, 0.000559017, 0.00014456187, 3.738372e-5, 9.667435e-6],
    cos: [0.60475093, 0.9365319, -0.5205156, -0.5990905, 0.9116517, 1.0641272, 1.0745926, 1.0752937],
    sin: [0.88917994, -0.5284626, 0.9409719, 0.89300346, 0.57031196, 0.15491284, 0.040190995, 0.010395655],
  },
  {
    name: 'yarn with an attention factor and the maximum as original length',
    json: { rope_parameters: { rope_type: 'yarn', rope_theta: 10000, factor: 2, attention_factor: 0.75 } },
    position: 1000,
    frequencies: [1.0, 0.31622776, 0.087500006, 0.023717083, 0.0062499996, 0.0015811389, 0.0005, 0.0001581139],
    cos: [0.42178428, -0.35804844, 0.67050517, 0.11588739, 0.74958706, -0.007756843, 0.6581869, 0.7406445],
    sin: [0.6201597, 0.6590154, -0.33604, -0.74099267, -0.02488477, 0.7499599, 0.35956916, 0.118091926],
  },
  {
    name: 'llama3',
    json: {
      rope_theta: 500000,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
    },
    position: 1000,
    frequencies: [1.0, 0.07940301, 0.004700754, 0.00091158313, 0.00017677668, 3.4281024e-5, 6.6478697e-6, 1.2891732e-6],
    cos: [0.56237906, -0.65000993, -0.011635029, 0.6124951, 0.98441565, 0.9994125, 0.9999779, 0.99999917],
    sin: [0.82687956, -0.75992566, -0.9999323, 0.79047436, 0.17585741, 0.03427431, 0.0066478206, 0.0012891728],
  },
]

function assertClose(actual: Float32Array, expected: number[], tolerance: (value: number) => number): void {
  assert.equal(actual.length, expected.length)
  expected.forEach((value, i) => {
    const difference = Math.abs(actual[i]! - value)
    assert.ok(difference <= tolerance(value), `element ${i}: ${actual[i]} instead of ${value}`)
  })
}

describe('ropeTables', () => {
  for (const { name, json, position, frequencies, cos, sin } of reference) {
    it(`equals transformers for ${name}`, () => {
      const config = parse(json)
      // One unit in the last place of f32.
      assertClose(inverseFrequencies(config, 16, position + 1), frequencies, (value) => 1.2e-7 * value)
      const tables = ropeTables(config, 16, Int32Array.of(0, position), position + 1)
      assertClose(tables.cos.slice(8), cos, () => 2e-7)
      assertClose(tables.sin.slice(8), sin, () => 2e-7)
      const scaling = config.type === 'yarn' ? config.attentionFactor : 1
      assertClose(tables.cos.slice(0, 8), new Array<number>(8).fill(scaling), () => 1e-7)
      assert.deepEqual(tables.sin.slice(0, 8), new Float32Array(8))
    })
  }
})

describe('parseRopeConfig', () => {
  it('reads the old and the new style alike', () => {
    const settings = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 }
    const expected = {
      type: 'llama3',
      theta: 500000,
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalMaxPositions: 32,
    }
    assert.deepEqual(parse({ rope_theta: 500000, rope_scaling: { type: 'llama3', ...settings } }), expected)
    assert.deepEqual(parse({ rope_theta: 500000, rope_scaling: { rope_type: 'llama3', ...settings } }), expected)
    assert.deepEqual(parse({ rope_parameters: { rope_type: 'llama3', rope_theta: 500000, ...settings } }), expected)
  })

  it('falls back to the default type and theta', () => {
    assert.deepEqual(parse({}), { type: 'default', theta: 10000 })
    assert.deepEqual(parse({ rope_scaling: null, rope_theta: 5e5 }), { type: 'default', theta: 5e5 })
    assert.deepEqual(parse({ rope_parameters: { rope_theta: 5e5 } }), { type: 'default', theta: 5e5 })
    assert.deepEqual(parse({ rope_parameters: { rope_type: 'default', rope_theta: 5e5 }, rope_theta: 3 }).theta, 5e5)
  })

  it('prefers an original length that stands outside the rotary settings', () => {
    const rope_scaling = { type: 'yarn', factor: 2, original_max_position_embeddings: 64 }
    const config = parse({ rope_scaling, original_max_position_embeddings: 128 })
    assert.equal(config.type === 'yarn' && config.originalMaxPositions, 128)
  })

  it('derives the factor of yarn from the original length', () => {
    const config = parse({ rope_scaling: { type: 'yarn', original_max_position_embeddings: 256 } })
    assert.equal(config.type === 'yarn' && config.factor, 4)
    assert.throws(() => parse({ rope_scaling: { type: 'yarn' } }), /factor is missing/)
  })

  it('refuses by name what it does not compute', () => {
    const refused: [Record<string, unknown>, RegExp][] = [
      [{ rope_scaling: { type: 'longrope', factor: 2 } }, /'longrope' is not supported; supported are default, linear/],
      [{ rope_scaling: { type: 'toString' } }, /'toString' is not supported/],
      [{ rope_scaling: { type: 3 } }, /rope type 3 is not supported/],
      [{ rope_parameters: { full_attention: { rope_type: 'default' } } }, /per layer type \(full_attention\)/],
      [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor 0.5/],
      [{ rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.25 } }, /partial_rotary_factor 0.25/],
    ]
    for (const [json, message] of refused) {
      assert.throws(
        () => parse(json),
        (error) => error instanceof UnsupportedError && message.test(error.message),
      )
    }
    const small = { ...defaults, headDim: 2 }
    const dynamic = { rope_scaling: { type: 'dynamic', factor: 2 } }
    assert.throws(() => parseRopeConfig(dynamic, small, 'config.json'), /head_dim of more than 2/)
  })

  it('rejects missing and impossible numbers', () => {
    const llama3 = { type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 4 }
    const rejected: [Record<string, unknown>, RegExp][] = [
      [{ rope_theta: 0 }, /rope_theta must be more than 1, got 0/],
      [{ rope_theta: '1e4' }, /rope_theta must be of type number/],
      [{ rope_scaling: 'linear' }, /rope_scaling must be an object or null/],
      [{ rope_scaling: { type: 'linear' } }, /factor is missing/],
      [{ rope_scaling: { type: 'dynamic', factor: -1 } }, /factor must be more than 0, got -1/],
      [{ rope_scaling: { type: 'llama3', factor: 8 } }, /low_freq_factor is missing; high_freq_factor is missing/],
      [{ rope_scaling: llama3 }, /high_freq_factor must be more than low_freq_factor/],
      [{ rope_scaling: { type: 'yarn', factor: 2, truncate: 1 } }, /truncate must be of type boolean/],
    ]
    for (const [json, message] of rejected) {
      assert.throws(
        () => parse(json),
        (error) => error instanceof FileFormatError && message.test(error.message),
      )
    }
  })
})
