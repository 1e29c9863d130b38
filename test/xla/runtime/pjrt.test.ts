import assert from 'node:assert/strict'
import type { Program, Runner } from '../../../src/xla/runtime/runner.js'
import { requireRunner } from '../plugin.js'

const vector = { dtype: 'f32', shape: [3] } as const

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

describe('xla/runtime: PJRT', () => {
  let runner: Runner
  before(async function () {
    runner = await requireRunner(this)
  })

  it('adds, and takes over what was given away', async () => {
    const executable = await runner.compile(add)
    const [a, b] = [runner.upload(Float32Array.of(1, 2, 3), vector), runner.upload(Float32Array.of(10, 20, 30), vector)]
    const [sum] = runner.execute(executable, [a, b])
    assert.deepEqual(await runner.read(sum!), Float32Array.of(11, 22, 33))
    assert.deepEqual([a.isAlive, b.isAlive, sum!.isAlive], [false, true, true])
    runner.free(a, b, sum!)
    assert.equal(b.isAlive, false)
  })
})
