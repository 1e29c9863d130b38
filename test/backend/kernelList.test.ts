import assert from 'node:assert/strict'
import fc from 'fast-check'
import { KernelId, PEAK_TILE_BYTES } from '../../src/backend/cpu/constants.js'
import { KernelList } from '../../src/backend/cpu/kernelList.js'
import type { KernelCalls } from '../../src/backend/cpu/kernelCalls.js'
import { Runtime } from '../../src/backend/cpu/runtime.js'

/** Numbers of a buffer, and of a tile: a length that is no multiple of a vector. */
const LENGTH = 37
const TILE = 4
const BUFFERS = 6

/** to = a + b, all buffers' numbers. */
interface Sum {
  readonly a: number
  readonly b: number
  readonly to: number
}

function addSum(calls: KernelCalls, memory: number, { a, b, to }: Sum, operations: number): void {
  calls.args.set([memory + a * 256, memory + b * 256, memory + to * 256, LENGTH * 4, TILE * 4])
  calls.run(KernelId.add, Math.ceil(LENGTH / TILE), operations)
}

function buffers(runtime: Runtime, memory: number): Float32Array {
  return new Float32Array(runtime.allocator.memory.buffer, memory, BUFFERS * 64)
}

function fill(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.fround(Math.sin(i))
}

/** Groups whose sums are independent: each writes a buffer that no other of the group reads or writes. */
const group = fc
  .array(fc.record({ a: fc.nat(BUFFERS - 1), b: fc.nat(BUFFERS - 1), to: fc.nat(BUFFERS - 1) }), { maxLength: 4 })
  .filter((sums) =>
    sums.every(({ to }, i) =>
      sums.every((other, j) => i === j || (other.to !== to && other.a !== to && other.b !== to)),
    ),
  )

describe('backend/cpu: lists of kernel calls', () => {
  for (const threads of [1, 2, 3, 5, 8]) {
    it(`give what the calls give one after another, on ${threads} threads`, async () => {
      const runtime = await Runtime.start({ threads })
      const memory = runtime.allocator.allocate(BUFFERS * 256)
      const list = new KernelList(runtime)
      const values = buffers(runtime, memory)
      fc.assert(
        fc.property(fc.array(group, { maxLength: 30 }), fc.constantFrom(0, 100_000), (groups, operations) => {
          fill(values)
          for (const sum of groups.flat()) addSum(runtime, memory, sum, 0)
          const expected = values.slice()
          list.clear()
          for (const sums of groups) {
            for (const sum of sums) addSum(list, memory, sum, operations)
            list.barrier()
          }
          assert.equal(list.length, groups.flat().length)
          fill(values)
          list.dispatch()
          assert.deepEqual(values, expected)
        }),
        { numRuns: 60 },
      )
      list.dispose()
      await runtime.stop()
    })

    it(`hold thousands of groups and run as often as wanted, on ${threads} threads`, async () => {
      const runtime = await Runtime.start({ threads })
      const memory = runtime.allocator.allocate(BUFFERS * 256)
      const used = runtime.allocator.usedBytes
      const list = new KernelList(runtime)
      const values = buffers(runtime, memory).fill(0)
      values.fill(1, 0, 64)
      // Each group adds 1 to what the one before it left, in one of two buffers by turns, beside a sum that nobody needs.
      const groups = 3000
      for (let i = 0; i < groups; i++) {
        addSum(list, memory, { a: 0, b: i % 2 === 0 ? 1 : 4, to: i % 2 === 0 ? 4 : 1 }, 100_000)
        addSum(list, memory, { a: 5, b: 5, to: 2 }, 100_000)
        list.barrier()
        list.barrier()
      }
      for (let round = 1; round <= 3; round++) {
        list.dispatch()
        assert.deepEqual([...values.subarray(64, 64 + LENGTH)], new Array(LENGTH).fill(round * groups))
        // Long enough for the helpers to fall asleep.
        await new Promise((resolve) => setTimeout(resolve, 20))
        // Single calls between two runs of a list.
        addSum(runtime, memory, { a: 0, b: 0, to: 3 }, 100_000)
        assert.equal(values[3 * 64 + LENGTH - 1], 2)
      }
      list.dispose()
      assert.equal(runtime.allocator.usedBytes, used)
      await runtime.stop()
    })
  }

  for (const threads of [2, 4]) {
    it(`wait for tiles so long that a thread sleeps meanwhile, on ${threads} threads`, async () => {
      const runtime = await Runtime.start({ threads })
      const memory = runtime.allocator.allocate(BUFFERS * 256)
      const chains = runtime.allocator.allocate(2 * PEAK_TILE_BYTES)
      const list = new KernelList(runtime)
      const values = buffers(runtime, memory).fill(0)
      values.fill(1, 0, 64)
      const groups = 200
      for (let i = 0; i < groups; i++) {
        // Milliseconds for whoever takes the second call's tile; the others have nothing to do.
        addSum(list, memory, { a: 0, b: i % 2 === 0 ? 1 : 4, to: i % 2 === 0 ? 4 : 1 }, 100_000)
        list.args.set([i % 3 === 0 ? 400_000 : 1000, chains])
        list.run(KernelId.peak, 1, 0)
        list.barrier()
      }
      for (let round = 1; round <= 3; round++) {
        list.dispatch()
        assert.deepEqual([...values.subarray(64, 64 + LENGTH)], new Array(LENGTH).fill(round * groups))
      }
      list.dispose()
      await runtime.stop()
    })
  }

  it('is outdated when the scratch area has moved', async () => {
    const runtime = await Runtime.start({ threads: 1 })
    const list = new KernelList(runtime)
    assert.ok(!list.isOutdated)
    list.scratch(100)
    assert.ok(list.isOutdated)
    list.clear()
    assert.ok(!list.isOutdated)
    runtime.scratch(10_000)
    assert.ok(list.isOutdated)
    list.dispose()
    await runtime.stop()
  })
})
