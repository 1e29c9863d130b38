import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { RESERVED } from '../../src/backend/cpu/allocator.js'
import { NATIVE_FAULT, NATIVE_PAGES } from '../../src/backend/cpu/constants.js'
import { gemm, PanelMode } from '../../src/backend/cpu/gemm.js'
import type { Product } from '../../src/backend/cpu/gemm.js'
import { findNativeKernels, NATIVE_VERSION } from '../../src/backend/cpu/native.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'
import { onEachInstructionSet } from './nativeComparison.js'
import type { NativeComparison } from './nativeComparison.js'

/** Weights [in, out]: layers of SmolLM2 and of small models, and odd sizes. */
const WEIGHTS = [
  [576, 576],
  [576, 192],
  [576, 1536],
  [1536, 576],
  [128, 384],
  [100, 37],
  [896, 4864],
  [33, 130],
] as const
const ROWS = [1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 31, 64, 257]
const RANK = 16
/** Products of more multiply-adds take too long here. */
const MOST_OPERATIONS = 5e7

const available = findNativeKernels()

const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })
/** Numbers between two rows, beyond those that a row has. */
const gap = fc.integer({ min: 0, max: 3 })
const anyProduct = fc.record({
  rows: fc.oneof(fc.nat({ max: 14 }), fc.nat({ max: 257 })),
  columns: size(100),
  depth: fc.oneof(size(40), size(600)),
  mode: fc.integer({ min: 0, max: 8 }),
  groupSize: fc.constantFrom(16, 32, 48, 128, 1024),
  hasOffsets: fc.boolean(),
  transposed: fc.record({ a: fc.boolean(), b: fc.boolean(), c: fc.boolean() }),
  gaps: fc.record({ a: gap, b: gap, c: gap }),
  bias: fc.boolean(),
  alpha: fc.constantFrom(1, 0.3, -2),
  accumulate: fc.boolean(),
  lowDepth: fc.constantFrom(0, 1, 8, 33),
  lowStrided: fc.boolean(),
  special: fc.constantFrom(0, Infinity, NaN, 1e-40),
})

describe('backend/cpu: native kernels', () => {
  it('have the version and the addresses that are expected of them', () => {
    const header = fs.readFileSync(new URL('../../native/kernels/kernels.h', import.meta.url), 'utf8')
    const numbers = [...header.matchAll(/\b(NATIVE_VERSION|NATIVE_PAGES|NATIVE_FAULT|FIRST_ADDRESS) =? ?(\d+)/g)]
    assert.deepEqual(Object.fromEntries(numbers.map(([, name, value]) => [name, Number(value)])), {
      NATIVE_VERSION,
      NATIVE_PAGES,
      NATIVE_FAULT,
      FIRST_ADDRESS: RESERVED,
    })
  })

  if (typeof available === 'string') {
    it.skip(available)
    return
  }

  it('are not loaded from a file that is not what was built, which would end the process', () => {
    const folder = temporaryFolder()
    const { file } = available[0]!
    const [copy, sums] = [path.join(folder, path.basename(file)), path.join(folder, `${path.basename(file)}.sha256`)]
    const whole = fs.readFileSync(file)
    const problem = (): string => {
      const found = findNativeKernels([folder])
      return typeof found === 'string' ? found : 'none'
    }
    fs.writeFileSync(copy, whole)
    assert.match(problem(), /sha256 is missing/)
    fs.copyFileSync(`${file}.sha256`, sums)
    for (const bytes of [0, 1000, whole.length >> 1, whole.length - 1]) {
      fs.writeFileSync(copy, whole.subarray(0, bytes))
      assert.match(problem(), /cannot be loaded: .* is damaged/)
    }
    fs.writeFileSync(
      copy,
      whole.map((byte, i) => (i === whole.length >> 1 ? byte ^ 1 : byte)),
    )
    assert.match(problem(), /is damaged/)
    // The next folder is looked at.
    assert.equal(findNativeKernels([folder, path.dirname(file)]).length, available.length)
  })

  onEachInstructionSet(1, (comparison) => {
    it('have the bits of the WebAssembly kernels for whatever product', () => {
      fc.assert(
        fc.property(anyProduct, (shape) => {
          assert.equal(compareProduct(comparison(), shape), null)
        }),
        { numRuns: 300 },
      )
    })

    it('have the bits of the WebAssembly kernels for all products of a layer', () => {
      let products = 0
      for (const [width, out] of WEIGHTS) {
        for (const rows of ROWS.filter((n) => n * width * out <= MOST_OPERATIONS)) {
          for (const bfloat16 of [false, true]) products += compareLayer(comparison(), rows, width, out, bfloat16)
        }
      }
      assert.ok(products > 1000, `only ${products} products were compared`)
    })
  })
})

/** Compares a product of any shape; returns the difference. */
function compareProduct(comparison: NativeComparison, shape: Shape): string | null {
  const { rows, columns, depth, mode, transposed, gaps, bias, alpha, accumulate, lowDepth, lowStrided } = shape
  const { groupSize, hasOffsets } = shape
  const { runtime } = comparison
  /** Bytes between rows and columns of a matrix, and its numbers. */
  const strides = (height: number, width: number, isTransposed: boolean, numbers: number) =>
    isTransposed
      ? { row: 4, column: (height + numbers) * 4, size: (height + numbers) * width }
      : { row: (width + numbers) * 4, column: 4, size: height * (width + numbers) }
  const left = strides(rows, depth, transposed.a, gaps.a)
  const right = strides(depth, columns, transposed.b, gaps.b)
  const result = strides(rows, columns, transposed.c, gaps.c)
  const [wide, deep] = [Math.ceil(columns / 16) * 16, Math.ceil(depth / 16) * 16]
  const a = comparison.floats(left.size)
  if (left.size > 0) comparison.view(a, left.size)[left.size >> 1] = shape.special
  const b = [
    () => comparison.floats(wide * depth),
    () => comparison.bfloat16Panels(columns, depth),
    () => comparison.floats(right.size),
    () => comparison.floats(deep * columns),
    () => comparison.bfloat16Panels(depth, columns),
    // Codes are any bytes.
    () => comparison.floats((wide * depth) / 4),
    () => comparison.floats((wide * Math.ceil(depth / 2)) / 4),
    () => comparison.floats((deep * columns) / 4),
    () => comparison.floats((deep * Math.ceil(columns / 2)) / 4),
  ][mode]!()
  const scales =
    mode < PanelMode.transposedInt8Panels ? wide * Math.ceil(depth / groupSize) : deep * Math.ceil(columns / groupSize)
  const scaling = {
    scales: comparison.floats(scales),
    offsets: hasOffsets ? comparison.floats(scales) : 0,
    codebook: comparison.codebook(),
    groupSize,
  }
  const c = comparison.floats(result.size)
  const low = {
    a: comparison.floats(rows * lowDepth),
    b: comparison.floats(wide * lowDepth),
    bDepthStride: lowStrided ? columns * 4 : 0,
    depth: lowDepth,
  }
  const product: Product = {
    a,
    aRowStride: left.row,
    aDepthStride: left.column,
    b,
    mode,
    scaling,
    bDepthStride: right.row,
    bColumnStride: right.column,
    c,
    cRowStride: result.row,
    cColumnStride: result.column,
    rows,
    columns,
    depth,
    bias: bias ? comparison.floats(columns) : 0,
    alpha,
    accumulate,
    ...(lowDepth > 0 && { low }),
  }
  const difference = comparison.difference([{ address: c, size: result.size }], () => {
    gemm(runtime, product)
  })
  comparison.releaseAll()
  return difference
}

type Shape = typeof anyProduct extends fc.Arbitrary<infer T> ? T : never

/** Compares the products of a linear layer with LoRA, forward and backward; returns how many they are. */
function compareLayer(
  comparison: NativeComparison,
  rows: number,
  width: number,
  out: number,
  bfloat16: boolean,
): number {
  const { runtime } = comparison
  const floats = (size: number): number => comparison.floats(size)
  const weight = bfloat16 ? comparison.bfloat16Panels(out, width) : floats(Math.ceil(out / 16) * 16 * width)
  const [x, dy, bias] = [floats(rows * width), floats(rows * out), floats(out)]
  const [lowA, lowB, loraA, loraT] = [
    floats(rows * RANK),
    floats(Math.ceil(out / 16) * 16 * RANK),
    floats(RANK * width),
    floats(rows * RANK),
  ]
  const forward = {
    a: x,
    aRowStride: width * 4,
    aDepthStride: 4,
    b: weight,
    mode: bfloat16 ? PanelMode.bfloat16Panels : PanelMode.float32Panels,
    cRowStride: out * 4,
    rows,
    columns: out,
    depth: width,
  }
  const backward = {
    a: dy,
    aRowStride: out * 4,
    aDepthStride: 4,
    b: weight,
    mode: bfloat16 ? PanelMode.transposedBfloat16Panels : PanelMode.transposedFloat32Panels,
    cRowStride: width * 4,
    rows,
    columns: width,
    depth: out,
  }
  /** The gradients of LoRA's matrices: a transposed left-hand side, and a strided right-hand one of some columns. */
  const gradient = (b: number, columns: number) => ({
    a: loraT,
    aRowStride: 4,
    aDepthStride: RANK * 4,
    b,
    mode: PanelMode.strided,
    bDepthStride: columns * 4,
    bColumnStride: 4,
    rows: RANK,
    columns,
    depth: rows,
  })
  const products: [name: string, size: number, product: Omit<Product, 'c'>][] = [
    ['forward', rows * out, forward],
    ['with LoRA', rows * out, { ...forward, low: { a: lowA, b: lowB, bDepthStride: 0, depth: RANK } }],
    ['with bias', rows * out, { ...forward, bias, alpha: 0.7, accumulate: true }],
    ['backward', rows * width, backward],
    [
      'backward with LoRA',
      rows * width,
      { ...backward, low: { a: loraT, b: loraA, bDepthStride: width * 4, depth: RANK } },
    ],
    ['dA', RANK * width, { ...gradient(x, width), cRowStride: width * 4 }],
    ['dB', RANK * out, { ...gradient(dy, out), cRowStride: 4, cColumnStride: RANK * 4 }],
  ]
  for (const [name, size, product] of products) {
    const c = floats(size)
    const difference = comparison.difference([{ address: c, size }], () => {
      gemm(runtime, { ...product, c })
    })
    assert.equal(difference, null, `${name}, ${rows} rows, ${width} -> ${out}${bfloat16 ? ', bfloat16' : ''}`)
  }
  comparison.releaseAll()
  return products.length
}
