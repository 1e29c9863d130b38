import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { findTensorflowLibrary } from '../../../src/engine/tensorflow/tensorflowLibrary.js'
import { findTfjsNode } from '../../../src/engine/tensorflow/tfjsNode.js'
import { EngineError, OutOfDeviceMemoryError, ShapeError } from '../../../src/errors.js'
import type { DeviceArray, Program, Runner } from '../../../src/xla/runtime/runner.js'
import { openTensorflow } from '../../../src/xla/runtime/tensorflow.js'
import type { ArrayType, HostArray } from '../../../src/xla/types.js'

const matrix = { dtype: 'f32', shape: [2, 3] } as const
const scalar = { dtype: 'f32', shape: [] } as const

/** The product of two matrices, and squares that take the place of the first. */
const product: Program = {
  name: 'product',
  inputs: [matrix, matrix],
  outputs: [matrix, { dtype: 'f32', shape: [2, 2] }],
  text: `module @product {
  func.func public @main(%arg0: tensor<2x3xf32> {tf.aliasing_output = 0 : i32}, %arg1: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x2xf32>) {
    %0 = stablehlo.multiply %arg0, %arg0 : tensor<2x3xf32>
    %1 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [1] x [1] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
    return %0, %1 : tensor<2x3xf32>, tensor<2x2xf32>
  }
}`,
}

/** What a program of one argument does with it. */
function unary(name: string, type: ArrayType, body: string): Program {
  const printed = `tensor<${[...type.shape, type.dtype].join('x')}>`
  const text = `module @${name} {
  func.func public @main(%arg0: ${printed}) -> ${printed} {
    ${body.replaceAll('TYPE', printed)}
    return %0 : ${printed}
  }
}`
  return { name, inputs: [type], outputs: [type], text }
}

describe('xla/runtime: TensorFlow', () => {
  let file: string
  let runner: Runner
  before(function () {
    const tfjsNode = findTfjsNode()
    const found = findTensorflowLibrary(typeof tfjsNode === 'string' ? null : tfjsNode)
    if (found === null) {
      console.log('      skipped: TENSORFLOW_LIBRARY does not name the library of TensorFlow')
      this.skip()
    }
    file = found
    runner = openTensorflow(file)
  })
  after(() => {
    // There is none when the library is not there.
    const opened = runner as Runner | undefined
    opened?.dispose()
  })

  it('says what it computes on', () => {
    const { platform, device, compiler } = runner.info
    assert.match(`${platform} ${device} ${compiler}`, /^(cpu CPU|cuda GPU):0 TensorFlow 2\.\d+\.\d+/)
    assert.equal(runner.info.file, file)
  })

  it('runs programs one after the other, and takes over what was given away', async () => {
    const executable = await runner.compile(product)
    const values = Float32Array.of(1, 2, 3, 4, 5, 6)
    const [a, b] = [runner.upload(values, matrix), runner.upload(values, matrix)]
    // The host's array may change at once.
    values.fill(0)
    const [squares, first] = runner.execute(executable, [a, b])
    const [, second] = runner.execute(executable, [squares!, b])
    assert.deepEqual([a.isAlive, b.isAlive, squares!.isAlive], [false, true, false])
    // Freed before it is computed: what computes with it has it until then.
    runner.free(b)
    assert.deepEqual(await runner.read(first!), Float32Array.of(14, 32, 32, 77))
    assert.deepEqual(await runner.read(second!), Float32Array.of(36, 78, 174, 405))
    runner.free(first!, second!)
  })

  it('takes arrays of all types, and scalars', async () => {
    const arrays: [ArrayType, HostArray][] = [
      [scalar, Float32Array.of(0.5)],
      [{ dtype: 'i32', shape: [3] }, Int32Array.of(-1, 0, 2 ** 31 - 1)],
      [{ dtype: 'bf16', shape: [2] }, Uint16Array.of(0x3f80, 0xc000)],
      [{ dtype: 'f16', shape: [2] }, Uint16Array.of(0x3c00, 0xc000)],
      [{ dtype: 'i1', shape: [2, 2] }, Uint8Array.of(1, 0, 0, 1)],
      [{ dtype: 'f32', shape: [0, 2] }, new Float32Array(0)],
    ]
    for (const [type, values] of arrays) {
      const executable = await runner.compile(unary(type.dtype, type, '%0 = stablehlo.minimum %arg0, %arg0 : TYPE'))
      const array = runner.upload(values, type)
      const [same] = runner.execute(executable, [array])
      assert.deepEqual(await runner.read(same!), values, type.dtype)
      runner.free(array, same!)
    }
  })

  it('counts what is on the device', async () => {
    const { used } = runner.memory()!
    const executable = await runner.compile(product)
    const arrays: DeviceArray[] = [1, 2].map(() => runner.upload(new Float32Array(6), matrix))
    assert.equal(runner.memory()!.used, used + 48)
    const results = runner.execute(executable, arrays)
    assert.equal(runner.memory()!.used, used + 24 + 24 + 16)
    runner.free(...arrays, ...results)
    assert.equal(runner.memory()!.used, used)
    await assert.rejects(runner.read(results[0]!), /tensor<2x3xf32> was freed, or given away to a program/)
  })

  it('keeps nothing of what was uploaded, computed and read', async () => {
    const large = { dtype: 'f32', shape: [1024, 1024] } as const
    const executable = await runner.compile(unary('negate', large, '%0 = stablehlo.negate %arg0 : TYPE'))
    const values = new Float32Array(1024 * 1024)
    const step = async (): Promise<void> => {
      const array = runner.upload(values, large)
      const [result] = runner.execute(executable, [array])
      await runner.read(result!)
      runner.free(array, result!)
    }
    for (let i = 0; i < 50; i++) await step()
    const before = process.memoryUsage.rss()
    for (let i = 0; i < 200; i++) await step()
    const grown = process.memoryUsage.rss() - before
    // One array of each step would be 840 MB.
    assert.ok(grown < 300e6, `${grown / 1e6} MB more after 200 steps`)
  })

  it('refuses arguments and values that are not the program’s', async () => {
    const executable = await runner.compile(product)
    const [a, b] = [runner.upload(new Float32Array(6), matrix), runner.upload(new Float32Array(1), scalar)]
    assert.throws(() => runner.execute(executable, [a]), ShapeError)
    assert.throws(
      () => runner.execute(executable, [a, b]),
      (error) =>
        error instanceof ShapeError &&
        error.message === 'argument 1 of the program product is a tensor<f32>; expected tensor<2x3xf32>',
    )
    assert.throws(() => runner.upload(new Float32Array(5), matrix), ShapeError)
    assert.throws(() => runner.upload(new Uint16Array(6), matrix), ShapeError)
    runner.free(b)
    assert.throws(() => runner.execute(executable, [a, a, b].slice(0, 3)), ShapeError)
    const one = await runner.compile(unary('one', scalar, '%0 = stablehlo.negate %arg0 : TYPE'))
    assert.throws(() => runner.execute(one, [b]), /argument 0 of the program one was freed/)
    runner.free(a)
  })

  it('says what is wrong with a text, to who reads what comes of it', async () => {
    const bad = await runner.compile(unary('bad', scalar, '%0 = stablehlo.nonsense %arg0 : TYPE'))
    const good = await runner.compile(unary('good', scalar, '%0 = stablehlo.negate %arg0 : TYPE'))
    const x = runner.upload(Float32Array.of(2), scalar)
    const [failed] = runner.execute(bad, [x])
    const [behind] = runner.execute(good, [failed!])
    const [other] = runner.execute(good, [x])
    for (const array of [failed!, behind!]) {
      await assert.rejects(
        runner.read(array),
        (error) =>
          error instanceof EngineError && error.message.startsWith('the program bad cannot be compiled or run: '),
      )
    }
    assert.deepEqual(await runner.read(other!), Float32Array.of(-2))
    runner.free(x, failed!, behind!, other!)
  })

  it('says that memory ran out', async () => {
    const huge = { dtype: 'f32', shape: [2 ** 20, 2 ** 20] } as const
    const program: Program = {
      name: 'huge',
      inputs: [scalar],
      outputs: [huge],
      text: `module @huge {
  func.func public @main(%arg0: tensor<f32>) -> tensor<1048576x1048576xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [] : (tensor<f32>) -> tensor<1048576x1048576xf32>
    return %0 : tensor<1048576x1048576xf32>
  }
}`,
    }
    const x = runner.upload(Float32Array.of(1), scalar)
    const [result] = runner.execute(await runner.compile(program), [x])
    await assert.rejects(
      runner.read(result!),
      (error) => error instanceof OutOfDeviceMemoryError && error.message.startsWith('the program huge cannot be'),
    )
    runner.free(x, result!)
  })

  it('can be opened again, and ended with work under way', async () => {
    const other = openTensorflow(file)
    const executable = await other.compile(unary('negate', scalar, '%0 = stablehlo.negate %arg0 : TYPE'))
    const x = other.upload(Float32Array.of(3), scalar)
    const [y] = other.execute(executable, [x])
    const read = other.read(y!)
    await assert.rejects(runner.read(x), /expected an array of the runner/)
    other.dispose()
    assert.deepEqual(await read, Float32Array.of(-3))
    assert.equal(y!.isAlive, false)
    assert.throws(() => other.upload(Float32Array.of(1), scalar), /was disposed; open the library again/)
    await assert.rejects(other.compile(product), EngineError)
    other.dispose()
  })

  it('refuses what is no library of TensorFlow', () => {
    assert.throws(() => openTensorflow('/nowhere/libtensorflow.so.2'), EngineError)
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-tensorflow-'))
    try {
      const cut = path.join(folder, 'libtensorflow_cc.so.2')
      fs.writeFileSync(cut, Buffer.alloc(1000))
      assert.throws(() => openTensorflow(cut), EngineError)
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })
})
