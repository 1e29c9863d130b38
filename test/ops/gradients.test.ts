import assert from 'node:assert/strict'
import * as tf from '@tensorflow/tfjs'
import { variableGradients } from '../../src/ops/gradients.js'

describe('variableGradients', () => {
  before(async () => {
    await tf.setBackend('cpu')
  })

  /** Two variables, one used twice, and one that the result does not depend on. */
  const setUp = (): { variables: tf.Variable[]; f: () => tf.Scalar } => {
    const a = tf.variable(tf.tensor2d([1, -2, 3, 0.5], [2, 2]))
    const b = tf.variable(tf.tensor2d([0.3, 2, -1, 1.5], [2, 2]))
    const unused = tf.variable(tf.scalar(1))
    const f = (): tf.Scalar => {
      const product = tf.matMul(a, b)
      const sum = tf.add(product, tf.mul(a, a))
      return tf.sum(tf.mul(tf.sigmoid(tf.reshape(sum, [4])), tf.tensor1d([1, 2, 3, 4])))
    }
    return { variables: [a, b, unused], f }
  }

  it('equals tfjs’s own gradients', () => {
    const { variables, f } = setUp()
    const expected = tf.variableGrads(f, variables.slice(0, 2))
    const { value, gradients } = variableGradients(f, variables)
    assert.deepEqual(value.arraySync(), expected.value.arraySync())
    for (const i of [0, 1]) {
      assert.deepEqual(gradients[i]!.arraySync(), expected.grads[variables[i]!.name]!.arraySync())
    }
    assert.equal(gradients[2], null)
  })

  it('leaves nothing behind but the value and the gradients', () => {
    const { variables, f } = setUp()
    const before = tf.memory().numTensors
    const { value, gradients } = variableGradients(f, variables)
    assert.equal(tf.memory().numTensors, before + 3)
    tf.dispose([value, ...gradients.filter((gradient) => gradient !== null)])
    assert.equal(tf.memory().numTensors, before)
  })

  it('leaves nothing behind when the function or a gradient fails', () => {
    const { variables, f } = setUp()
    const failing = tf.customGrad((x) => ({
      value: tf.neg(x as tf.Tensor),
      gradFunc: () => {
        throw new Error('no gradient')
      },
    }))
    const before = tf.memory().numTensors
    assert.throws(
      () =>
        variableGradients(() => {
          f()
          throw new Error('no value')
        }, variables),
      /no value/,
    )
    assert.throws(
      () => variableGradients(() => tf.add(f(), tf.sum(failing(tf.square(variables[0]!)))), variables),
      /no gradient/,
    )
    assert.equal(tf.memory().numTensors, before)
  })

  it('hands a gradient on that several ops pass through unchanged', () => {
    const x = tf.variable(tf.tensor1d([1, 2]))
    const y = tf.variable(tf.tensor1d([3, 4]))
    const { gradients } = variableGradients(() => tf.sum(tf.add(tf.add(x, y), x)), [x, y])
    assert.deepEqual(
      gradients.map((gradient) => gradient!.arraySync()),
      [
        [2, 2],
        [1, 1],
      ],
    )
  })

  it('works inside a function whose own gradient is being computed', () => {
    const x = tf.variable(tf.scalar(3))
    const outer = tf.grad((z: tf.Tensor) => {
      const inner = variableGradients(() => tf.square(x), [x])
      tf.dispose([inner.value, inner.gradients[0]!])
      return tf.mul(z, z)
    })
    assert.equal(outer(tf.scalar(5)).arraySync(), 10)
  })
})
