import assert from 'node:assert/strict'
import type * as tf from '../../src/bundled/tfjs.js'
import { CpuBackend } from '../../src/backend/cpu/backend.js'
import { KernelId } from '../../src/backend/cpu/constants.js'
import { gemm, PanelMode } from '../../src/backend/cpu/gemm.js'
import { KernelList } from '../../src/backend/cpu/kernelList.js'
import { kernels } from '../../src/backend/cpu/kernels/index.js'
import { callLinear } from '../../src/backend/cpu/kernels/linearProducts.js'
import { panelWeight } from '../../src/backend/cpu/kernels/panelWeight.js'
import { callEmbed } from '../../src/backend/cpu/kernels/weight.js'
import type { NativeMemory } from '../../src/backend/cpu/nativeMemory.js'
import { Runtime } from '../../src/backend/cpu/runtime.js'
import { EngineError } from '../../src/errors.js'
import { float32ToBfloat16 } from '../../src/io/dtypes.js'
import type { KernelName } from '../../src/ops/kernelSets.js'
import type { PackedWeight } from '../../src/ops/weight.js'
import type { QuantizedFormat } from '../../src/quantization/weightFormat.js'
import { sourceOf } from '../../src/quantization/matrixSource.js'
import type { MatrixSource } from '../../src/quantization/matrixSource.js'
import { quantizedFormats, quantizedMatrixSource, randomQuantized } from '../fixtures/quantizedWeights.js'
import { onEachInstructionSet } from './nativeComparison.js'

/** A weight beyond 8 MiB in bfloat16 too, of no whole panels, whose log-probabilities take three blocks. */
const [OUT, WIDTH] = [4105, 1027]

function randomFloats(size: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

/** Drawn once: it takes a second. */
const floats = randomFloats(OUT * WIDTH, 1)
/** By format. Codes of 4 bits take more than 8 MiB with so many inputs. */
const sources: Readonly<Record<string, MatrixSource>> = {
  float32: sourceOf([OUT, WIDTH], floats),
  bfloat16: sourceOf([OUT, WIDTH], float32ToBfloat16(floats)),
  int8: codes([OUT, 2049], quantizedFormats(64).int8!),
  '4 bits with offsets': codes([OUT, 4101], quantizedFormats(128)['4 bits with offsets']!),
}
const FORMATS = Object.keys(sources)

function codes(shape: readonly [out: number, width: number], format: QuantizedFormat): MatrixSource {
  return quantizedMatrixSource(randomQuantized(shape, format))
}

const run = (
  backend: CpuBackend,
  name: KernelName,
  inputs: object,
  attributes: object = {},
  frozen: object = {},
): tf.TensorInfo[] => {
  const kernel = kernels.find((each) => each.name === name)!
  return [kernel.run(backend, inputs as tf.NamedTensorInfoMap, attributes, frozen)].flat()
}

function tensor(backend: CpuBackend, rows: number, columns: number, seed: number): tf.TensorInfo {
  const { info } = backend.allocate([rows, columns])
  backend.floats(info).set(randomFloats(rows * columns, seed))
  return info
}

function pack(backend: CpuBackend, source: MatrixSource): PackedWeight {
  const infos = run(backend, 'PackWeight', {}, { source })
  const [tensor, scaling] = infos as [tf.Tensor, tf.Tensor | undefined]
  const dispose = (): void => {
    for (const { dataId } of infos) backend.disposeData(dataId)
  }
  return { shape: source.shape, format: source.format, tensor, scaling: scaling ?? null, dispose }
}

const packValues = (backend: CpuBackend, format: string): PackedWeight => pack(backend, sources[format]!)

/** All that is computed with frozen weights, by its name. */
function results(backend: CpuBackend, format: string): Map<string, Float32Array> {
  const weight = packValues(backend, format)
  const [, width] = weight.shape
  const made = new Map<string, Float32Array>()
  const keep = (name: string, infos: readonly tf.TensorInfo[]): readonly tf.TensorInfo[] => {
    infos.forEach((info, i) => made.set(`${name}, output ${i}`, backend.floats(info).slice()))
    return infos
  }
  for (const rows of [1, 5, 14]) {
    const [x, dy] = [tensor(backend, rows, width, 2), tensor(backend, rows, OUT, 3)]
    const [loraA, loraB, loraT] = [
      tensor(backend, 3, width, 4),
      tensor(backend, OUT, 3, 5),
      tensor(backend, rows, 3, 6),
    ]
    const frozen = { weight, bias: tensor(backend, 1, OUT, 7), known: null }
    keep(`product of ${rows}`, run(backend, 'LoraLinear', { x, loraA, loraB }, { scale: 0.5 }, frozen))
    keep(`gradient of ${rows}`, run(backend, 'LinearInputGradient', { dy, loraT, loraA }, {}, frozen))
  }
  const ids = Int32Array.from([0, OUT - 1, 15, 16, 8, 7, 2048, 0])
  keep('embeddings', run(backend, 'WeightRows', {}, { ids }, { weight }))

  const rows = 6
  const targets = { targets: Int32Array.from([0, OUT - 1, 2047, 2048, 4096, 77]), temperature: 0.9 }
  const hidden = tensor(backend, rows, width, 8)
  const [, entropies, statistics] = keep('values', run(backend, 'TokenLogProbs', { hidden }, targets, { weight }))
  const [dLogProbs, dEntropies] = [tensor(backend, 1, rows, 9), tensor(backend, 1, rows, 10)]
  const inputs = { hidden, entropies, statistics, dLogProbs, dEntropies }
  keep('gradient of values', run(backend, 'TokenLogProbsGradient', inputs, targets, { weight }))

  const list = new KernelList(backend.runtime)
  const { allocator } = backend.runtime
  const [idsAddress, x, y] = [
    allocator.place(ids),
    tensor(backend, ids.length, width, 0),
    tensor(backend, ids.length, OUT, 0),
  ]
  callEmbed(list, {
    weight: panelWeight(backend, weight),
    ids: idsAddress,
    out: backend.address(x),
    rows: ids.length,
  })
  list.barrier()
  const product = { x: backend.address(x), y: backend.address(y), rows: ids.length }
  callLinear(list, { ...product, weight: panelWeight(backend, weight) })
  list.dispatch()
  keep('list', [x, y])
  list.dispose()
  allocator.release(idsAddress)
  weight.dispose()
  return made
}

describe('backend/cpu: weights in native memory', () => {
  const expected = new Map<string, Map<string, Float32Array>>()
  before(async () => {
    const plain = await Runtime.start({ threads: 2 })
    for (const format of FORMATS) expected.set(format, results(new CpuBackend(plain), format))
    await plain.stop()
  })

  for (const threads of [1, 2]) {
    describe(`${threads} threads`, () => {
      onEachInstructionSet(threads, (comparison) => {
        for (const format of FORMATS) {
          it(`give the bits of those in WebAssembly's memory, ${format}`, () => {
            const backend = new CpuBackend(comparison().runtime)
            const actual = results(backend, format)
            assert.deepEqual([...actual.keys()], [...expected.get(format)!.keys()])
            for (const [name, values] of expected.get(format)!) {
              assert.equal(Buffer.compare(Buffer.from(values.buffer), Buffer.from(actual.get(name)!.buffer)), 0, name)
            }
          })
        }
      })
    })
  }

  onEachInstructionSet(1, (comparison) => {
    let backend: CpuBackend
    let memory: NativeMemory
    before(() => {
      backend = new CpuBackend(comparison().runtime)
      memory = comparison().runtime.nativeMemory!
    })
    const used = (): number => backend.runtime.allocator.usedBytes

    it('are those from 8 MiB on, and count as in use', () => {
      const before = used()
      const values = new Float32Array(2 ** 21)
      const large = pack(backend, sourceOf([2 ** 11, 2 ** 10], values))
      const small = pack(backend, sourceOf([2 ** 11 - 16, 2 ** 10], values.subarray(2 ** 14)))
      assert.ok(panelWeight(backend, large).address >= 2 ** 32)
      assert.ok(panelWeight(backend, small).address < 2 ** 32)
      assert.equal(used() - before, values.byteLength * 2 - 2 ** 16)
      assert.ok(backend.memory().peakBytesInWasm >= used())
      large.dispose()
      small.dispose()
      assert.equal(used(), before)
      assert.ok(memory.isEmpty)
    })

    it('give their memory back at once, however many there were', () => {
      const touch = (): void => {
        const { address, buffer } = memory.allocate(8 * 2 ** 20)
        const bytes = new Uint8Array(buffer)
        // A page of each 64 KiB, 512 KiB in all.
        for (let at = 0; at < bytes.length; at += 65536) bytes[at] = 1
        memory.release(address)
        assert.equal(buffer.byteLength, 0)
      }
      // The first few leave what V8 and the addon need.
      for (let i = 0; i < 50; i++) touch()
      const before = process.memoryUsage.rss()
      for (let i = 0; i < 2000; i++) touch()
      const grown = process.memoryUsage.rss() - before
      assert.ok(grown < 200 * 2 ** 20, `${grown} bytes more after 1000 MiB`)
      assert.throws(() => {
        memory.release(2 ** 40)
      }, /never allocated/)
    })

    it('leave nothing when reading them fails', () => {
      const before = used()
      let pieces = 0
      const source = sources.float32!
      const failing: MatrixSource = {
        ...source,
        read: (first, count) => {
          if (pieces++ === 2) throw new Error('the disk is gone')
          return source.read(first, count)
        },
      }
      assert.throws(() => pack(backend, failing), /the disk is gone/)
      assert.equal(used(), before)
      assert.ok(memory.isEmpty)
    })

    it('are moved there from another backend', () => {
      const weight = packValues(backend, 'bfloat16')
      const copy = backend.readSync(weight.tensor.dataId) as Int32Array
      const dataId = backend.write(copy, [copy.length], 'int32')
      const moved: PackedWeight = {
        ...weight,
        tensor: { dataId, shape: [copy.length], dtype: 'int32' } as unknown as tf.Tensor,
      }
      assert.ok(panelWeight(backend, moved).address >= 2 ** 32)
      const ids = Int32Array.from([5, OUT - 1])
      const [a, b] = [weight, moved].map((each) =>
        backend.floats(run(backend, 'WeightRows', {}, { ids }, { weight: each })[0]!),
      )
      assert.deepEqual(a, b)
      weight.dispose()
      backend.disposeData(dataId)
      assert.ok(memory.isEmpty)
    })

    it('are refused when the system has none, and where a kernel would go beyond them', () => {
      assert.throws(() => memory.allocate(2 ** 47), /the system refuses 134217728 MiB of memory for a weight/)
      const { runtime } = backend
      // A whole number of pages: behind the last number there is nothing.
      const [columns, depth] = [2048, 1024]
      const { address } = memory.allocate(columns * depth * 4)
      const a = runtime.allocator.allocate(3 * depth * 4)
      const c = runtime.allocator.allocate(3 * columns * 4)
      const strides = { aRowStride: depth * 4, aDepthStride: 4, cRowStride: columns * 4 }
      const product = { a, b: address, mode: PanelMode.float32Panels, c, ...strides, rows: 3, columns, depth }
      gemm(runtime, product)
      const transposed = { ...product, mode: PanelMode.transposedFloat32Panels }
      gemm(runtime, transposed)
      const refused = (change: Partial<typeof product>, message: RegExp): void => {
        assert.throws(
          () => {
            gemm(runtime, { ...product, ...change })
          },
          (error: Error) => error instanceof EngineError && message.test(error.message),
        )
      }
      const notThere = /gemm got B of \d+ bytes at \d+, which is no weight/
      refused({ b: address + 64 }, notThere)
      refused({ b: address - 64 }, notThere)
      refused({ columns: columns + 1 }, notThere)
      refused({ b: address + 2 ** 40 }, notThere)
      refused({ b: address + 0.5 }, /expected 32 bits/)
      refused({ b: 2 ** 64 }, /expected 32 bits/)
      refused({ a: address }, /expected 32 bits/)
      refused({ c: address }, /expected 32 bits/)

      const idsAddress = runtime.allocator.place(Int32Array.from([0, columns]))
      const embed = {
        weight: { address, mode: PanelMode.float32Panels, scaling: null, shape: [columns, depth] as const },
        ids: idsAddress,
        out: c,
        rows: 1,
      }
      callEmbed(runtime, embed)
      assert.throws(() => {
        callEmbed(runtime, { ...embed, weight: { ...embed.weight, shape: [columns + 1, depth] } })
      }, /embed got the weight of \d+ bytes at \d+, which is no weight/)
      // The second id is no row.
      assert.throws(() => {
        callEmbed(runtime, { ...embed, rows: 2 })
      }, /reached beyond/)

      assert.throws(() => {
        runtime.setNativeKernels([KernelId.gemm])
      }, /only native code reaches/)
      memory.release(address)
      refused({}, notThere)
      runtime.setNativeKernels([KernelId.embed])
      refused({}, /which only native code reaches/)
      runtime.setNativeKernels(comparison().native.kernels)
      for (const block of [a, c, idsAddress]) runtime.allocator.release(block)
    })
  })
})
