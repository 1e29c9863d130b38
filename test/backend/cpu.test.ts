import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import fc from 'fast-check'
import { Allocator } from '../../src/backend/cpu/allocator.js'
import type { CpuBackend } from '../../src/backend/cpu/backend.js'
import { Runtime } from '../../src/backend/cpu/runtime.js'
import { EngineError, ConfigError } from '../../src/errors.js'
import {
  assertClose,
  on,
  onEveryBackend,
  OUR_BACKENDS,
  randomTensor,
  REFERENCE,
  useBackend,
  values,
} from '../ops/suite.js'

const PAGE = 65536

describe('cpu backend: allocator', () => {
  it('never hands out the same byte twice, whatever the order of requests and returns', () => {
    // A request of some bytes, or the return of one of the blocks that are out.
    const action = fc.oneof(fc.record({ bytes: fc.integer({ min: 0, max: 5000 }) }), fc.record({ release: fc.nat() }))
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const allocator = new Allocator(1024)
        const out: { start: number; end: number }[] = []
        for (const step of actions) {
          if ('release' in step) {
            if (out.length > 0) allocator.release(out.splice(step.release % out.length, 1)[0]!.start)
            continue
          }
          const start = allocator.allocate(step.bytes)
          const end = start + Math.max(1, step.bytes)
          assert.equal(start % 64, 0)
          assert.ok(start >= PAGE && end <= allocator.memory.buffer.byteLength, `block ${start} … ${end}`)
          for (const other of out) assert.ok(end <= other.start || start >= other.end, `block ${start} is in use`)
          out.push({ start, end })
        }
        for (const { start } of out) allocator.release(start)
        assert.equal(allocator.usedBytes, 0)
        // All free space is one piece again: a large block starts where the first one did.
        assert.equal(allocator.allocate(100 * PAGE), PAGE)
      }),
      { numRuns: 50 },
    )
  })

  it('joins neighbours that are given back, in any order', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [0, 2, 1],
      [1, 0, 2],
    ]) {
      const allocator = new Allocator(64)
      const blocks = [640, 640, 640].map((bytes) => allocator.allocate(bytes))
      const last = allocator.allocate(64)
      for (const i of order) allocator.release(blocks[i]!)
      assert.equal(allocator.allocate(3 * 640), blocks[0])
      allocator.release(last)
    }
  })

  it('uses the end of the memory again when it is given back, and counts what is in use', () => {
    const allocator = new Allocator(64)
    const first = allocator.allocate(100)
    const second = allocator.allocate(1000)
    assert.equal(allocator.usedBytes, 128 + 1024)
    allocator.release(second)
    assert.equal(allocator.allocate(40 * PAGE), second)
    allocator.release(second)
    allocator.release(first)
    assert.deepEqual([allocator.usedBytes, allocator.peakBytes], [0, 128 + 40 * PAGE])
    assert.throws(() => {
      allocator.release(first)
    }, EngineError)
  })

  it('says what is full when the memory is full, and goes on afterwards', () => {
    const allocator = new Allocator(32)
    const block = allocator.allocate(20 * PAGE)
    assert.throws(
      () => allocator.allocate(20 * PAGE),
      (error: unknown) => {
        assert.ok(error instanceof EngineError)
        assert.match(error.message, /2 MiB more were asked for while 2 MiB of at most 2 MiB are in use/)
        return true
      },
    )
    const rest = allocator.allocate(11 * PAGE)
    assert.throws(() => allocator.allocate(1), EngineError)
    allocator.release(block)
    assert.equal(allocator.allocate(20 * PAGE), block)
    allocator.release(rest)
  })
})

/** Results of some tfjs ops that we have no kernels for, and of some that mix both kinds. */
function everydayOps(): Record<string, number[]> {
  const x = randomTensor([6, 5], 1)
  const y = randomTensor([6, 5], 2)
  const product = tf.matMul(x, y, false, true) // lies in shared memory
  const counts = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32')
  const positive = tf.greater(x, 0)
  const results: Record<string, tf.Tensor> = {
    softmax: tf.softmax(product),
    logSumExp: tf.logSumExp(product, 0),
    mean: tf.mean(tf.add(x, y), 1),
    topk: tf.topk(product, 3).values,
    argMax: tf.argMax(product, -1),
    transpose: tf.transpose(product),
    slice: tf.slice(product, [2, 1], [3, 2]),
    concat: tf.concat([product, tf.matMul(x, y, false, true)], 1),
    gather: tf.gather(product, tf.tensor1d([5, 0, 0], 'int32')),
    split: tf.add(...(tf.split(product, 2) as [tf.Tensor, tf.Tensor])),
    where: tf.where(positive, tf.add(x, y), tf.zerosLike(x)),
    'sum of booleans': tf.sum(positive),
    'boolean as float': tf.add(tf.cast(positive, 'float32'), x),
    'integer as float': tf.matMul(tf.cast(counts, 'float32'), tf.cast(tf.transpose(counts), 'float32')),
    'integer and float': tf.add(counts, tf.tensor2d([0.5, 0.5, 0.5, 0.5, 0.5, 0.5], [2, 3])),
    'integer sum': tf.add(counts, counts),
    cumsum: tf.cumsum(product, 1),
    'reshape and pad': tf.pad(tf.reshape(product, [4, 9]), [
      [1, 0],
      [0, 2],
    ]),
    einsum: tf.einsum('ij,kj->ik', x, y),
    'gradient of a loss': tf.grad((w) => tf.losses.meanSquaredError(y, tf.tanh(tf.matMul(w, tf.matMul(x, y, true)))))(
      x,
    ),
  }
  return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, [...values(tensor)]]))
}

describe('cpu backend', () => {
  onEveryBackend(() => {
    const backend = () => tf.backend() as unknown as Pick<CpuBackend, 'address' | 'memory'>
    const used = (): number => backend().memory().numBytesInWasm

    it("gives the results of tfjs's own backend for every-day ops", async () => {
      const expected = await on(REFERENCE, everydayOps)
      const actual = tf.tidy(() => everydayOps() as unknown as tf.TensorContainer) as unknown as typeof expected
      assert.deepEqual(Object.keys(actual), Object.keys(expected))
      for (const [name, result] of Object.entries(actual)) assertClose(result, expected[name]!, 1e-5, name)
    })

    it('keeps a slice and a reshaped tensor whole when their source is disposed and its memory used again', () => {
      const square = (value: number): tf.Tensor2D => tf.tidy(() => tf.matMul(tf.fill([4, 4], value), tf.ones([4, 4])))
      const source = square(1)
      const slice = tf.slice(source, [1, 0], [2, 4])
      const reshaped = tf.reshape(source, [16])
      const address = backend().address(source)
      source.dispose()
      const during = [7, 7, 7].map(square)
      assert.ok(during.every((tensor) => backend().address(tensor) !== address))
      assert.deepEqual([...values(reshaped)], new Array(16).fill(4))
      reshaped.dispose()
      const after = Array.from({ length: 200 }, () => tf.add(during[0]!, during[1]!))
      assert.ok(after.some((tensor) => backend().address(tensor) === address))
      assert.deepEqual([...values(slice)], new Array(8).fill(4))
      tf.dispose([slice, ...during, ...after])
    })

    it('hands out copies of values', async () => {
      const sum = tf.add(tf.ones([5]), tf.ones([5]))
      const copies = [sum.dataSync(), await sum.data()] as Float32Array[]
      for (const copy of copies) {
        assert.ok(!(copy.buffer instanceof SharedArrayBuffer))
        copy[0] = 99
      }
      assert.deepEqual([...values(sum)], [2, 2, 2, 2, 2])
      sum.dispose()
      tf.add(tf.zeros([5]), tf.zeros([5])).dispose()
      assert.deepEqual([...copies[1]!], [99, 2, 2, 2, 2])
    })

    it('frees the memory of disposed tensors', () => {
      tf.tidy(() => tf.matMul(tf.ones([300, 300]), tf.ones([300, 300]))) // scratch of the kernels stays
      const [tensors, bytes] = [tf.memory().numTensors, used()]
      const a = tf.ones([100, 100])
      const b = tf.matMul(a, a)
      assert.ok(used() >= bytes + 2 * 40000)
      const same = tf.reshape(b, [10000])
      b.dispose()
      assert.ok(used() >= bytes + 2 * 40000)
      tf.dispose([a, same])
      assert.deepEqual([tf.memory().numTensors, used()], [tensors, bytes])
    })

    it('refuses text in its kernels', () => {
      const text = tf.tensor1d(['a', 'b'])
      assert.throws(() => backend().address(text), EngineError)
      text.dispose()
    })
  }, OUR_BACKENDS)

  it('moves tensors between backends, and variables keep what is assigned to them', async () => {
    const [first, second] = OUR_BACKENDS as [string, string]
    await useBackend(REFERENCE)
    const matrix = tf.tensor2d([1, 2, 3, 4], [2, 2])
    await useBackend(first)
    const variable = tf.variable(tf.matMul(matrix, matrix))
    const sum = tf.add(variable, variable)
    variable.assign(sum)
    sum.dispose()
    assert.deepEqual([...values(variable)], [14, 20, 30, 44])
    await useBackend(second)
    assert.deepEqual([...values(tf.add(variable, matrix))], [15, 22, 33, 48])
    await useBackend(REFERENCE)
    assert.deepEqual([...values(tf.sub(variable, matrix))], [13, 18, 27, 40])
    tf.dispose([variable, matrix])
  })

  it('refuses a number of threads that is none', async () => {
    for (const threads of [0, -1, 1.5, NaN]) await assert.rejects(Runtime.start({ threads }), ConfigError)
  })

  it('stops its threads', async () => {
    const runtime = await Runtime.start({ threads: 2 })
    await runtime.stop()
  })
})
