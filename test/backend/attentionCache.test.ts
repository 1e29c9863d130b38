import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import type { CpuBackend } from '../../src/backend/cpu/backend.js'
import { cachedAttentionCall } from '../../src/backend/cpu/kernels/attention.js'
import { callAttentionPanelCopy, callAttentionPanels } from '../../src/backend/cpu/kernels/attentionPanels.js'
import { slotPanelList } from '../../src/backend/cpu/kernels/attentionWork.js'
import { registerCpuBackend } from '../../src/backend/cpu/register.js'
import { EngineError } from '../../src/errors.js'
import { attention } from '../../src/ops/attention.js'
import type { AttentionOptions, AttentionSegment } from '../../src/ops/attention.js'

const ONE_THREAD = 'attention-cache'
const THREE_THREADS = 'attention-cache-three-threads'
const backends = new Map<string, CpuBackend>()

/** A cache of panels for keys and of rows for values, in memory of the kernels. */
class Cache {
  readonly #blocks: number[] = []
  readonly #keys: number
  readonly #values: number

  constructor(
    private readonly backend: CpuBackend,
    private readonly headDim: number,
    private readonly width: number,
    slots: number,
  ) {
    // What was never written must not be seen.
    this.#keys = this.place(new Float32Array(slots * width).fill(NaN))
    this.#values = this.place(new Float32Array(slots * width).fill(NaN))
  }

  place(values: Float32Array | Int32Array): number {
    const { allocator } = this.backend.runtime
    const address = allocator.allocate(values.byteLength)
    new Uint8Array(allocator.memory.buffer, address).set(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    )
    this.#blocks.push(address)
    return address
  }

  append(keys: Float32Array, values: Float32Array, slots: readonly number[]): void {
    const { words, entries } = slotPanelList(slots)
    const work = { from: this.place(keys), to: this.#keys, width: this.width, list: this.place(words), entries }
    callAttentionPanels(this.backend.runtime, { ...work, factor: this.headDim ** -0.5 })
    const table = new Float32Array(this.backend.runtime.allocator.memory.buffer)
    for (const [i, slot] of slots.entries()) {
      const row = values.subarray(i * this.width, (i + 1) * this.width)
      table.set(row, this.#values / 4 + slot * this.width)
    }
  }

  copy(from: number, to: number, length: number): void {
    callAttentionPanelCopy(this.backend.runtime, { panels: this.#keys, width: this.width, from, to, length })
    const at = (slot: number): number => this.#values / 4 + slot * this.width
    new Float32Array(this.backend.runtime.allocator.memory.buffer).copyWithin(at(to), at(from), at(from + length))
  }

  attention(q: Float32Array, options: AttentionOptions): Float32Array {
    const { runtime } = this.backend
    const width = options.numHeads * this.headDim
    const call = cachedAttentionCall(options, width, runtime.threads)
    const y = this.place(new Float32Array(q.length))
    call.call(runtime, {
      q: this.place(q),
      keyPanels: this.#keys,
      v: this.#values,
      y,
      logSumExp: this.place(new Float32Array(q.length / this.headDim)),
      list: this.place(call.list),
    })
    return new Float32Array(runtime.allocator.memory.buffer, y, q.length).slice()
  }

  dispose(): void {
    for (const address of this.#blocks) this.backend.runtime.allocator.release(address)
  }
}

function randomNumbers(length: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 31 - 1) * 1.5
  })
}

const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i)

describe('backend/cpu: attention over a cache of panels', () => {
  before(async () => {
    backends.set(ONE_THREAD, await registerCpuBackend({ name: ONE_THREAD, threads: 1 }))
    backends.set(THREE_THREADS, await registerCpuBackend({ name: THREE_THREADS, threads: 3 }))
  })

  after(() => {
    for (const name of [ONE_THREAD, THREE_THREADS]) tf.removeBackend(name)
    void tf.setBackend('cpu')
  })

  for (const [numHeads, numKeyValueHeads, headDim] of [
    [6, 2, 16],
    [9, 3, 64],
    [4, 4, 5],
    [7, 1, 34],
  ] as const) {
    const shape = { numHeads, numKeyValueHeads }
    const [queryWidth, width] = [numHeads * headDim, numKeyValueHeads * headDim]

    it(`gives the bits of the packed batch: ${numHeads} heads to ${numKeyValueHeads} of ${headDim}`, () => {
      // A prompt of 53 tokens and completions of different lengths, in a cache with the completions before it.
      const lengths = [53, 70, 1, 18, 33]
      const starts = [272, 32, 0, 112, 208]
      const total = lengths.reduce((sum, length) => sum + length)
      const firstRows = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0))
      const matrix = (size: number, seed: number): Float32Array => randomNumbers(total * size, seed)
      const [q, k, v] = [matrix(queryWidth, 1), matrix(width, 2), matrix(width, 3)]
      const packed = lengths.map((length, i): AttentionSegment => ({
        queryStart: firstRows[i]!,
        queryLength: length,
        keyStart: firstRows[i]!,
        keyLength: length,
        prefixStart: 0,
        prefixLength: i === 0 ? 0 : 53,
      }))
      for (const name of [ONE_THREAD, THREE_THREADS]) {
        void tf.setBackend(name)
        const backend = backends.get(name)!
        const tensors = [q, k, v].map((values) => tf.tensor2d(values, [total, values.length / total]))
        const result = attention(tensors[0]!, tensors[1]!, tensors[2]!, {
          ...shape,
          segments: packed,
        })
        const expected = result.dataSync<'float32'>()
        tf.dispose([...tensors, result])

        const used = backend.memory().numBytesInWasm
        const cache = new Cache(backend, headDim, width, 336)
        const rows = (matrix: Float32Array, size: number, first: number, length: number): Float32Array =>
          matrix.slice(first * size, (first + length) * size)
        const check = (tokens: readonly (readonly [sequence: number, from: number, length: number])[]): void => {
          const at = tokens.map(([sequence, from, length]) => [firstRows[sequence]! + from, length] as const)
          const take = (matrix: Float32Array, size: number): Float32Array =>
            Float32Array.from(at.flatMap(([first, length]) => [...rows(matrix, size, first, length)]))
          const slots = tokens.flatMap(([sequence, from, length]) => range(starts[sequence]! + from, length))
          cache.append(take(k, width), take(v, width), slots)
          let queryStart = 0
          const segments = tokens.map(([sequence, from, length]): AttentionSegment => {
            queryStart += length
            return {
              queryStart: queryStart - length,
              queryLength: length,
              keyStart: starts[sequence]!,
              keyLength: from + length,
              prefixStart: sequence === 0 ? 0 : starts[0]!,
              prefixLength: sequence === 0 ? 0 : 53,
            }
          })
          assert.deepEqual(cache.attention(take(q, queryWidth), { ...shape, segments }), take(expected, queryWidth))
        }
        check([[0, 0, 53]])
        for (let i = 0; i < 70; i++)
          check([1, 2, 3, 4].filter((each) => i < lengths[each]!).map((each) => [each, i, 1]))
        cache.dispose()
        assert.equal(backend.memory().numBytesInWasm, used)
      }
    })
  }

  it('copies keys to other slots and leaves what stands behind them', () => {
    const backend = backends.get(ONE_THREAD)!
    const [k, v, q] = [3, 4, 5].map((seed) => randomNumbers(40 * 8, seed)) as [Float32Array, Float32Array, Float32Array]
    const cache = new Cache(backend, 8, 8, 128)
    const own = new Cache(backend, 8, 8, 128)
    const options = { numHeads: 1, numKeyValueHeads: 1 }
    const segment = { queryStart: 0, queryLength: 40, prefixStart: 0, prefixLength: 0, keyLength: 40 }
    own.append(k, v, range(64, 40))
    // 21 of the keys lie elsewhere; the others are written before these are copied.
    cache.append(k.slice(0, 21 * 8), v.slice(0, 21 * 8), range(0, 21))
    cache.append(k.slice(21 * 8), v.slice(21 * 8), range(64 + 21, 19))
    cache.copy(0, 64, 21)
    const segments = [{ ...segment, keyStart: 64 }]
    assert.deepEqual(cache.attention(q, { ...options, segments }), own.attention(q, { ...options, segments }))
    cache.dispose()
    own.dispose()
  })

  it('refuses keys that do not begin with a panel', () => {
    const segment = { queryStart: 0, queryLength: 1, prefixStart: 0, prefixLength: 0, keyStart: 8, keyLength: 1 }
    const options = { numHeads: 1, numKeyValueHeads: 1, segments: [segment] }
    assert.throws(() => cachedAttentionCall(options, 4, 1), EngineError)
  })
})
