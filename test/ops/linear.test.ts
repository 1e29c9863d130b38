import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ShapeError } from '../../src/errors.js'
import { float32ToBfloat16 } from '../../src/io/dtypes.js'
import { linear } from '../../src/ops/linear.js'
import { createWeight } from '../../src/ops/weight.js'
import type { Weight } from '../../src/ops/weight.js'
import { on, onEveryBackend, OUR_BACKENDS, randomTensor, randomValues, testOp, values } from './suite.js'

type Dtype = 'float32' | 'bfloat16'

function randomWeight(out: number, width: number, dtype: Dtype): Weight {
  const w = randomValues(out * width, 1)
  return createWeight([out, width], dtype === 'float32' ? w : float32ToBfloat16(w))
}

/** A case of {@link testOp}: x [rows, width], with LoRA of rank r when r > 0, and with an input of its own. */
function linearCase(
  rows: number,
  width: number,
  out: number,
  r: number,
  bias: boolean,
  dtype: Dtype,
  hasOwnInput = false,
) {
  return {
    make: () => {
      const weight = randomWeight(out, width, dtype)
      const b = bias ? randomTensor<tf.Tensor1D>([out], 2) : null
      return {
        body: (x: tf.Tensor, loraA?: tf.Tensor, loraB?: tf.Tensor, loraX?: tf.Tensor) => {
          const lora = loraA && loraB ? { a: loraA as tf.Tensor2D, b: loraB as tf.Tensor2D, scale: 1.5 } : null
          const term = lora && loraX ? { ...lora, x: loraX as tf.Tensor2D } : lora
          return linear(x as tf.Tensor2D, weight, b, term)
        },
        dispose: () => {
          weight.dispose()
          b?.dispose()
        },
      }
    },
    inputs: [
      { shape: [rows, width], seed: 3 },
      ...(r > 0
        ? [
            { shape: [r, width], seed: 4 },
            { shape: [out, r], seed: 5 },
          ]
        : []),
      ...(hasOwnInput ? [{ shape: [rows, width], seed: 6 }] : []),
    ],
  }
}

describe('linear', () => {
  testOp(
    Object.fromEntries(
      (['float32', 'bfloat16'] as const).flatMap((dtype) => [
        [`${dtype}, 1 x 1 x 1`, linearCase(1, 1, 1, 0, false, dtype)],
        [`${dtype}, 5 x 7 x 19, bias`, linearCase(5, 7, 19, 0, true, dtype)],
        [`${dtype}, 7 x 50 x 33, bias, LoRA of rank 1`, linearCase(7, 50, 33, 1, true, dtype)],
        [`${dtype}, 67 x 40 x 48, LoRA of rank 5`, linearCase(67, 40, 48, 5, false, dtype)],
        [`${dtype}, 300 x 33 x 21, LoRA of rank 16`, linearCase(300, 33, 21, 16, false, dtype)],
        [
          `${dtype}, 67 x 40 x 48, LoRA of rank 5 with an input of its own`,
          linearCase(67, 40, 48, 5, false, dtype, true),
        ],
        [
          `${dtype}, 1 x 3 x 2, bias, LoRA of rank 1 with an input of its own`,
          linearCase(1, 3, 2, 1, true, dtype, true),
        ],
        [`${dtype}, no rows, LoRA`, linearCase(0, 9, 17, 2, true, dtype)],
      ]),
    ),
  )

  for (const backend of OUR_BACKENDS) {
    for (const dtype of ['float32', 'bfloat16'] as const) {
      it(`gives a row the same bits alone, among few and among many: ${dtype} on ${backend}`, async () => {
        await on(backend, () => {
          const [rows, width, out] = [530, 45, 70]
          const weight = randomWeight(out, width, dtype)
          const lora = { a: randomTensor([4, width], 4), b: randomTensor([out, 4], 5), scale: 2 }
          const x = randomTensor([rows, width], 6)
          const layer = (input: tf.Tensor2D): tf.Tensor2D =>
            linear(input, weight, randomTensor<tf.Tensor1D>([out], 2), lora)
          const dx = (input: tf.Tensor2D): Float32Array =>
            values(tf.grad((t) => tf.sum(tf.square(layer(t as tf.Tensor2D))))(input))
          const [all, allDx] = [values(layer(x)), dx(x)]
          for (const [first, count] of [
            [0, 1],
            [5, 1],
            [529, 1],
            [3, 2],
            [100, 6],
            [250, 7],
            [301, 33],
          ] as const) {
            const some = tf.slice(x, [first, 0], [count, width])
            assert.deepEqual(values(layer(some)), all.slice(first * out, (first + count) * out))
            assert.deepEqual(dx(some), allDx.slice(first * width, (first + count) * width))
          }
          weight.dispose()
        })
      })
    }
  }

  onEveryBackend(() => {
    it('refuses shapes that do not fit', () => {
      const weight = randomWeight(6, 4, 'float32')
      const x = tf.zeros<tf.Rank.R2>([3, 4])
      const [a, b] = [tf.zeros<tf.Rank.R2>([2, 4]), tf.zeros<tf.Rank.R2>([6, 2])]
      assert.throws(() => linear(tf.zeros([3, 5]), weight, null, null), ShapeError)
      assert.throws(() => linear(x, weight, tf.zeros([4]), null), ShapeError)
      assert.throws(() => linear(x, weight, null, { a: b, b, scale: 1 }), ShapeError)
      assert.throws(() => linear(x, weight, null, { a, b: a, scale: 1 }), ShapeError)
      assert.throws(() => linear(x, weight, null, { a, b: tf.zeros([6, 3]), scale: 1 }), ShapeError)
      assert.throws(() => createWeight([6, 4], new Float32Array(23)), ShapeError)
      weight.dispose()
    })
  })
})
