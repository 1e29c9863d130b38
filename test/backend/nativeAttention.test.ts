import assert from 'node:assert/strict'
import type * as tf from '../../src/bundled/tfjs.js'
import fc from 'fast-check'
import { CpuBackend } from '../../src/backend/cpu/backend.js'
import { KernelId } from '../../src/backend/cpu/constants.js'
import { kernels } from '../../src/backend/cpu/kernels/index.js'
import { EngineError } from '../../src/errors.js'
import type { AttentionOptions } from '../../src/ops/attention.js'
import { onEachInstructionSet } from './nativeComparison.js'
import type { NativeComparison } from './nativeComparison.js'

const shape = fc.record({
  keyValueHeads: fc.integer({ min: 1, max: 3 }),
  group: fc.integer({ min: 1, max: 4 }),
  headDim: fc.constantFrom(3, 16, 20, 32, 64),
  prompt: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 50, max: 150 })),
  /** Tokens of each completion of the prompt. */
  completions: fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 4 }),
})
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never

/** A prompt and its completions, behind each other. */
function optionsOf({ keyValueHeads, group, prompt, completions }: Shape): AttentionOptions {
  let at = prompt
  const own = { queryStart: 0, queryLength: prompt, prefixStart: 0, prefixLength: 0, keyStart: 0, keyLength: prompt }
  const segments = completions.map((length) => {
    const start = at
    at += length
    const queries = { queryStart: start, queryLength: length, keyStart: start, keyLength: length }
    return { ...queries, prefixStart: 0, prefixLength: prompt }
  })
  return { segments: [own, ...segments], numHeads: keyValueHeads * group, numKeyValueHeads: keyValueHeads }
}

describe('backend/cpu: native attention', () => {
  onEachInstructionSet(2, (started) => {
    let comparison: NativeComparison
    let backend: CpuBackend
    before(() => {
      comparison = started()
      backend = new CpuBackend(comparison.runtime)
    })

    const run = (name: string, inputs: object, attributes: object): tf.TensorInfo[] =>
      [kernels.find((kernel) => kernel.name === name)!.run(backend, inputs as never, attributes, {})].flat()
    const matrix = (rows: number, columns: number): tf.TensorInfo => {
      const { info } = backend.allocate([rows, columns])
      const values = backend.floats(info)
      for (let i = 0; i < values.length; i++) values[i] = comparison.random() * 3
      return info
    }

    it('has the bits of the WebAssembly kernels, forward and backward', () => {
      fc.assert(
        fc.property(shape, (wanted) => {
          const options = optionsOf(wanted)
          const tokens = wanted.prompt + wanted.completions.reduce((sum, length) => sum + length, 0)
          const width = options.numHeads * wanted.headDim
          const keyWidth = options.numKeyValueHeads * wanted.headDim
          const [q, k, v, dy] = [width, keyWidth, keyWidth, width].map((columns) => matrix(tokens, columns))
          const results = (ids: readonly number[]): Float32Array[] => {
            comparison.runtime.setNativeKernels(ids)
            const [y, logSumExp] = run('Attention', { q, k, v }, options)
            const gradients = run('AttentionGradient', { dy, q, k, v, y, logSumExp }, options)
            const outputs = [y!, logSumExp!, ...gradients]
            const values = outputs.map((info) => backend.floats(info).slice())
            for (const { dataId } of outputs) backend.disposeData(dataId)
            return values
          }
          const expected = results([])
          assert.deepEqual(results(comparison.native.kernels), expected)
          for (const info of [q, k, v, dy]) backend.disposeData(info!.dataId)
        }),
        { numRuns: 60 },
      )
    })

    it('leaves out what a list would have beyond the memory, and says so', () => {
      const { runtime } = comparison
      runtime.setNativeKernels(comparison.native.kernels)
      const block = comparison.allocate(65536)
      const words = new Int32Array(runtime.allocator.memory.buffer, block, 16384)
      const scratch = runtime.scratch(65536)
      const { attention, attentionQueryGradient, attentionKeyGradient } = KernelId
      const word = fc.oneof(fc.integer(), fc.integer({ min: -1, max: 40 }))
      let refused = 0
      fc.assert(
        fc.property(
          fc.constantFrom(attention, attentionQueryGradient, attentionKeyGradient),
          fc.array(word, { minLength: 32, maxLength: 32 }),
          fc.boolean(),
          (id, list, farAway) => {
            words.fill(0)
            words.set(list)
            // Everything is read from behind the list, and written there.
            runtime.args.fill(block + 4096, 0, 12)
            if (farAway) runtime.args[3] = -4
            runtime.args.set([2, 1, 16, 0, block, 2, scratch.address, scratch.stride], 12)
            try {
              runtime.run(id, 2, 0)
            } catch (error) {
              assert.ok(error instanceof EngineError, String(error))
              refused++
            }
          },
        ),
        { numRuns: 2000 },
      )
      assert.ok(refused > 1000, `${refused} lists were refused`)
      comparison.releaseAll()
    })
  })
})
