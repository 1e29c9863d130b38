import assert from 'node:assert/strict'
import type * as tf from '../../src/bundled/tfjs.js'
import fc from 'fast-check'
import { CpuBackend } from '../../src/backend/cpu/backend.js'
import { kernels } from '../../src/backend/cpu/kernels/index.js'
import { onEachInstructionSet } from './nativeComparison.js'
import type { NativeComparison } from './nativeComparison.js'

const shape = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  width: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3000 })),
  special: fc.constantFrom(0, -0, Infinity, -Infinity, NaN, 1e-40, 100, -100, 3e38),
})

/** A copy in which all NaN have the same bits: which ones a NaN has is left to the processor. */
function canonical(values: Float32Array): Float32Array {
  return values.map((value) => (Number.isNaN(value) ? NaN : value))
}

describe('backend/cpu: native kernels of rows and single numbers', () => {
  onEachInstructionSet(2, (started) => {
    let comparison: NativeComparison
    let backend: CpuBackend
    before(() => {
      comparison = started()
      backend = new CpuBackend(comparison.runtime)
    })

    /** A random matrix with a special number in the middle. */
    const matrix = (rows: number, columns: number, special?: number): tf.TensorInfo => {
      const { info } = backend.allocate([rows, columns])
      const values = backend.floats(info)
      for (let i = 0; i < values.length; i++) values[i] = comparison.random() * 8
      if (special !== undefined) values[values.length >> 1] = special
      return info
    }

    /** Compares the outputs of calls, each given those of the one before, in WebAssembly and in native code. */
    const compare = (
      ...calls: ((before: tf.TensorInfo[]) => [name: string, inputs: object, attributes?: object, frozen?: object])[]
    ): void => {
      const results = (ids: readonly number[]): Float32Array[] => {
        comparison.runtime.setNativeKernels(ids)
        const made: tf.TensorInfo[] = []
        let last: tf.TensorInfo[] = []
        for (const call of calls) {
          const [name, inputs, attributes = {}, frozen = {}] = call(last)
          const { run } = kernels.find((kernel) => kernel.name === name)!
          last = [run(backend, inputs as tf.NamedTensorInfoMap, attributes, frozen)].flat()
          made.push(...last)
        }
        const values = made.map((info) => canonical(backend.floats(info)))
        for (const { dataId } of made) backend.disposeData(dataId)
        return values
      }
      const expected = results([])
      assert.deepEqual(results(comparison.native.kernels), expected)
    }

    const check = (body: (shape: { rows: number; width: number; special: number }) => void, numRuns = 100): void => {
      fc.assert(fc.property(shape, body), { numRuns })
    }

    it('sums and SwiGLU have the bits of the WebAssembly kernels', () => {
      check(({ rows, width, special }) => {
        const [a, b, dy] = [matrix(rows, width, special), matrix(rows, width), matrix(rows, width)]
        compare(() => ['Add', { a, b }])
        compare(() => ['Swiglu', { gate: a, up: b }])
        compare(() => ['SwigluGradient', { gate: a, up: b, dy }])
        for (const { dataId } of [a, b, dy]) backend.disposeData(dataId)
      })
    })

    it('RMSNorm and its gradients have the bits of the WebAssembly kernels', () => {
      check(({ rows, width, special }) => {
        const [x, dy, weight] = [matrix(rows, width, special), matrix(rows, width), matrix(1, width)]
        const epsilon = 1e-5
        compare(() => ['RmsNorm', { x }, { epsilon }, { weight }])
        compare(() => ['RmsNormGradient', { x, dy }, { epsilon }, { weight }])
        compare(() => ['TrainableRmsNormGradient', { x, dy, weight }, { epsilon }])
        for (const { dataId } of [x, dy, weight]) backend.disposeData(dataId)
      })
    })

    it('rotary embeddings have the bits of the WebAssembly kernel', () => {
      check(({ rows, width, special }) => {
        const half = Math.ceil(width / 8)
        const [x, cos, sin] = [matrix(rows, half * 6, special), matrix(rows, half), matrix(rows, half)]
        for (const inverse of [false, true]) compare(() => ['Rope', { x, cos, sin }, { inverse }])
        for (const { dataId } of [x, cos, sin]) backend.disposeData(dataId)
      })
    })

    it('log-probabilities, entropies and their gradient have the bits of the WebAssembly kernels', () => {
      check(({ rows, width, special }) => {
        const hidden = matrix(rows, 5, special)
        const tensor = matrix(1, Math.ceil(width / 16) * 16 * 5)
        const weight = { shape: [width, 5], format: 'float32', tensor, scaling: null, dispose: () => undefined }
        const targets = Int32Array.from({ length: rows }, (_, row) => (row * 977) % width)
        const attributes = { targets, temperature: 0.8 }
        const [dLogProbs, dEntropies] = [matrix(1, rows), matrix(1, rows)]
        compare(
          () => ['TokenLogProbs', { hidden }, attributes, { weight }],
          ([, entropies, statistics]) => [
            'TokenLogProbsGradient',
            { hidden, entropies, statistics, dLogProbs, dEntropies },
            attributes,
            { weight },
          ],
        )
        for (const { dataId } of [hidden, tensor, dLogProbs, dEntropies]) backend.disposeData(dataId)
      })
    })
  })
})
