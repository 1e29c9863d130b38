import assert from 'node:assert/strict'
import { countedLoop } from '../../../src/xla/graph/loop.js'
import * as hlo from '../../../src/xla/graph/operations.js'
import { printProgram } from '../../../src/xla/graph/print.js'

describe('xla/graph: printing', () => {
  it('writes a program, each node once, and which inputs it takes over', () => {
    const [x, weight, sums] = [hlo.argument('bf16', [2, 3]), hlo.argument('bf16', [4, 3]), hlo.argument('f32', [2, 4])]
    const product = hlo.dot(x, weight, { contract: [[1], [1]] })
    const program = printProgram({
      name: 'accumulate',
      inputs: [x, weight, sums],
      outputs: [hlo.add(product, product), hlo.add(sums, product)],
      donated: new Map([[sums, 1]]),
    })
    assert.equal(
      program.text,
      `module @accumulate {
  func.func public @main(%arg0: tensor<2x3xbf16>, %arg1: tensor<4x3xbf16>, %arg2: tensor<2x4xf32> {tf.aliasing_output = 1 : i32}) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
    %0 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [1] x [1] : (tensor<2x3xbf16>, tensor<4x3xbf16>) -> tensor<2x4xf32>
    %1 = stablehlo.add %0, %0 : tensor<2x4xf32>
    %2 = stablehlo.add %arg2, %0 : tensor<2x4xf32>
    return %1, %2 : tensor<2x4xf32>, tensor<2x4xf32>
  }
}
`,
    )
    assert.deepEqual(program.outputs, [
      { dtype: 'f32', shape: [2, 4] },
      { dtype: 'f32', shape: [2, 4] },
    ])
  })

  it('asks for exact products of f32 only', () => {
    const precision = (dtype: 'f32' | 'bf16' | 'f16'): boolean => {
      const x = hlo.argument(dtype, [3])
      const product = hlo.dot(x, x, { contract: [[0], [0]] })
      return printProgram({ name: 'dot', inputs: [x], outputs: [product] }).text.includes('HIGHEST')
    }
    assert.deepEqual([precision('f32'), precision('bf16'), precision('f16')], [true, false, false])
  })

  it('is as long for many turns of a loop as for one, and the same for the same graph', () => {
    const print = (turns: number): string => {
      const x = hlo.argument('f32', [8])
      const [sum] = countedLoop(turns, [x], (_, [state]) => [hlo.multiply(state!, x)])
      return printProgram({ name: 'power', inputs: [x], outputs: [sum!] }).text
    }
    assert.equal(print(7).length, print(1).length)
    assert.equal(print(7), print(7))
  })

  it('writes graphs that are thousands of nodes deep', () => {
    const x = hlo.argument('f32', [])
    let deep = x
    for (let i = 0; i < 20000; i++) deep = hlo.add(deep, x)
    const [looped] = countedLoop(1, [x], (_, [state]) => [hlo.add(state!, deep)])
    const { text } = printProgram({ name: 'deep', inputs: [x], outputs: [looped!] })
    assert.equal(text.match(/stablehlo\.add/g)!.length, 20000 + 2)
  })
})
