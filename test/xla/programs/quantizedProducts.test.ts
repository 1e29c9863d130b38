import { dequantize } from '../../../src/quantization/quantizedMatrix.js'
import type { QuantizedMatrix } from '../../../src/quantization/quantizedMatrix.js'
import type { Node } from '../../../src/xla/graph/node.js'
import * as hlo from '../../../src/xla/graph/operations.js'
import { dequantized, timesMatrix, timesTransposed } from '../../../src/xla/programs/quantizedProducts.js'
import type { QuantizedArrays } from '../../../src/xla/programs/weightArrays.js'
import { quantizedTypes } from '../../../src/xla/programs/weightArrays.js'
import { quantizedFormats, quantizeTo } from '../../fixtures/quantizingEngine.js'
import { assertClose, randomValues } from '../../ops/suite.js'
import { compute, given } from '../compute.js'
import type { Given } from '../compute.js'
import { requireRunner } from '../plugin.js'

/** The arrays of a matrix as arguments, and what puts them together again. */
function argumentsOf(matrix: QuantizedMatrix): [Given[], (nodes: readonly Node[]) => QuantizedArrays<Node>] {
  const types = quantizedTypes(matrix.shape, matrix.format)
  const list = [
    given(matrix.codes, types.codes.shape, types.codes.dtype),
    given(matrix.scales, types.scales.shape),
    ...(matrix.offsets ? [given(matrix.offsets, types.scales.shape)] : []),
  ]
  return [list, ([codes, scales, offsets = null]) => ({ ...types, codes: codes!, scales: scales!, offsets })]
}

describe('xla/programs: products with quantised weights', () => {
  for (const [name, format] of Object.entries(quantizedFormats)) {
    for (const width of [64, 75]) {
      it(`have the numbers that codes stand for: ${name}, ${width} inputs`, async function () {
        const runner = await requireRunner(this)
        const matrix = quantizeTo(randomValues(7 * width, width), [7, width], format)
        const [inputs, join] = argumentsOf(matrix)
        const [values] = await compute(runner, inputs, (...nodes) => [dequantized(join(nodes))])
        assertClose(values!, dequantize(matrix), 1e-7)
      })
    }
  }

  for (const out of [256, 300, 517]) {
    it(`are the same in pieces: ${out} outputs`, async function () {
      const runner = await requireRunner(this)
      const width = 33
      const matrix = quantizeTo(randomValues(out * width, 1), [out, width], quantizedFormats['4 bits with offsets'])
      const [inputs, join] = argumentsOf(matrix)
      const [x, y] = [given(randomValues(3 * width, 2), [3, width]), given(randomValues(3 * out, 3), [3, out])]
      const both = (pieces: number, weight: Parameters<typeof timesMatrix>[1], nodes: readonly Node[]): Node[] => [
        timesTransposed(nodes[0]!, weight, hlo.dot, pieces),
        timesMatrix(nodes[1]!, weight, hlo.dot, pieces),
      ]
      const table = given(dequantize(matrix), [out, width])
      const expected = await compute(runner, [x, y, table], (...nodes) => both(0, nodes[2]!, nodes))
      for (const pieces of [128 * width, 100 * width, 10 * out * width]) {
        const found = await compute(runner, [x, y, ...inputs], (...nodes) => both(pieces, join(nodes.slice(2)), nodes))
        for (const [i, values] of found.entries()) assertClose(values, expected[i]!, 1e-5)
      }
    })
  }
})
