import assert from 'node:assert/strict'
import type * as tf from '../../src/bundled/tfjs.js'
import { CpuBackend } from '../../src/backend/cpu/backend.js'
import { kernels } from '../../src/backend/cpu/kernels/index.js'
import { compileKernels } from '../../src/backend/cpu/kernelModule.js'
import type { KernelModule } from '../../src/backend/cpu/kernelModule.js'
import { findNativeKernels } from '../../src/backend/cpu/native.js'
import { Runtime } from '../../src/backend/cpu/runtime.js'
import { chooseKernels } from '../../src/backend/cpu/simd.js'
import { EngineError } from '../../src/errors.js'
import type { KernelName } from '../../src/ops/kernelSets.js'
import type { PackedWeight } from '../../src/ops/weight.js'
import type { MatrixSource } from '../../src/quantization/matrixSource.js'
import { formatBytes } from '../../src/quantization/weightFormat.js'
import {
  dequantizedSource,
  quantizedFormats,
  quantizedMatrixSource,
  randomQuantized,
} from '../fixtures/quantizedWeights.js'
import { randomValues } from '../ops/suite.js'

/** Weights [out, in] and the size of their groups: odd numbers, last groups that are short, a group as long as the row or longer. */
const SHAPES: readonly (readonly [out: number, width: number, groupSize: number])[] = [
  [1, 1, 16],
  [16, 16, 16],
  [37, 45, 16],
  [130, 33, 32],
  [70, 131, 64],
  [33, 300, 128],
  [48, 176, 176],
  [21, 50, 64],
  [5, 1037, 48],
]
/** Few rows and many: blocks of all sizes, and several tiles. */
const ROWS = [1, 2, 3, 4, 5, 6, 8, 10, 13, 31, 65, 300]

/** Calls kernels on a runtime of their own. */
class Kernels {
  readonly #backend: CpuBackend
  readonly #tensors: tf.TensorInfo[] = []

  constructor(readonly runtime: Runtime) {
    this.#backend = new CpuBackend(runtime)
  }

  run(name: KernelName, inputs: object, attributes: object = {}, frozen: object = {}): tf.TensorInfo[] {
    const { run } = kernels.find((kernel) => kernel.name === name)!
    const results = [run(this.#backend, inputs as tf.NamedTensorInfoMap, attributes, frozen)].flat()
    this.#tensors.push(...results)
    return results
  }

  tensor(rows: number, columns: number, seed: number): tf.TensorInfo {
    const { info } = this.#backend.allocate([rows, columns])
    this.#backend.floats(info).set(randomValues(rows * columns, seed))
    this.#tensors.push(info)
    return info
  }

  weight(source: MatrixSource): PackedWeight {
    const { shape, format } = source
    const [tensor, scaling] = this.run('PackWeight', {}, { source }) as [tf.Tensor, tf.Tensor | undefined]
    return { shape, format, tensor, scaling: scaling ?? null, dispose: () => undefined }
  }

  values(tensor: tf.TensorInfo): Float32Array {
    return this.#backend.floats(tensor).slice()
  }

  disposeAll(): void {
    for (const { dataId } of this.#tensors.splice(0)) this.#backend.disposeData(dataId)
  }
}

/** What kernels give with a weight [out, in], by what was computed. */
function resultsOf(kernels: Kernels, source: MatrixSource): Map<string, Float32Array> {
  const [out, width] = source.shape
  const results = new Map<string, Float32Array>()
  const weight = kernels.weight(source)
  const keep = (name: string, tensors: tf.TensorInfo[]): tf.TensorInfo[] => {
    for (const [i, tensor] of tensors.entries()) results.set(`${name}, result ${i}`, kernels.values(tensor))
    return tensors
  }
  for (const rows of ROWS) {
    const [x, dy] = [kernels.tensor(rows, width, 11), kernels.tensor(rows, out, 12)]
    const [loraA, loraB, loraT] = [
      kernels.tensor(5, width, 13),
      kernels.tensor(out, 5, 14),
      kernels.tensor(rows, 5, 15),
    ]
    const frozen = { weight, bias: kernels.tensor(1, out, 16), known: null }
    keep(`product of ${rows} rows`, kernels.run('LoraLinear', { x }, {}, { ...frozen, bias: null }))
    keep(`LoRA of ${rows} rows`, kernels.run('LoraLinear', { x, loraA, loraB }, { scale: 0.5 }, frozen))
    keep(`gradient of ${rows} rows`, kernels.run('LinearInputGradient', { dy }, {}, { weight }))
    keep(`LoRA's gradient of ${rows} rows`, kernels.run('LinearInputGradient', { dy, loraT, loraA }, {}, { weight }))
  }
  const ids = Int32Array.from({ length: out + 3 }, (_, i) => (i * 7) % out)
  keep('embedding', kernels.run('WeightRows', {}, { ids }, { weight }))
  logProbs(kernels, weight, keep)
  kernels.disposeAll()
  return results
}

function logProbs(
  kernels: Kernels,
  weight: PackedWeight,
  keep: (name: string, tensors: tf.TensorInfo[]) => tf.TensorInfo[],
): void {
  const [out, width] = weight.shape
  const hidden = kernels.tensor(6, width, 17)
  const attributes = { targets: Int32Array.from({ length: 6 }, (_, i) => (i * 7919) % out), temperature: 0.9 }
  const [, entropies, statistics] = keep(
    'log-probabilities',
    kernels.run('TokenLogProbs', { hidden }, attributes, { weight }),
  )
  const [dLogProbs, dEntropies] = [kernels.tensor(1, 6, 18), kernels.tensor(1, 6, 19)]
  const outputs = { hidden, entropies, statistics, dLogProbs, dEntropies }
  keep('gradient of log-probabilities', kernels.run('TokenLogProbsGradient', outputs, attributes, { weight }))
}

const native = findNativeKernels()

/** The kernels that there are, by name; where there are none of them here, why. */
const modules: Readonly<Record<string, () => Promise<KernelModule | string>>> = {
  'WebAssembly, 128 bits': () => compileKernels(),
  'WebAssembly, blocks of six rows': async () => ({ ...(await compileKernels()), blockRows: 6 }),
  'WebAssembly without fused multiply-adds': () => compileKernels(false),
  'WebAssembly, 256 bits': async () => {
    const { kernels, width, reason } = await chooseKernels({ simd: '256' })
    return width === '256' ? kernels : reason!
  },
  ...(typeof native === 'string'
    ? { 'native code': () => Promise.resolve(native) }
    : Object.fromEntries(
        native.map((own) => [own.set, async () => ({ ...(await compileKernels()), native: own })] as const),
      )),
}

describe('backend/cpu: quantised weights', () => {
  for (const [name, compile] of Object.entries(modules)) {
    for (const threads of [1, 2]) {
      it(`give the bits of the numbers that they stand for: ${name}, ${threads} threads`, async function () {
        const module = await compile()
        if (typeof module === 'string') {
          console.log(`        skipped: ${module}`)
          return this.skip()
        }
        const runtime = await Runtime.start({ threads, kernels: module })
        const kernels = new Kernels(runtime)
        try {
          for (const [out, width, groupSize] of SHAPES) {
            for (const [kind, format] of Object.entries(quantizedFormats(groupSize))) {
              const matrix = randomQuantized([out, width], format)
              const expected = resultsOf(kernels, dequantizedSource(matrix))
              const actual = resultsOf(kernels, quantizedMatrixSource(matrix))
              assert.equal(actual.size, expected.size)
              for (const [what, values] of actual) {
                assert.ok(
                  Buffer.compare(bytesOf(values), bytesOf(expected.get(what)!)) === 0,
                  `${what}: ${kind}, [${out}, ${width}] in groups of ${groupSize}`,
                )
              }
            }
          }
        } finally {
          await runtime.stop()
        }
      })
    }
  }

  it('give the bits of the numbers in a vocabulary of several blocks', async () => {
    for (const compile of Object.values(modules)) {
      const module = await compile()
      if (typeof module === 'string') continue
      const runtime = await Runtime.start({ threads: 2, kernels: module })
      const kernels = new Kernels(runtime)
      for (const format of Object.values(quantizedFormats(32))) {
        const matrix = randomQuantized([4999, 45], format)
        const [expected, actual] = [dequantizedSource, quantizedMatrixSource].map((sourceOf) => {
          const results: Float32Array[] = []
          logProbs(kernels, kernels.weight(sourceOf(matrix)), (_, tensors) => {
            results.push(...tensors.map((tensor) => kernels.values(tensor)))
            return tensors
          })
          return results
        })
        assert.deepEqual(actual, expected)
      }
      kernels.disposeAll()
      await runtime.stop()
    }
  })

  it('take the memory of their codes and scales, and give it back', async () => {
    const runtime = await Runtime.start({ threads: 1, kernels: await compileKernels() })
    const kernels = new Kernels(runtime)
    const { allocator } = runtime
    for (const format of Object.values(quantizedFormats(64))) {
      const before = allocator.usedBytes
      // Read in several pieces.
      const shape = [2064, 1024] as const
      kernels.weight(quantizedMatrixSource(randomQuantized(shape, format)))
      const taken = allocator.usedBytes - before
      assert.equal(taken, formatBytes(shape, format) + (format.codebook ? 128 : 0))
      kernels.disposeAll()
      assert.equal(allocator.usedBytes, before)
    }
    await runtime.stop()
  })

  it('leave nothing behind where there is room for their codes and none for their scales', async () => {
    const runtime = await Runtime.start({ threads: 1, kernels: await compileKernels(), memoryPages: 20 })
    const kernels = new Kernels(runtime)
    const { allocator } = runtime
    // A mebibyte of codes, and half of that of scales and offsets.
    const format = Object.values(quantizedFormats(16)).find(({ bits, hasOffsets }) => bits === 8 && hasOffsets)!
    const source = quantizedMatrixSource(randomQuantized([2048, 512], format))
    assert.throws(() => kernels.weight(source), /out of tensor memory/)
    assert.equal(allocator.usedBytes, 0)
    await runtime.stop()
  })

  it('refuse groups that kernels cannot read', async () => {
    const runtime = await Runtime.start({ threads: 1, kernels: await compileKernels() })
    const [format] = Object.values(quantizedFormats(24))
    const source = quantizedMatrixSource(randomQuantized([4, 48], format!))
    assert.throws(() => new Kernels(runtime).weight(source), EngineError)
    await runtime.stop()
  })
})

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
