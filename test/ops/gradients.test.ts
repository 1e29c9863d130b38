import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { recompute, record } from '../../src/ops/gradients.js'
import { assertClose } from './suite.js'

describe('record', () => {
  before(async () => {
    await tf.setBackend('cpu')
  })

  /** Two variables, one used twice, and one that the results do not depend on. */
  const setUp = (): { variables: tf.Variable[]; f: () => tf.Tensor[] } => {
    const a = tf.variable(tf.tensor2d([1, -2, 3, 0.5], [2, 2]))
    const b = tf.variable(tf.tensor2d([0.3, 2, -1, 1.5], [2, 2]))
    const unused = tf.variable(tf.scalar(1))
    const f = (): tf.Tensor[] => {
      const sum = tf.add(tf.matMul(a, b), tf.mul(a, a))
      return [tf.sigmoid(tf.reshape(sum, [4])), tf.sum(tf.square(b))]
    }
    return { variables: [a, b, unused], f }
  }
  const dys = (): tf.Tensor[] => [tf.tensor1d([1, 2, 3, 4]), tf.scalar(0.5)]

  it('has the gradients of tfjs', () => {
    const { variables, f } = setUp()
    const expected = tf.variableGrads(
      () => {
        const [first, second] = f()
        return tf.add(tf.sum(tf.mul(first!, dys()[0]!)), tf.mul(second!, 0.5))
      },
      variables.slice(0, 2),
    )
    const gradients = record(f).gradients(dys(), variables)
    for (const i of [0, 1]) {
      assert.deepEqual(gradients[i]!.arraySync(), expected.grads[variables[i]!.name]!.arraySync())
    }
    assert.equal(gradients[2], null)
  })

  it('takes results without a gradient for 0', () => {
    const { variables, f } = setUp()
    const [a, b] = record(f).gradients([null, tf.scalar(1)], variables)
    assert.equal(a, null)
    assert.deepEqual(b!.arraySync(), [
      [Math.fround(0.6), 4],
      [-2, 3],
    ])
  })

  it('leaves nothing behind but the gradients', () => {
    const { variables, f } = setUp()
    const given = dys()
    const before = tf.memory().numTensors
    const gradients = record(f).gradients(given, variables)
    assert.equal(tf.memory().numTensors, before + 2)
    tf.dispose(gradients.filter((gradient) => gradient !== null))
    record(f).dispose()
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
    const given = [...dys(), tf.ones([2, 2])]
    const before = tf.memory().numTensors
    assert.throws(
      () =>
        record(() => {
          f()
          throw new Error('no value')
        }),
      /no value/,
    )
    const recording = record(() => [...f(), failing(tf.square(variables[0]!))])
    assert.throws(() => recording.gradients(given, variables), /no gradient/)
    assert.equal(tf.memory().numTensors, before)
  })

  it('hands a gradient on that several ops pass through unchanged', () => {
    const x = tf.variable(tf.tensor1d([1, 2]))
    const y = tf.variable(tf.tensor1d([3, 4]))
    const gradients = record(() => [tf.add(tf.add(x, y), x)]).gradients([tf.tensor1d([1, 1])], [x, y])
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
      tf.dispose(record(() => [tf.square(x)]).gradients([tf.scalar(1)], [x])[0]!)
      return tf.mul(z, z)
    })
    assert.equal(outer(tf.scalar(5)).arraySync(), 10)
  })

  it('recomputes to the same gradients with less kept', () => {
    const w = tf.variable(tf.tensor2d([0.5, -1, 2, 0.25], [2, 2]))
    const x = tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2]))
    const block = (input: tf.Tensor2D): tf.Tensor2D =>
      tf.sigmoid(tf.matMul<tf.Tensor2D>(tf.sigmoid(tf.matMul(input, w)), w))
    const results = [block, (input: tf.Tensor2D) => recompute(block, input, [w])].map((layer) => {
      const before = tf.memory().numTensors
      const recording = record(() => [layer(layer(x))])
      const kept = tf.memory().numTensors - before
      const gradients = recording.gradients([tf.ones([2, 2])], [x, w])
      return { kept, gradients: gradients.flatMap((gradient) => [...gradient!.dataSync()]) }
    })
    // w's gradient is the sum of four terms, which are added in another order.
    assertClose(results[1]!.gradients, results[0]!.gradients, 1e-6)
    assert.ok(results[1]!.kept < results[0]!.kept)
  })
})
