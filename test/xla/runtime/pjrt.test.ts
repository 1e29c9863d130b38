import assert from 'node:assert/strict'
import { EngineError, OutOfDeviceMemoryError, ShapeError } from '../../../src/errors.js'
import { openPjrt } from '../../../src/xla/runtime/pjrt.js'
import type { DeviceArray, Executable, Program, Runner } from '../../../src/xla/runtime/runner.js'
import type { ArrayType, HostArray } from '../../../src/xla/types.js'
import { printType } from '../../../src/xla/types.js'
import { requirePlugin, requireRunner } from '../plugin.js'

const vector = { dtype: 'f32', shape: [3] } as const
const square = { dtype: 'f32', shape: [256, 256] } as const
const scalar = { dtype: 'i32', shape: [] } as const

/** Adds its arguments; the sum takes the place of the first. */
const add: Program = {
  name: 'add',
  inputs: [vector, vector],
  outputs: [vector],
  text: `module @add {
  func.func public @main(%a: tensor<3xf32> {tf.aliasing_output = 0 : i32}, %b: tensor<3xf32>) -> tensor<3xf32> {
    %sum = stablehlo.add %a, %b : tensor<3xf32>
    return %sum : tensor<3xf32>
  }
}`,
}

/** Multiplies a matrix with itself as often as the second argument says, and returns how often too. */
const power: Program = {
  name: 'power',
  inputs: [square, scalar],
  outputs: [square, scalar],
  text: `module @power {
  func.func public @main(%a: tensor<256x256xf32>, %n: tensor<i32>) -> (tensor<256x256xf32>, tensor<i32>) {
    %zero = stablehlo.constant dense<0> : tensor<i32>
    %one = stablehlo.constant dense<1> : tensor<i32>
    %result:2 = stablehlo.while(%i = %zero, %x = %a) : tensor<i32>, tensor<256x256xf32>
    cond {
      %more = stablehlo.compare LT, %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %more : tensor<i1>
    } do {
      %next = stablehlo.add %i, %one : tensor<i32>
      %y = stablehlo.dot_general %x, %a, contracting_dims = [1] x [0] : (tensor<256x256xf32>, tensor<256x256xf32>) -> tensor<256x256xf32>
      stablehlo.return %next, %y : tensor<i32>, tensor<256x256xf32>
    }
    return %result#1, %result#0 : tensor<256x256xf32>, tensor<i32>
  }
}`,
}

/** Returns its argument's numbers twice: the same, and turned around. */
function turn(type: ArrayType): Program {
  const text = printType(type)
  return {
    name: 'turn',
    inputs: [type],
    outputs: [type, type],
    text: `module @turn {
  func.func public @main(%a: ${text}) -> (${text}, ${text}) {
    %turned = stablehlo.reverse %a, dims = [${type.shape.map((_, i) => i).join(', ')}] : ${text}
    return %a, %turned : ${text}, ${text}
  }
}`,
  }
}

const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

describe('xla/runtime: PJRT', () => {
  let runner: Runner
  let adding: Executable
  const given: DeviceArray[] = []
  const upload = (values: HostArray, type: ArrayType): DeviceArray => {
    const array = runner.upload(values, type)
    given.push(array)
    return array
  }
  const run = (executable: Executable, ...inputs: DeviceArray[]): DeviceArray[] => {
    const outputs = runner.execute(executable, inputs)
    given.push(...outputs)
    return outputs
  }
  before(async function () {
    runner = await requireRunner(this)
    adding = await runner.compile(add)
  })
  afterEach(() => {
    runner.free(...given.splice(0))
  })

  it('tells what it computes on', () => {
    assert.match(runner.info.compiler, /^PJRT 0\.\d+, .*stablehlo_current_version \d/)
    assert.match(runner.info.platform, /^\w+$/)
    assert.ok(runner.info.device.length > 0)
    const memory = runner.memory()
    if (memory) assert.ok(memory.used >= 0)
  })

  it('adds, and takes over what was given away', async () => {
    const [a, b] = [upload(Float32Array.of(1, 2, 3), vector), upload(Float32Array.of(10, 20, 30), vector)]
    const [sum] = run(adding, a, b)
    assert.deepEqual(await runner.read(sum!), Float32Array.of(11, 22, 33))
    assert.deepEqual([a.isAlive, b.isAlive, sum!.isAlive], [false, true, true])
    assert.throws(() => run(adding, a, b), /argument 0 of the program add was freed, or given away to a program/)
    await assert.rejects(runner.read(a), /tensor<3xf32> was freed, or given away to a program/)
    assert.deepEqual(await runner.read(b), Float32Array.of(10, 20, 30))
    assert.equal(adding.memory?.aliased, 12)
  })

  it('refuses to give away what it needs in the same call, and goes on', async () => {
    const a = upload(Float32Array.of(1, 2, 3), vector)
    assert.throws(() => run(adding, a, a), EngineError)
    const [sum] = run(adding, upload(Float32Array.of(1, 1, 1), vector), upload(Float32Array.of(1, 2, 3), vector))
    assert.deepEqual(await runner.read(sum!), Float32Array.of(2, 3, 4))
  })

  it('multiplies matrices in a loop', async () => {
    const executable = await runner.compile(power)
    const values = new Float32Array(256 * 256)
    // Moves each row one further.
    for (let i = 0; i < 256; i++) values[256 * i + ((i + 1) % 256)] = 1
    const [matrix, count] = run(executable, upload(values, square), upload(Int32Array.of(9), scalar))
    const expected = new Float32Array(256 * 256)
    for (let i = 0; i < 256; i++) expected[256 * i + ((i + 10) % 256)] = 1
    assert.deepEqual(await runner.read(matrix!), expected)
    assert.deepEqual(await runner.read(count!), Int32Array.of(9))
  })

  const values: [ArrayType, HostArray][] = [
    [{ dtype: 'f32', shape: [2, 3] }, Float32Array.of(1.5, -2, 1e-40, Infinity, NaN, -0)],
    [{ dtype: 'bf16', shape: [2, 3] }, Uint16Array.of(0x3f80, 0xbf80, 0x0001, 0x7f80, 0x7fc0, 0x8000)],
    [{ dtype: 'f16', shape: [6] }, Uint16Array.of(0x3c00, 0xbc00, 0x0001, 0x7c00, 0x7e00, 0x8000)],
    [{ dtype: 'i32', shape: [1, 6, 1] }, Int32Array.of(1, -1, 2 ** 31 - 1, -(2 ** 31), 0, 7)],
    [{ dtype: 'i1', shape: [6] }, Uint8Array.of(1, 0, 0, 1, 1, 0)],
    [{ dtype: 'i32', shape: [] }, Int32Array.of(-5)],
    [{ dtype: 'f32', shape: [3, 0] }, new Float32Array(0)],
  ]
  for (const [type, array] of values) {
    it(`copies and computes ${printType(type)}`, async () => {
      const executable = await runner.compile(turn(type))
      const changed = array.slice()
      const input = upload(changed, type)
      changed.fill(0)
      assert.deepEqual(await runner.read(input), array)
      const [same, turned] = run(executable, input)
      assert.deepEqual(await runner.read(same!), array)
      assert.deepEqual(await runner.read(turned!), array.slice().reverse())
      assert.deepEqual([turned!.dtype, turned!.shape], [type.dtype, type.shape])
    })
  }

  it('uploads a part of a buffer', async () => {
    const all = Float32Array.of(0, 1, 2, 3, 4)
    assert.deepEqual(await runner.read(upload(all.subarray(1, 4), vector)), Float32Array.of(1, 2, 3))
  })

  it('reads while it computes, and lets timers have their turn', async () => {
    const executable = await runner.compile(power)
    const [matrix, count] = run(
      executable,
      upload(new Float32Array(256 * 256), square),
      upload(Int32Array.of(300), scalar),
    )
    const reads = [runner.read(matrix!), runner.read(count!), runner.read(count!), runner.read(matrix!)]
    // What is being read is written to the end.
    runner.free(matrix!, count!)
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    const [first, second, third, fourth] = await Promise.all(reads)
    clearInterval(timer)
    assert.ok(turns > 0)
    assert.deepEqual([second, third], [Int32Array.of(300), Int32Array.of(300)])
    assert.deepEqual(first, fourth)
    assert.equal(first!.length, 256 * 256)
  })

  it('compiles beside JavaScript', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await Promise.all([1, 2, 3].map(() => runner.compile(power)))
    clearInterval(timer)
    assert.ok(turns > 0)
  })

  it("says where a program's text is wrong", async () => {
    const wrong = { ...add, name: 'wrong', text: add.text.replace('%a, %b', '%a, %c') }
    await assert.rejects(
      runner.compile(wrong),
      /the program wrong cannot be compiled: -:3:30: error: use of undeclared SSA value/,
    )
    const other = { ...add, name: 'other', text: add.text.replace('add %a', 'addition %a') }
    await assert.rejects(runner.compile(other), /-:3:12: error: .*stablehlo\.addition/)
    for (const text of ['', '\0', 'module {}', '{'.repeat(1000)]) {
      await assert.rejects(runner.compile({ ...add, text }), EngineError)
    }
  })

  it('refuses a text that returns other arrays than the program says', async () => {
    await assert.rejects(runner.compile({ ...add, outputs: [square] }), /returns other arrays than the program says/)
    await assert.rejects(runner.compile({ ...add, outputs: [] }), /returns other arrays than the program says/)
    const halves = { dtype: 'bf16', shape: [3] } as const
    await assert.rejects(runner.compile({ ...add, outputs: [halves] }), /returns other arrays than the program says/)
  })

  it('checks values and arguments before anything runs', () => {
    const a = upload(Float32Array.of(1, 2, 3), vector)
    const is = (message: RegExp) => (error: unknown) => error instanceof ShapeError && message.test(error.message)
    assert.throws(
      () => upload(new Float32Array(2), vector),
      is(/2 numbers in a Float32Array cannot be a tensor<3xf32>; expected 3 in a Float32Array/),
    )
    assert.throws(() => upload(new Int32Array(3), vector), is(/3 numbers in a Int32Array cannot be a tensor<3xf32>/))
    assert.throws(() => run(adding, a), is(/the program add got 1 arguments; expected 2/))
    const numbers = upload(Int32Array.of(1, 2, 3), { dtype: 'i32', shape: [3] })
    assert.throws(
      () => run(adding, a, numbers),
      is(/argument 1 of the program add is a tensor<3xi32>; expected tensor<3xf32>/),
    )
    const column = upload(Float32Array.of(1, 2, 3), { dtype: 'f32', shape: [3, 1] })
    assert.throws(
      () => run(adding, a, column),
      is(/argument 1 of the program add is a tensor<3x1xf32>; expected tensor<3xf32>/),
    )
    assert.equal(a.isAlive, true)
    assert.throws(() => run(adding, a, { ...vector, isAlive: true }), EngineError)
    const detached = new Float32Array(3)
    structuredClone(detached, { transfer: [detached.buffer] })
    assert.throws(() => upload(detached, vector), is(/^0 numbers/))
  })

  it('says when the memory is too small, and goes on', async () => {
    const huge = { dtype: 'f32', shape: [5_000_000, 5_000_000] } as const
    const one = { dtype: 'f32', shape: [] } as const
    const fill = await runner.compile({
      name: 'fill',
      inputs: [one],
      outputs: [huge],
      text: `module @fill {
  func.func public @main(%a: tensor<f32>) -> ${printType(huge)} {
    %b = stablehlo.broadcast_in_dim %a, dims = [] : (tensor<f32>) -> ${printType(huge)}
    return %b : ${printType(huge)}
  }
}`,
    })
    assert.equal(fill.memory?.outputs, 1e14)
    const tooSmall = (error: unknown) => error instanceof OutOfDeviceMemoryError && error.bytes === 1e14
    const start = upload(Float32Array.of(1), one)
    await assert.rejects(async () => runner.read(run(fill, start)[0]!), tooSmall)
    assert.deepEqual(await runner.read(start), Float32Array.of(1))
  })

  it('runs 10,000 times in the same memory', async () => {
    const one = upload(Float32Array.of(1, 1, 1), vector)
    let sum = upload(new Float32Array(3), vector)
    const step = (): void => {
      const [next] = runner.execute(adding, [sum, one])
      sum = next!
      given.push(sum)
      if (given.length > 100) runner.free(...given.splice(1, given.length - 2))
    }
    for (let i = 0; i < 2000; i++) step()
    await runner.read(sum)
    globalThis.gc!()
    const before = process.memoryUsage().rss
    for (let i = 0; i < 10_000; i++) step()
    assert.deepEqual(await runner.read(sum), Float32Array.of(12_000, 12_000, 12_000))
    globalThis.gc!()
    const grown = process.memoryUsage().rss - before
    assert.ok(grown < 20e6, `grew by ${grown} bytes`)
  })

  it('frees arrays that were forgotten', async () => {
    const big = { dtype: 'f32', shape: [1_000_000] } as const
    const values = new Float32Array(1_000_000)
    const forget = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) runner.upload(values, big)
      globalThis.gc!()
      await wait(1)
    }
    for (let i = 0; i < 5; i++) await forget()
    const before = process.memoryUsage().rss
    for (let i = 0; i < 40; i++) await forget()
    const grown = process.memoryUsage().rss - before
    assert.ok(grown < 400e6, `grew by ${grown} bytes of 1.6 GB`)
  })

  it('is shared by those who open the same plugin, and ends for each of them', async function () {
    const file = requirePlugin(this)
    const other = await openPjrt({ file })
    const a = other.upload(Float32Array.of(1, 2, 3), vector)
    assert.deepEqual(await runner.read(a), Float32Array.of(1, 2, 3))
    other.free(a)
    other.dispose()
    other.dispose()
    assert.throws(() => other.upload(new Float32Array(3), vector), /was disposed; open the plugin again/)
    await assert.rejects(other.compile(add), /was disposed/)
    const [sum] = run(adding, upload(Float32Array.of(1, 2, 3), vector), upload(Float32Array.of(1, 2, 3), vector))
    assert.deepEqual(await runner.read(sum!), Float32Array.of(2, 4, 6))
    await assert.rejects(
      openPjrt({ file, client: { memoryFraction: 0.5 } }),
      /is open in this process with other options/,
    )
    for (const memoryFraction of [0, 1.1, NaN]) {
      await assert.rejects(openPjrt({ file, client: { memoryFraction } }), /memoryFraction must be above 0/)
    }
  })
})
