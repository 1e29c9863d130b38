import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { ConfigError, ShapeError } from '../../src/errors.js'
import { bfloat16ToFloat32, float32ToBfloat16 } from '../../src/io/dtypes.js'
import { runKernel } from '../../src/ops/kernel.js'
import { tokenLogProbs } from '../../src/ops/tokenLogProbs.js'
import type { KnownTokenLogProbs } from '../../src/ops/tokenLogProbs.js'
import { createTrainableWeight, createWeight } from '../../src/ops/weight.js'
import type { Weight } from '../../src/ops/weight.js'
import { assertClose, on, onEveryBackend, OUR_BACKENDS, randomTensor, randomValues, testOp, values } from './suite.js'

/** Values that are the same in both dtypes, so that one can be compared with the other's reference. */
function randomWeight(vocabulary: number, width: number, dtype: 'float32' | 'bfloat16', scale = 1): Weight {
  const bits = float32ToBfloat16(randomValues(vocabulary * width, 1, scale))
  return createWeight([vocabulary, width], dtype === 'float32' ? bfloat16ToFloat32(bits) : bits)
}

/** Targets spread over the vocabulary, the first and the last token among them. */
function someTargets(rows: number, vocabulary: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, i) => (i % 3 === 1 ? vocabulary - 1 : (i * 7919) % vocabulary))
}

function tokenCase(
  rows: number,
  width: number,
  vocabulary: number,
  temperature: number,
  dtype: 'float32' | 'bfloat16',
) {
  return {
    make: () => {
      const weight = randomWeight(vocabulary, width, dtype)
      return {
        body: (hidden: tf.Tensor) => {
          const { logProbs, entropies } = tokenLogProbs(
            hidden as tf.Tensor2D,
            weight,
            someTargets(rows, vocabulary),
            temperature,
          )
          return [logProbs, entropies]
        },
        dispose: () => {
          weight.dispose()
        },
      }
    },
    inputs: [{ shape: [rows, width], seed: 2, scale: 2 }],
  }
}

describe('tokenLogProbs', () => {
  testOp({
    '1 x 1, vocabulary of 2': tokenCase(1, 1, 2, 1, 'float32'),
    '3 x 5, vocabulary of 7': tokenCase(3, 5, 7, 0.7, 'float32'),
    '5 x 9, vocabulary of 67': tokenCase(5, 9, 67, 1.3, 'bfloat16'),
    '6 x 13, vocabulary of 4999 (three blocks)': tokenCase(6, 13, 4999, 0.9, 'bfloat16'),
    '1027 x 3, vocabulary of 35 (two chunks of rows)': tokenCase(1027, 3, 35, 1, 'float32'),
    'no rows': tokenCase(0, 5, 11, 1, 'bfloat16'),
  })

  for (const backend of OUR_BACKENDS) {
    it(`gives a row the same bits alone and among others on ${backend}`, async () => {
      await on(backend, () => {
        const [rows, width, vocabulary] = [1030, 12, 2500]
        const weight = randomWeight(vocabulary, width, 'bfloat16')
        const hidden = randomTensor([rows, width], 3)
        const targets = someTargets(rows, vocabulary)
        const run = (first: number, count: number): Float32Array[] => {
          const part = tf.slice(hidden, [first, 0], [count, width])
          const own = targets.slice(first, first + count)
          const { logProbs, entropies } = tokenLogProbs(part, weight, own, 0.8)
          const dHidden = tf.grad((x) => {
            const y = tokenLogProbs(x as tf.Tensor2D, weight, own, 0.8)
            return tf.sum(tf.sub(tf.square(y.logProbs), tf.square(y.entropies)))
          })(part)
          return [logProbs, entropies, dHidden].map(values)
        }
        const all = run(0, rows)
        for (const [first, count] of [
          [0, 1],
          [1029, 1],
          [1020, 10],
          [511, 3],
        ] as const) {
          for (const [i, part] of run(first, count).entries()) {
            const size = i === 2 ? width : 1
            assert.deepEqual(part, all[i]!.slice(first * size, (first + count) * size))
          }
        }
        weight.dispose()
      })
    })
  }

  for (const backend of OUR_BACKENDS) {
    for (const [rows, width, vocabulary] of [
      [0, 5, 11],
      [3, 5, 7],
      [6, 13, 4999],
      [1027, 3, 35],
    ] as const) {
      for (const kind of ['frozen', 'trainable'] as const) {
        it(`takes values that are known, gives the same gradient, and computes them again: ${rows} x ${width}, ${vocabulary} tokens, ${kind}, ${backend}`, async () => {
          await on(backend, () => {
            const variable: tf.Variable<tf.Rank.R2> = tf.variable(randomTensor([vocabulary, width], 1))
            const weight =
              kind === 'frozen' ? randomWeight(vocabulary, width, 'bfloat16') : createTrainableWeight(variable)
            const hidden = randomTensor([rows, width], 2, 2)
            const targets = someTargets(rows, vocabulary)
            const attributes = { targets, temperature: 0.7, known: null }
            const [logProbs, entropies, statistics] = runKernel<tf.Tensor[]>('TokenLogProbs', { hidden }, attributes, {
              weight,
            }).map(values) as [Float32Array, Float32Array, Float32Array]
            let computed: Float32Array | null = null
            const onComputed = (found: Float32Array): void => {
              computed = found
            }
            const known = { logProbs, entropies, statistics, onComputed }
            const weightGradient = (given: KnownTokenLogProbs | null): Float32Array =>
              values(
                tf.variableGrads(() => {
                  const y = tokenLogProbs(hidden, weight, targets, 0.7, given)
                  return tf.sum(tf.sub(tf.square(y.logProbs), tf.square(y.entropies)))
                }, [variable]).grads[variable.name]!,
              )
            const gradient = (given: KnownTokenLogProbs | null): Float32Array =>
              values(
                tf.grad((x) => {
                  const y = tokenLogProbs(x as tf.Tensor2D, weight, targets, 0.7, given)
                  return tf.sum(tf.sub(tf.square(y.logProbs), tf.square(y.entropies)))
                })(hidden),
              )
            assert.deepEqual(gradient(known), gradient(null))
            assert.deepEqual(computed, logProbs)
            const results = tokenLogProbs(hidden, weight, targets, 0.7, known)
            assert.deepEqual([results.logProbs, results.entropies].map(values), [logProbs, entropies])
            if (kind === 'trainable') assert.deepEqual(weightGradient(known), weightGradient(null))
            weight.dispose()
            variable.dispose()
          })
        })
      }
    }
  }

  onEveryBackend(() => {
    it('takes logits that are far apart', () => {
      // Logits 1000, 999, 0 … 0 and a last token at −1000, on either side of a border between blocks.
      const column = new Float32Array(3000)
      column[2999] = -1000
      column[2047] = 999
      column[2048] = 1000
      const weight = createWeight([3000, 1], column)
      const { logProbs, entropies } = tokenLogProbs(tf.ones([3, 1]), weight, Int32Array.of(2048, 2047, 2999), 1)
      const p = 1 / (1 + Math.exp(-1))
      assertClose(values(logProbs), [Math.log(p), Math.log(1 - p), -2000 + Math.log(p)], 1e-6)
      assertClose(values(entropies), new Float32Array(3).fill(-p * Math.log(p) - (1 - p) * Math.log(1 - p)), 1e-6)
      weight.dispose()
    })

    it('shows a NaN instead of hiding it', () => {
      const weight = createWeight([5, 1], randomValues(5, 1))
      const { logProbs, entropies } = tokenLogProbs(tf.tensor2d([[NaN], [1]]), weight, Int32Array.of(0, 1), 1)
      assert.deepEqual([...values(logProbs)].map(Number.isNaN), [true, false])
      assert.deepEqual([...values(entropies)].map(Number.isNaN), [true, false])
      weight.dispose()
    })

    it('refuses targets outside the vocabulary, shapes that do not fit and a temperature of 0', () => {
      const weight = createWeight([5, 2], randomValues(10, 1))
      const hidden = tf.zeros<tf.Rank.R2>([2, 2])
      assert.throws(() => tokenLogProbs(hidden, weight, Int32Array.of(0, 5), 1), ShapeError)
      assert.throws(() => tokenLogProbs(hidden, weight, Int32Array.of(-1, 0), 1), ShapeError)
      assert.throws(() => tokenLogProbs(hidden, weight, Int32Array.of(0), 1), ShapeError)
      assert.throws(() => tokenLogProbs(tf.zeros([2, 3]), weight, Int32Array.of(0, 1), 1), ShapeError)
      assert.throws(() => tokenLogProbs(hidden, weight, Int32Array.of(0, 1), 0), ConfigError)
      weight.dispose()
    })
  })
})
