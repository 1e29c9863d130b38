import assert from 'node:assert/strict'
import fc from 'fast-check'
import { KernelId, PEAK_TILE_BYTES } from '../../src/backend/cpu/constants.js'
import { gemm, PanelMode } from '../../src/backend/cpu/gemm.js'
import type { PanelScaling, Product } from '../../src/backend/cpu/gemm.js'
import { ADDRESS_HIGH } from '../../src/backend/cpu/kernelCalls.js'
import { KernelList } from '../../src/backend/cpu/kernelList.js'
import { Runtime } from '../../src/backend/cpu/runtime.js'
import { chooseKernels } from '../../src/backend/cpu/simd.js'
import { EngineError } from '../../src/errors.js'

describe('backend/cpu: extents of what kernels read and write', () => {
  let runtime: Runtime
  before(async () => {
    // With native code, where there is some: that would crash.
    const { kernels } = await chooseKernels()
    runtime = await Runtime.start({ threads: 1, kernels, memoryPages: 64 })
  })
  after(() => runtime.stop())

  const end = (): number => runtime.allocator.memory.buffer.byteLength

  /** A product of 4 x 6 and 6 x 20 with bias and low-rank term, all of it within the memory. */
  const product = (): Product => ({
    a: 65536,
    aRowStride: 24,
    aDepthStride: 4,
    b: 66560,
    mode: PanelMode.strided,
    bDepthStride: 80,
    bColumnStride: 4,
    c: 67584,
    cRowStride: 80,
    cColumnStride: 4,
    rows: 4,
    columns: 20,
    depth: 6,
    bias: 68608,
    low: { a: 69632, aRowStride: 8, b: 70656, bDepthStride: 80, depth: 2 },
  })

  const scaling: PanelScaling = { scales: 71680, offsets: 72704, codebook: 73728, groupSize: 16 }

  it('lets a product pass whose matrices end with the memory', () => {
    const sizes = [2 * 6 * 64, 2 * 6 * 32, 6 * 80, 20 * 64, 20 * 32, 2 * 6 * 16, 2 * 3 * 16, 20 * 16, 10 * 16]
    assert.equal(sizes.length, Object.keys(PanelMode).length)
    for (const [mode, bBytes] of sizes.entries()) {
      gemm(runtime, { ...product(), mode, scaling, b: end() - bBytes })
      assert.throws(() => {
        gemm(runtime, { ...product(), mode, scaling, b: end() - bBytes + 4 })
      }, EngineError)
    }
    // Two panels of one group; where they are transposed, one panel of two groups.
    for (const mode of [PanelMode.int4Panels, PanelMode.transposedInt4Panels]) {
      const at = { scales: end() - 128, offsets: end() - 128, codebook: end() - 128, groupSize: 16 }
      gemm(runtime, { ...product(), mode, scaling: at })
    }
    gemm(runtime, { ...product(), a: end() - 4 * 24 })
    gemm(runtime, { ...product(), c: end() - 4 * 80, bias: end() - 80 })
    gemm(runtime, { ...product(), low: { ...product().low!, a: end() - 32, b: end() - 160 } })
  })

  it('refuses a product with anything beyond the memory, and says what', () => {
    const low = product().low!
    const cases: [expected: RegExp, change: Partial<Product>][] = [
      [/gemm got A of 96 bytes at \d+, in a memory of/, { a: end() - 92 }],
      [/got A of/, { aRowStride: 2 ** 30 }],
      [/got A of/, { aDepthStride: 2 ** 31 - 1 }],
      [/got B of/, { b: 2 ** 32 - 64 }],
      [/got B of/, { bColumnStride: 2 ** 30 }],
      [/got B of Infinity bytes/, { mode: 9 }],
      [/got C of/, { c: end() - 316 }],
      [/got C of/, { cColumnStride: 2 ** 28 }],
      [/got a bias of 80 bytes/, { bias: end() - 76 }],
      [/got A' of/, { low: { ...low, a: end() - 28 } }],
      [/got B' of/, { low: { ...low, b: end() - 156 } }],
      [/got sizes and strides/, { low: { ...low, bDepthStride: 2 ** 31 } }],
      [/got C of 320 bytes at 2048/, { c: 2048 }],
      [/got -4; expected 32 bits/, { aRowStride: -4 }],
      [/expected 32 bits/, { cRowStride: 2 ** 32 }],
      [/expected 32 bits/, { a: 65536.5 }],
      [/expected 32 bits/, { b: NaN }],
      [/got sizes and strides/, { bDepthStride: 2 ** 31 }],
    ]
    const codes = { mode: PanelMode.int4Panels, scaling: { ...scaling, groupSize: 16 } }
    cases.push(
      [/got scales of 128 bytes/, { ...codes, scaling: { ...codes.scaling, scales: end() - 124 } }],
      [/got offsets of 128 bytes/, { ...codes, scaling: { ...codes.scaling, offsets: end() - 124 } }],
      [/got a codebook of 128 bytes/, { ...codes, scaling: { ...codes.scaling, codebook: end() - 124 } }],
      [/got a codebook of 128 bytes/, { ...codes, scaling: { ...codes.scaling, codebook: 0 } }],
      [/got scales of Infinity bytes/, { ...codes, scaling: null }],
      [/got scales of Infinity bytes/, { ...codes, scaling: { ...codes.scaling, groupSize: 0 } }],
      [/got scales of Infinity bytes/, { ...codes, scaling: { ...codes.scaling, groupSize: 24 } }],
    )
    for (const [expected, change] of cases) {
      assert.throws(
        () => {
          gemm(runtime, { ...product(), ...change })
        },
        (error: Error) => {
          assert.ok(error instanceof EngineError, String(error))
          assert.match(error.message, expected)
          return true
        },
      )
    }
  })

  it('refuses calls of a list, before they stand in it', () => {
    const list = new KernelList(runtime)
    assert.throws(() => {
      gemm(list, { ...product(), a: end() })
    }, EngineError)
    assert.equal(list.length, 0)
    list.dispose()
  })

  it('no words of arguments make a kernel crash', () => {
    const word = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 70 }), fc.integer({ min: 65536, max: 65536 + 4096 }))
    const { gemm, add, rmsNorm, rope, swiglu, logSoftmax, logSoftmaxGradient, embed } = KernelId
    const kernel = fc.constantFrom(gemm, add, rmsNorm, rope, swiglu, logSoftmax, logSoftmaxGradient, embed)
    let ran = 0
    fc.assert(
      fc.property(
        kernel,
        fc.array(word, { minLength: 31, maxLength: 31 }),
        fc.oneof({ arbitrary: fc.constant(0), weight: 9 }, word),
        fc.integer({ max: 8 }),
        (id, words, addressHigh, tiles) => {
          runtime.args.set(words)
          runtime.args[ADDRESS_HIGH] = addressHigh
          // What WebAssembly uses as scratch; what it does with a wrong one is a trap.
          runtime.args[17] = 65536
          runtime.args[18] = 65536
          try {
            runtime.run(id, tiles, 0)
            ran++
          } catch (error) {
            assert.ok(error instanceof EngineError || error instanceof WebAssembly.RuntimeError, String(error))
          }
        },
      ),
      { numRuns: 5000 },
    )
    assert.ok(ran > 0)
  })

  it('looks at the tiles of the peak', () => {
    runtime.args.set([1, end() - 4 * PEAK_TILE_BYTES])
    runtime.run(KernelId.peak, 4, 0)
    assert.throws(() => {
      runtime.run(KernelId.peak, 5, 0)
    }, EngineError)
  })
})
