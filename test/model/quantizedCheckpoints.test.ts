import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { selectEngine } from '../../src/engine/registry.js'
import { FileFormatError, UnsupportedError } from '../../src/errors.js'
import { float16ToFloat32 } from '../../src/io/dtypes.js'
import type { TensorToWrite } from '../../src/io/safetensorsWriter.js'
import { forEachPiece, widenRows } from '../../src/quantization/matrixSource.js'
import type { MatrixSource } from '../../src/quantization/matrixSource.js'
import type { QuantizedMatrix } from '../../src/quantization/quantizedMatrix.js'
import { isQuantized } from '../../src/quantization/weightFormat.js'
import type { QuantizedFormat } from '../../src/quantization/weightFormat.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { sequenceLogits } from '../fixtures/policies.js'
import { changedCheckpoint, checkpoint, openCheckpoint, widenedCheckpoint } from './quantizedCheckpoint.js'
import type { Changes } from './quantizedCheckpoint.js'

const { sha256: expected } = JSON.parse(fs.readFileSync(checkpoint('expected.json'), 'utf8')) as {
  sha256: Record<string, Record<string, string>>
}

const descriptions: Record<string, string> = {
  'nf4-double': 'NF4 in blocks of 64, double quantised (bitsandbytes)',
  fp4: 'FP4 in blocks of 64 (bitsandbytes)',
  int8: 'LLM.int8 (bitsandbytes)',
  'gptq-4': '4 bits, groups of 32 (GPTQ)',
  'gptq-4-zeros': '4 bits, groups of 16 (GPTQ)',
  'gptq-8': '8 bits, a scale for every output (GPTQ)',
  'gptq-8-zeros': '8 bits, groups of 32 (GPTQ)',
  awq: '4 bits, groups of 32 (AWQ)',
  'compressed-tensors-4': '4 bits, groups of 32 (compressed-tensors)',
  'compressed-tensors-8': '8 bits, a scale for every output (compressed-tensors)',
}

function wholeMatrix(matrix: MatrixSource): Float32Array {
  return widenRows(matrix.read(0, matrix.shape[0]))
}

describe('quantised checkpoints', () => {
  for (const [name, description] of Object.entries(descriptions)) {
    it(`${name}: stands for the numbers that the package itself makes of it, to the bit`, () => {
      const weights = openCheckpoint(checkpoint(name))
      assert.equal(weights.quantization, description)
      assert.equal(Object.keys(expected[name]!).length, 7)
      for (const [tensor, digest] of Object.entries(expected[name]!)) {
        const matrix = weights.matrix(tensor)
        assert.ok(isQuantized(matrix.format), tensor)
        assert.equal(createHash('sha256').update(wholeMatrix(matrix)).digest('hex'), digest, tensor)
      }
      assert.equal(weights.matrix('model.embed_tokens.weight').format, 'bfloat16')
      const { hasOffsets } = weights.matrix('model.layers.0.mlp.up_proj.weight').format as QuantizedFormat
      assert.equal(hasOffsets, ['awq', 'compressed-tensors-8', 'gptq-4-zeros', 'gptq-8-zeros'].includes(name))
      assert.equal(weights.vector('model.norm.weight').length, 32)
      weights.close()
    })

    it(`${name}: is read in pieces of any size`, () => {
      const weights = openCheckpoint(checkpoint(name))
      const matrix = weights.matrix('model.layers.0.mlp.down_proj.weight')
      const whole = wholeMatrix(matrix)
      for (const [first, count] of [
        [0, 1],
        [3, 5],
        [31, 1],
        [16, 16],
        [7, 20],
      ] as const) {
        const rows = widenRows(matrix.read(first, count))
        assert.deepEqual(rows, whole.subarray(first * 96, (first + count) * 96))
      }
      const pieces = new Float32Array(whole.length)
      forEachPiece(matrix, (rows, first) => {
        pieces.set(widenRows(rows), first * 96)
      })
      assert.deepEqual(pieces, whole)
      weights.close()
    })
  }

  for (const name of Object.keys(descriptions)) {
    it(`${name}: a model computes with it what it computes with the same numbers in float32`, async () => {
      await selectEngine('cpu')
      const folder = checkpoint(name)
      const [quantized, plain] = [await loadModel(folder), await loadModel(widenedCheckpoint(folder))]
      const ids = [1, 7, 3, 20, 11, 2, 0, 15, 9]
      assert.deepEqual(sequenceLogits(quantized, ids), sequenceLogits(plain, ids))
      quantized.dispose()
      plain.dispose()
    })
  }

  const up = 'model.layers.0.mlp.up_proj'
  const text = (value: unknown): Omit<TensorToWrite, 'name'> => {
    const data = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
    return { dtype: 'U8', shape: [data.length], data }
  }
  const shape = (...sizes: number[]): Partial<TensorToWrite> => ({ shape: sizes })
  const floats = (count: number): Omit<TensorToWrite, 'name'> => ({
    dtype: 'F32',
    shape: [count],
    data: new Float32Array(count),
  })
  const nf4 = `${up}.weight.quant_state.bitsandbytes__nf4`
  const state = { quant_type: 'nf4', blocksize: 64, dtype: 'bfloat16', shape: [96, 32] }
  const nested = { ...state, nested_blocksize: 256, nested_offset: 0.5 }

  const weights = (changes: object, activations: unknown = null): object => ({
    group_0: {
      weights: { num_bits: 8, type: 'int', symmetric: false, strategy: 'channel', group_size: null, ...changes },
      input_activations: activations,
    },
  })
  const damaged: [string, Changes, RegExp][] = [
    ['nf4-double', { tensors: { [nf4]: text('{"quant_type"') } }, /up_proj.*bitsandbytes__nf4.*JSON/],
    ['nf4-double', { tensors: { [nf4]: text([1]) } }, /bitsandbytes__nf4 must be of type object/],
    [
      'nf4-double',
      { tensors: { [nf4]: text({ ...nested, blocksize: 0 }) } },
      /nf4.blocksize must be at least 1, got 0/,
    ],
    ['nf4-double', { tensors: { [nf4]: text({ ...nested, quant_type: 'nf5' }) } }, /quant_type must be 'nf4' or 'fp4'/],
    ['nf4-double', { tensors: { [nf4]: text({ ...nested, shape: [96] }) } }, /shape/],
    ['nf4-double', { tensors: { [nf4]: text({ ...nested, shape: [2 ** 50, 32] }) } }, /up_proj.weight' has 1536 bytes/],
    [
      'nf4-double',
      { tensors: { [nf4]: text({ ...nested, shape: [32, 96] }) } },
      /has shape \[32, 96\], expected \[96, 32\]/,
    ],
    [
      'nf4-double',
      { tensors: { [nf4]: text(' '.repeat(5000)) } },
      /nf4' has dtype U8 and 5000 bytes; expected U8, at most/,
    ],
    ['nf4-double', { tensors: { [nf4]: text(state) } }, /absmax' has dtype U8 and shape \[48\]; expected F32 or F16/],
    ['nf4-double', { tensors: { [nf4]: floats(3) } }, /nf4' has dtype F32/],
    ['nf4-double', { tensors: { [nf4]: null } }, /absmax' is surplus/],
    ['nf4-double', { tensors: { [`${up}.weight`]: null } }, /no tensor '.*up_proj.weight'/],
    ['nf4-double', { tensors: { [`${up}.weight.absmax`]: null } }, /no tensor '.*up_proj.weight.absmax'/],
    ['nf4-double', { tensors: { [`${up}.weight.nested_absmax`]: null } }, /no tensor '.*nested_absmax'/],
    [
      'nf4-double',
      { tensors: { [`${up}.weight.nested_absmax`]: floats(2) } },
      /nested_absmax' has .*shape \[2\]; .*\[1\]/,
    ],
    ['nf4-double', { tensors: { [`${up}.weight.nested_quant_map`]: floats(16) } }, /nested_quant_map' .*\[256\]/],
    ['nf4-double', { tensors: { [`${up}.weight.quant_map`]: floats(17) } }, /quant_map' has .*shape \[17\]; .*\[16\]/],
    ['nf4-double', { quantization: { load_in_4bit: false, load_in_8bit: true } }, /8 bits.*but no tensor is/],
    ['fp4', { tensors: { [`${up}.weight.absmax`]: floats(47) } }, /absmax' has .*\[47\]; expected .*\[48\]/],
    ['int8', { quantization: { load_in_4bit: true, load_in_8bit: false } }, /4 bits.*but no tensor is/],
    ['int8', { quantization: { load_in_4bit: true } }, /load_in_4bit true and load_in_8bit true; expected one/],
    ['int8', { quantization: { load_in_8bit: 1 } }, /quantization_config.load_in_8bit must be of type boolean, got 1/],
    ['int8', { tensors: { [`${up}.SCB`]: null } }, /weight_format' is surplus/],
    ['int8', { tensors: { [`${up}.SCB`]: floats(95) } }, /SCB' has .*shape \[95\]; expected .*\[96\]/],
    [
      'int8',
      { tensors: { [`${up}.weight`]: floats(96) } },
      /up_proj.weight' has dtype F32 and shape \[96\]; expected I8/,
    ],
    ['int8', { tensors: { [`${up}.weight`]: () => shape(32, 96) } }, /SCB' has .*shape \[96\]; expected .*\[32\]/],
    ['gptq-4', { tensors: { [`${up}.qweight`]: null } }, /surplus/],
    ['gptq-4', { tensors: { [`${up}.scales`]: null } }, /no tensor '.*up_proj.scales'/],
    ['gptq-4', { tensors: { [`${up}.qzeros`]: null } }, /no tensor '.*up_proj.qzeros'/],
    ['gptq-4', { tensors: { [`${up}.qzeros`]: floats(12) } }, /qzeros' has dtype F32.*expected I32 and \[1, 12\]/],
    ['gptq-4', { tensors: { [`${up}.qweight`]: () => shape(384) } }, /qweight' has .*shape \[384\]/],
    [
      'gptq-4',
      { tensors: { [`${up}.qweight`]: () => shape(2, 192) } },
      /scales' has .*\[1, 96\]; expected .*\[1, 192\]/,
    ],
    [
      'gptq-8',
      { tensors: { [`${up}.qweight`]: { dtype: 'I32', shape: [0, 96], data: new Int32Array(0) } } },
      /scales' has .*\[1, 96\]; expected .*\[0, 96\]/,
    ],
    ['gptq-4', { tensors: { [`${up}.g_idx`]: floats(32) } }, /g_idx' has dtype F32.*expected I32 and \[32\]/],
    ['gptq-4', { tensors: { [`${up}.g_idx`]: null }, quantization: { desc_act: true } }, /no g_idx beside it/],
    [
      'gptq-4',
      { tensors: { [`${up}.bias`]: { ...floats(96), data: new Float32Array(96).fill(1) } } },
      /bias' is surplus/,
    ],
    ['gptq-4', { quantization: { bits: 8 } }, /down_proj.scales' has .*\[3, 32\]; expected .*\[2, 32\]/],
    ['gptq-4', { quantization: { group_size: 16 } }, /down_proj.scales' has .*\[3, 32\]; expected .*\[6, 32\]/],
    ['gptq-4', { quantization: { group_size: 0 } }, /quantization_config.group_size must be at least 1, got 0/],
    ['gptq-4', { quantization: { bits: '4' } }, /quantization_config.bits must be of type/],
    ['gptq-4', { quantization: { quant_method: 'awq' } }, /shape|scales|qweight/],
    ['compressed-tensors-8', { tensors: { [`${up}.weight_shape`]: null } }, /no tensor '.*up_proj.weight_shape'/],
    ['compressed-tensors-8', { tensors: { [`${up}.weight_shape`]: floats(2) } }, /weight_shape' has dtype F32/],
    [
      'compressed-tensors-8',
      { tensors: { [`${up}.weight_packed`]: () => shape(8, 96) } },
      /shape' is \[96, 32\]; .*\[8, 384\]/,
    ],
    [
      'compressed-tensors-8',
      { tensors: { [`${up}.weight_scale`]: floats(96) } },
      /scale' has .*\[96\]; expected .*\[96, 1\]/,
    ],
    ['compressed-tensors-8', { tensors: { [`${up}.weight_zero_point`]: null } }, /no tensor '.*zero_point'/],
    [
      'compressed-tensors-8',
      { quantization: { config_groups: weights({ symmetric: true }) } },
      /zero_point' is surplus/,
    ],
    [
      'compressed-tensors-8',
      { quantization: { config_groups: weights({ strategy: 'group' }) } },
      /group without a group_size/,
    ],
    ['compressed-tensors-8', { quantization: { config_groups: {}, format: null } }, /format must be of type string/],
    ['awq', { tensors: { [`${up}.scales`]: null } }, /no tensor '.*up_proj.scales'/],
    ['awq', { tensors: { [`${up}.qzeros`]: () => shape(12) } }, /qzeros' has .*\[12\]; expected I32 and \[1, 12\]/],
    ['awq', { tensors: { [`${up}.qweight`]: () => shape(12, 32) } }, /scales' has .*\[1, 96\]; expected .*\[1, 256\]/],
    ['awq', { quantization: { group_size: 64 } }, /down_proj.scales' has .*\[3, 32\]; expected .*\[2, 32\]/],
    ['awq', { quantization: { quant_method: 'bitsandbytes', load_in_4bit: true } }, /4 bits.*but no tensor is/],
  ]
  for (const [name, changes, message] of damaged) {
    it(`${name}: ${JSON.stringify(Object.values(changes)[0]).slice(0, 90)} is refused: ${message.source}`, () => {
      assert.throws(
        () => openCheckpoint(changedCheckpoint(name, changes)),
        (error) => error instanceof FileFormatError && message.test(error.message),
      )
    })
  }

  const mixedOrder = (): Partial<TensorToWrite> => ({ data: Int32Array.from({ length: 32 }, (_, i) => +(i === 1)) })
  const wideScales = ({ shape, data }: TensorToWrite): Partial<TensorToWrite> => {
    const halves = (data as Uint8Array).slice().buffer
    return { dtype: 'F32', shape, data: float16ToFloat32(new Uint16Array(halves)) }
  }
  const unsupported: [string, Changes, RegExp][] = [
    [
      'fp4',
      { tensors: { [`${up}.weight.quant_state.bitsandbytes__fp4`]: text({ ...state, blocksize: 24 }) } },
      /32 inputs in blocks of 24; supported are .*multiples of 16/,
    ],
    [
      'int8',
      { tensors: { [`${up}.weight_format`]: { dtype: 'U8', shape: [], data: Uint8Array.of(2) } } },
      /weight_format' is 2.*supported is 0/,
    ],
    [
      'gptq-4',
      { tensors: { [`${up}.g_idx`]: mixedOrder } },
      /g_idx' puts inputs of different places into one.*dtype 'int4'/,
    ],
    [
      'gptq-4',
      { quantization: { bits: 3 } },
      /a GPTQ checkpoint of 3 bits is not supported; supported are 4 and 8 bits/,
    ],
    [
      'gptq-4',
      { quantization: { group_size: 24 } },
      /group_size 24 is not supported; supported are -1 and multiples of 16/,
    ],
    [
      'gptq-4',
      { quantization: { checkpoint_format: 'marlin' } },
      /format 'marlin' is not supported; .* gptq and gptq_v2/,
    ],
    ['gptq-4', { quantization: { dynamic: { '+:.*mlp.*': { bits: 8 } } } }, /of its own for '\+:.*mlp.*' \(dynamic\)/],
    [
      'gptq-4-zeros',
      { tensors: { [`${up}.scales`]: wideScales } },
      /scales' has scales in F32 beside zero points that differ/,
    ],
    ['awq', { quantization: { version: 'GEMV' } }, /the AWQ version 'gemv' is not supported; supported are gemm/],
    ['awq', { quantization: { bits: undefined, w_bit: 3 } }, /an AWQ checkpoint of 3 bits is not supported/],
    [
      'compressed-tensors-4',
      { quantization: { format: 'nvfp4-pack-quantized' } },
      /format 'nvfp4-pack-quantized' of compressed/,
    ],
    ['compressed-tensors-4', { quantization: { config_groups: {} } }, /a list of 0 config_groups is not supported/],
    [
      'compressed-tensors-4',
      { quantization: { config_groups: weights({ num_bits: 3 }) } },
      /3 bits of type 'int' is not/,
    ],
    [
      'compressed-tensors-4',
      { quantization: { config_groups: weights({ type: 'float' }) } },
      /8 bits of type 'float' is/,
    ],
    [
      'compressed-tensors-4',
      { quantization: { config_groups: weights({ strategy: 'block' }) } },
      /strategy 'block' is not/,
    ],
    ['compressed-tensors-4', { quantization: { config_groups: weights({}, {}) } }, /activations are quantised too/],
    [
      'compressed-tensors-4',
      { quantization: { sparsity_config: { format: 'marlin-24' } } },
      /sparse format 'marlin-24'/,
    ],
    [
      'compressed-tensors-4',
      { tensors: { [`${up}.weight_g_idx`]: { dtype: 'I32', shape: [32], data: new Int32Array(32).fill(1) } } },
      /weight_g_idx' puts/,
    ],
    ...['hqq', 'aqlm', 'fp8', 'torchao', 'mxfp4', 'toString', 7].map((method): [string, Changes, RegExp] => [
      'int8',
      { quantization: { quant_method: method } },
      new RegExp(`quantised with '${method}'.*supported are checkpoints of .*dtype 'int8' or 'int4'`),
    ]),
  ]
  for (const [name, changes, message] of unsupported) {
    it(`${name}: ${message.source}`, () => {
      assert.throws(
        () => openCheckpoint(changedCheckpoint(name, changes)).matrix(`${up}.weight`),
        (error) => error instanceof UnsupportedError && message.test(error.message),
      )
    })
  }

  it('bitsandbytes: the type under which codes go does not matter, nor does a missing method', () => {
    const weight = ({ data }: TensorToWrite): Partial<TensorToWrite> => ({ dtype: 'BF16', shape: [768, 1], data })
    const folder = changedCheckpoint('fp4', {
      quantization: { quant_method: undefined },
      tensors: { [`${up}.weight`]: weight },
    })
    const [plain, other] = [openCheckpoint(checkpoint('fp4')), openCheckpoint(folder)]
    assert.deepEqual(other.matrix(`${up}.weight`).read(5, 7), plain.matrix(`${up}.weight`).read(5, 7))
    plain.close()
    other.close()
  })

  /** The numbers of one matrix in a checkpoint and in a changed copy of it. */
  function compared(name: string, changes: Changes): [Float32Array, Float32Array, Float32Array] {
    const [plain, other] = [openCheckpoint(checkpoint(name)), openCheckpoint(changedCheckpoint(name, changes))]
    const [a, b] = [plain, other].map((weights) => wholeMatrix(weights.matrix(`${up}.weight`))) as [
      Float32Array,
      Float32Array,
    ]
    const { scales } = plain.matrix(`${up}.weight`).read(0, 96) as QuantizedMatrix
    plain.close()
    other.close()
    return [a, b, scales]
  }

  it('GPTQ: zero points that differ although the config says symmetric are kept', () => {
    const [plain, other] = compared('gptq-4-zeros', { quantization: { sym: true } })
    assert.deepEqual(other, plain)
  })

  it('GPTQ: the format gptq stores zero points that are less by one', () => {
    const [plain, other, scales] = compared('gptq-4', { quantization: { checkpoint_format: 'gptq_v2' } })
    assert.deepEqual(
      other,
      plain.map((value, i) => value + scales[Math.floor(i / 32)]!),
    )
  })

  it('GPTQ: a zero point of 0 that has borrowed from the next one is 0', () => {
    const zeros = { dtype: 'I32', shape: [1, 12], data: new Int32Array(12).fill(-0x11111111) } as const
    const [plain, other, scales] = compared('gptq-4', { tensors: { [`${up}.qzeros`]: zeros } })
    assert.deepEqual(
      other,
      plain.map((value, i) => value + 8 * scales[Math.floor(i / 32)]!),
    )
  })

  it('GPTQ: scales may be in F32 where zero points are the same, g_idx is not needed, nor modules that stay as they are', () => {
    const changes: Changes = {
      quantization: { dynamic: { '-:.*lm_head.*': {} }, checkpoint_format: undefined },
      tensors: { [`${up}.scales`]: wideScales, [`${up}.g_idx`]: null },
    }
    const [plain, other] = compared('gptq-4', changes)
    assert.deepEqual(other, plain)
  })
})
