import assert from 'node:assert/strict'
import fc from 'fast-check'
import { loadPjrtAddon } from '../../../src/xla/runtime/addon.js'
import type { ArrayHandle, ClientHandle, ExecutableHandle, PjrtAddon } from '../../../src/xla/runtime/addon.js'
import { compileOptions } from '../../../src/xla/runtime/compileOptions.js'
import { requirePlugin, requirePluginAlone } from '../plugin.js'

const TEXT = Buffer.from(`module @double {
  func.func public @main(%a: tensor<2xf32>) -> tensor<2xf32> {
    %b = stablehlo.add %a, %a : tensor<2xf32>
    return %b : tensor<2xf32>
  }
}`)
const F32 = 11
const SHAPE = BigInt64Array.of(2n)

/** What calls of it that are all wrong end in: an exception, or a promise that is rejected. */
async function isRefused(call: () => unknown): Promise<boolean> {
  try {
    const result: unknown = await call()
    return result === undefined || result === null || typeof result === 'boolean'
  } catch (error) {
    return error instanceof Error && error.message !== ''
  }
}

describe('xla/runtime: the addon for plugins', () => {
  let addon: PjrtAddon
  before(() => {
    addon = loadPjrtAddon()
  })
  const functions = [
    'open',
    'close',
    'compile',
    'load',
    'compileFor',
    'upload',
    'execute',
    'read',
    'free',
    'isAlive',
    'memory',
  ]

  it('exports what is expected of it', () => {
    assert.deepEqual(Object.keys(addon), ['version', ...functions])
  })

  describe('with a plugin', () => {
    let client: ClientHandle
    let executable: ExecutableHandle
    let array: ArrayHandle
    before(async function () {
      client = (await addon.open(await requirePluginAlone(this), '', [])).handle
      executable = (await addon.compile(client, TEXT, compileOptions({}), false)).handle
      array = addon.upload(client, Float32Array.of(1, 2), F32, SHAPE)
    })
    const double = async (): Promise<number[]> => {
      const [output] = addon.execute(executable, [array])
      return [...new Float32Array(await addon.read(output!))]
    }

    it('takes no other values than its own, and crashes on none', async () => {
      const freed = addon.upload(client, Float32Array.of(1, 2), F32, SHAPE)
      addon.free(freed)
      addon.free(freed)
      assert.equal(addon.isAlive(freed), false)
      const detached = new Float32Array(2)
      structuredClone(detached, { transfer: [detached.buffer] })
      const anything = fc.oneof(
        fc.constantFrom<unknown>(
          client,
          executable,
          array,
          freed,
          detached,
          addon,
          SHAPE,
          TEXT,
          F32,
          [],
          [array],
          [freed],
        ),
        fc.constantFrom<unknown>(
          undefined,
          null,
          {},
          Symbol('x'),
          () => 1,
          new Proxy([], {}),
          new DataView(new ArrayBuffer(8)),
        ),
        fc.constantFrom<unknown>(
          new Float32Array(2),
          BigInt64Array.of(-1n),
          BigInt64Array.of(2n ** 62n, 4n),
          new BigInt64Array(100),
        ),
        fc.constantFrom<unknown>([['x', 1n]], [['x']], [[]], [1], '\0', ''),
        fc.anything(),
      )
      const call = fc.tuple(
        fc.constantFrom(...functions.filter((name) => name !== 'close')),
        fc.array(anything, { maxLength: 6 }),
      )
      await fc.assert(
        fc.asyncProperty(call, async ([name, values]) => {
          // With the right ones it would be a right call.
          const isRight =
            (name === 'upload' && values[0] === client && values[3] === SHAPE) ||
            (name === 'execute' && values[0] === executable) ||
            (name === 'read' && values[0] === array) ||
            (name === 'free' && values[0] === array) ||
            (name === 'memory' && values[0] === client)
          if (!isRight)
            assert.ok(await isRefused(() => (addon[name as 'free'] as (...all: unknown[]) => unknown)(...values)))
        }),
        { numRuns: 3000 },
      )
      assert.deepEqual(await double(), [2, 4])
    })

    it('takes values of the size that type and sizes say, and no others', () => {
      const values = new Float32Array(4)
      const upload = (type: number, ...sizes: bigint[]) => addon.upload(client, values, type, BigInt64Array.from(sizes))
      addon.free(upload(F32, 2n, 2n))
      for (const [type, ...sizes] of [
        [F32, 2n],
        [F32, 5n],
        [F32, -2n, -2n],
        [F32, 2n ** 62n, 4n, 4n],
        [F32, 2n ** 63n - 1n],
        [0, 16n],
        [-1, 4n],
        [1000, 4n],
        [F32, ...Array<bigint>(20).fill(1n), 4n],
      ] as [number, ...bigint[]][]) {
        assert.throws(() => upload(type, ...sizes), { code: 'INVALID_ARGUMENT' })
      }
    })

    it('refuses programs with too few or too many arguments', async () => {
      assert.throws(() => addon.execute(executable, []), /./)
      assert.throws(() => addon.execute(executable, [array, array]), /./)
      const longer = addon.upload(client, new Float32Array(3), F32, BigInt64Array.of(3n))
      assert.throws(() => addon.execute(executable, [longer]), /./)
      addon.free(longer)
      assert.deepEqual(await double(), [2, 4])
    })

    it('names the kind of an error', async () => {
      const options = compileOptions({ no_such_option: true })
      await assert.rejects(addon.compile(client, TEXT, options, false), {
        code: 'INVALID_ARGUMENT',
        message: "No such compile option: 'no_such_option'",
      })
      for (const flags of [{ xla_backend_optimization_level: 1 }, { xla_backend_optimization_level: '1' }]) {
        await addon.compile(client, TEXT, compileOptions(flags), false)
      }
      await assert.rejects(addon.compile(client, TEXT, compileOptions({ xla_backend_optimization_level: 'x' }), false))
      await assert.rejects(addon.compile(client, TEXT, Uint8Array.of(255, 255), false))
    })

    it('ends when what has begun is done, and can be opened again', async function () {
      const file = requirePlugin(this)
      await assert.rejects(addon.open(file, '', []), /a process opens it once/)
      const compiling = addon.compile(client, TEXT, compileOptions({}), true)
      const [output] = addon.execute(executable, [array])
      const reading = addon.read(output!)
      addon.close(client)
      addon.close(client)
      assert.deepEqual([addon.isAlive(array), addon.isAlive(output!)], [false, false])
      assert.throws(() => addon.execute(executable, [array]), /the client is closed/)
      assert.throws(() => addon.read(array), /the array was freed or given away/)
      assert.throws(() => addon.compile(client, TEXT, compileOptions({}), false), /the client is closed/)
      assert.throws(() => addon.memory(client), /the client is closed/)
      assert.deepEqual(new Float32Array(await reading), Float32Array.of(2, 4))
      const compiled = await compiling
      assert.throws(() => addon.execute(compiled.handle, [array]), /the client is closed/)
      const again = await addon.open(file, '', [])
      const other = addon.upload(again.handle, Float32Array.of(3, 4), F32, SHAPE)
      assert.throws(() => addon.execute(executable, [other]), /the client is closed/)
      const { handle } = await addon.compile(again.handle, TEXT, compileOptions({}), false)
      assert.throws(() => addon.execute(handle, [array]), /./)
      const [sum] = addon.execute(handle, [other])
      assert.deepEqual(new Float32Array(await addon.read(sum!)), Float32Array.of(6, 8))
      addon.close(again.handle)
    })
  })
})
