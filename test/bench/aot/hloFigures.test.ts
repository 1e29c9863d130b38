import assert from 'node:assert/strict'
import { hloFigures } from '../../../bench/aot/hloFigures.js'
import { parseHloModule } from '../../../bench/aot/hloModule.js'
import { FileFormatError } from '../../../src/errors.js'
import { writeModule } from './hloWriter.js'
import type { Instruction, Shape } from './hloWriter.js'

const cache: Shape = ['bf16', 30, 64, 128]
const slice: Shape = ['bf16', 1, 64, 128]
const [cacheBytes, sliceBytes] = [30 * 64 * 128 * 2, 64 * 128 * 2]

function turns(n: number): string {
  return `{"known_trip_count":{"n":"${n}"},"known_init_step":{"init":"0","step":"1"}}`
}

/** Decoding: a loop over tokens, of unknown length, around one over 30 layers, and a computation for each fusion. */
function decode(...changes: readonly Instruction[]): Uint8Array {
  const cutsSlice: Instruction[] = [
    { opcode: 'parameter', shape: cache },
    { opcode: 'dynamic-slice', shape: slice },
    { opcode: 'bitcast', shape: ['bf16', 64, 128] },
  ]
  const multiplies: Instruction[] = [
    { opcode: 'dynamic-slice', shape: slice },
    { opcode: 'custom-call', shape: ['f32', 8, 64], customCallTarget: '__cublas$lt$matmul' },
  ]
  const cutsBeside: Instruction[] = [{ opcode: 'fusion', shape: ['bf16', 64, 128], calls: [1] }]
  const transposes: Instruction[] = [
    { opcode: 'parameter', shape: cache },
    { opcode: 'transpose', shape: cache },
    { opcode: 'add', shape: cache },
  ]
  const layer: Instruction[] = [
    { opcode: 'parameter', shape: { tuple: [['s32'], cache] } },
    { opcode: 'fusion', shape: ['bf16', 64, 128], calls: [1] },
    { opcode: 'async-start', shape: { tuple: [{ tuple: [cache, ['s32']] }, slice, ['s32']] }, calls: [3] },
    { opcode: 'async-done', shape: slice },
    { opcode: 'fusion', shape: ['f32', 8, 64], calls: [2] },
    { opcode: 'custom-call', shape: ['f32', 8, 64], customCallTarget: '__cublas$lt$matmul' },
    { opcode: 'tuple', shape: { tuple: [['s32'], cache] } },
  ]
  const condition: Instruction[] = [{ opcode: 'compare', shape: ['s32'] }]
  const token: Instruction[] = [
    { opcode: 'copy', shape: ['s32', 8] },
    { opcode: 'while', shape: { tuple: [] }, calls: [5, 6], backendConfig: turns(30) },
    ...changes,
  ]
  const entry: Instruction[] = [
    { opcode: 'fusion', shape: ['f32', 8, 64], calls: [2] },
    { opcode: 'while', shape: { tuple: [] }, calls: [7, 6] },
  ]
  return writeModule(cutsSlice, multiplies, cutsBeside, transposes, layer, condition, token, entry)
}

describe('figures of a compiled program', () => {
  it('count what a layer starts, and the bytes that it only copies', () => {
    assert.deepEqual(hloFigures(parseHloModule(decode()), 30, cacheBytes), {
      kernels: 1 + 1 + 30 * 4,
      layerKernels: 4,
      layerMoved: 2 * sliceBytes,
      layerWidened: 0,
      largestWidened: 0,
      largeCopies: [],
    })
  })

  it('find copies and transposes of what is large, inside fusions too', () => {
    const module = decode(
      { opcode: 'copy', shape: cache, name: 'copy.7' },
      { opcode: 'fusion', shape: cache, calls: [4], name: 'transpose_add_fusion' },
    )
    assert.deepEqual(hloFigures(parseHloModule(module), 30, cacheBytes).largeCopies, [
      { name: 'copy.7', bytes: cacheBytes },
      { name: 'transpose_add_fusion', bytes: cacheBytes },
    ])
    assert.deepEqual(hloFigures(parseHloModule(module), 30, cacheBytes + 1).largeCopies, [])
  })

  it('tell what is computed from codes and written, but not what only moves them or reads few', () => {
    const codes: Shape = ['u8', 30, 2 ** 11, 2 ** 10]
    const dequantizes: Instruction[] = [
      { opcode: 'parameter', shape: codes },
      { opcode: 'dynamic-slice', shape: ['u8', 1, 2 ** 11, 2 ** 10] },
      { opcode: 'convert', shape: ['bf16', 2 ** 11, 2 ** 10] },
    ]
    const cuts: Instruction[] = dequantizes.slice(0, 2)
    const few: Instruction[] = [
      { opcode: 'parameter', shape: ['s8', 8, 64] },
      { opcode: 'convert', shape: ['f32', 8, 64] },
    ]
    const layer: Instruction[] = [
      { opcode: 'fusion', shape: ['bf16', 2 ** 11, 2 ** 10], calls: [1] },
      { opcode: 'fusion', shape: ['u8', 1, 2 ** 11, 2 ** 10], calls: [2] },
      { opcode: 'fusion', shape: ['f32', 8, 64], calls: [3] },
      { opcode: 'fusion', shape: ['bf16', 2 ** 9, 2 ** 10], calls: [1] },
    ]
    const condition: Instruction[] = [{ opcode: 'compare', shape: ['s32'] }]
    const entry: Instruction[] = [
      { opcode: 'while', shape: { tuple: [] }, calls: [4, 5], backendConfig: turns(30) },
      { opcode: 'fusion', shape: ['bf16', 30, 2 ** 11, 2 ** 10], calls: [1] },
    ]
    const module = parseHloModule(writeModule(dequantizes, cuts, few, layer, condition, entry))
    const { layerWidened, largestWidened, layerMoved } = hloFigures(module, 30, cacheBytes)
    assert.deepEqual([layerWidened, largestWidened, layerMoved], [5 * 2 ** 20, 30 * 2 ** 22, 2 ** 21])
  })

  it('have nothing to say of layers that are no loop', () => {
    const { layerKernels, layerMoved, layerWidened } = hloFigures(parseHloModule(decode()), 24, cacheBytes)
    assert.deepEqual([layerKernels, layerMoved, layerWidened], [null, null, null])
  })

  it('are not read from anything else', () => {
    const module = decode()
    for (const bytes of [new Uint8Array(), Buffer.from('HloModule main'), module.subarray(0, module.length - 3)]) {
      assert.throws(() => parseHloModule(bytes), FileFormatError)
    }
  })
})
