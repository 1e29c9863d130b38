import assert from 'node:assert/strict'
import { ShapeError } from '../../src/errors.js'
import { bfloat16ToFloat32, float32ToBfloat16 } from '../../src/io/dtypes.js'
import { embed } from '../../src/ops/embed.js'
import { createWeight } from '../../src/ops/weight.js'
import { onEveryBackend, randomValues, values } from './suite.js'

const [VOCABULARY, WIDTH] = [37, 5]

describe('embed', () => {
  onEveryBackend(() => {
    for (const dtype of ['float32', 'bfloat16'] as const) {
      it(`gives rows of a ${dtype} weight`, () => {
        const bits = float32ToBfloat16(randomValues(VOCABULARY * WIDTH, 1))
        const table = bfloat16ToFloat32(bits)
        const weight = createWeight([VOCABULARY, WIDTH], dtype === 'float32' ? table : bits)
        const ids = Int32Array.of(36, 0, 4, 5, 16, 15, 36, 31, 32)
        const rows = embed(weight, ids)
        assert.deepEqual(rows.shape, [ids.length, WIDTH])
        assert.deepEqual(
          [...values(rows)],
          [...ids].flatMap((id) => [...table.subarray(id * WIDTH, (id + 1) * WIDTH)]),
        )
        const none = embed(weight, new Int32Array(0))
        assert.deepEqual(none.shape, [0, WIDTH])
        rows.dispose()
        none.dispose()
        weight.dispose()
      })
    }

    it('refuses ids outside the vocabulary', () => {
      const weight = createWeight([4, 2], randomValues(8, 1))
      assert.throws(() => embed(weight, Int32Array.of(0, 4)), ShapeError)
      assert.throws(() => embed(weight, Int32Array.of(-1)), ShapeError)
      weight.dispose()
    })
  })
})
