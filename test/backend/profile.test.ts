import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { CPU_BACKEND } from '../../src/backend/cpu/backend.js'
import { measurePeak } from '../../src/backend/cpu/peak.js'
import type { CpuBackend } from '../../src/backend/cpu/backend.js'
import { attentionPairs, countOperations } from '../../src/backend/operations.js'
import { KernelProfile } from '../../src/backend/profile.js'
import { selectEngine } from '../../src/engine/registry.js'
import { attention } from '../../src/ops/attention.js'
import { linear } from '../../src/ops/linear.js'
import { createWeight } from '../../src/ops/weight.js'

describe('backend/profile', () => {
  before(() => selectEngine('cpu'))

  it('counts calls, time and operations of each kernel by phase and shape', () => {
    const weight = createWeight([32, 16], new Float32Array(32 * 16).fill(0.5))
    const [small, large] = [tf.ones<tf.Rank.R2>([3, 16]), tf.ones<tf.Rank.R2>([5, 16])]
    const expected = linear(small, weight, null, null)
    const profile = new KernelProfile()
    try {
      profile.phase = 'first'
      const [y, again] = [linear(small, weight, null, null), linear(small, weight, null, null)]
      assert.deepEqual(y.dataSync(), expected.dataSync())
      profile.phase = 'second'
      tf.dispose([y, again, linear(large, weight, null, null), linear(small, weight, null, null)])
      tf.add(small, small).dispose()
    } finally {
      profile.stop()
    }
    linear(small, weight, null, null).dispose()
    const entries = profile.entries()
    const found = new Map(entries.map((entry) => [`${entry.phase} ${entry.kernel} ${entry.shape}`, entry]))
    assert.equal(found.get('first Linear ≤4 × 16→32')!.calls, 2)
    assert.equal(found.get('first Linear ≤4 × 16→32')!.operations, 2 * (2 * 3 * 16 * 32))
    assert.equal(found.get('second Linear ≤4 × 16→32')!.calls, 1)
    assert.equal(found.get('second Linear ≤8 × 16→32')!.operations, 2 * 5 * 16 * 32)
    assert.equal(found.get('second Add ')!.operations, 0)
    assert.equal(found.size, 4)
    const times = entries.map(({ milliseconds }) => milliseconds)
    assert.ok(times.every((time) => time > 0))
    assert.deepEqual(
      times,
      times.toSorted((a, b) => b - a),
    )
    tf.dispose([small, large, expected])
    weight.dispose()
  })

  it('takes its wrappers off again', () => {
    const kernels = (): Map<string, tf.KernelFunc> =>
      new Map(tf.getKernelsForBackend(CPU_BACKEND).map(({ kernelName, kernelFunc }) => [kernelName, kernelFunc]))
    const before = kernels()
    const profile = new KernelProfile()
    assert.notEqual(kernels().get('Add'), before.get('Add'))
    profile.stop()
    assert.deepEqual(kernels(), before)
  })
})

describe('backend/operations', () => {
  const info = (...shape: number[]): tf.TensorInfo => ({ dataId: {}, shape, dtype: 'float32' })

  it('counts a product and a sum of each pair of elements as two', () => {
    const weight = { frozen: { weight: { shape: [7, 5] } } }
    assert.equal(countOperations('Linear', { x: info(3, 5) }, weight).operations, 2 * 3 * 5 * 7)
    assert.equal(countOperations('LinearInputGradient', { dy: info(3, 7) }, weight).operations, 2 * 3 * 5 * 7)
    const lora = { x: info(3, 5), loraA: info(2, 5), loraB: info(7, 2) }
    assert.equal(countOperations('LoraLinear', lora, weight).operations, 2 * 3 * (5 * 7 + 2 * 5 + 2 * 7))
    assert.equal(countOperations('TokenLogProbsGradient', { hidden: info(3, 5) }, weight).operations, 4 * 3 * 5 * 7)
    assert.equal(countOperations('Add', { a: info(3), b: info(3) }, {}).operations, 0)
    const known = { frozen: { ...weight.frozen, known: info(3, 7) } }
    assert.deepEqual(countOperations('LoraLinear', lora, known), { operations: 0, shape: '' })
  })

  it('counts batches of products, transposed or not', () => {
    const count = (a: tf.TensorInfo, b: tf.TensorInfo, transposeA = false, transposeB = false): number =>
      countOperations('BatchMatMul', { a, b }, { transposeA, transposeB }).operations
    assert.equal(count(info(3, 5), info(5, 7)), 2 * 3 * 5 * 7)
    assert.equal(count(info(5, 3), info(5, 7), true), 2 * 3 * 5 * 7)
    assert.equal(count(info(3, 5), info(7, 5), false, true), 2 * 3 * 5 * 7)
    assert.equal(count(info(4, 3, 5), info(1, 5, 7)), 4 * 2 * 3 * 5 * 7)
    assert.equal(count(info(0, 5), info(5, 7)), 0)
  })

  it('counts the keys that each query sees', () => {
    const prompt = { queryStart: 0, queryLength: 3, prefixStart: 0, prefixLength: 0, keyStart: 0, keyLength: 3 }
    const completion = { ...prompt, queryStart: 3, queryLength: 2, prefixLength: 3, keyStart: 3, keyLength: 2 }
    assert.equal(attentionPairs([prompt]), 1 + 2 + 3)
    assert.equal(attentionPairs([prompt, completion]), 6 + (4 + 5))
    const options = { segments: [prompt], numHeads: 2, numKeyValueHeads: 1 }
    assert.equal(countOperations('Attention', { q: info(3, 8) }, options).operations, 2 * 2 * 6 * 8)
    assert.equal(countOperations('AttentionGradient', { q: info(3, 8) }, options).operations, 5 * 2 * 6 * 8)
  })

  it('knows the names of the kernels that the ops run', async () => {
    await selectEngine('cpu')
    const profile = new KernelProfile()
    try {
      const weight = createWeight([16, 16], new Float32Array(256))
      const segments = [{ queryStart: 0, queryLength: 2, prefixStart: 0, prefixLength: 0, keyStart: 0, keyLength: 2 }]
      tf.tidy(() => {
        const x = tf.ones<tf.Rank.R2>([2, 16])
        const lora = { a: tf.ones<tf.Rank.R2>([4, 16]), b: tf.ones<tf.Rank.R2>([16, 4]), scale: 1 }
        tf.grads((y, a, b) => linear(y as tf.Tensor2D, weight, null, { ...lora, a, b } as typeof lora))([
          x,
          lora.a,
          lora.b,
        ])
        tf.grad((y: tf.Tensor) => linear(y as tf.Tensor2D, weight, null, null))(x)
        tf.grad((y: tf.Tensor) => attention(y as tf.Tensor2D, x, x, { segments, numHeads: 1, numKeyValueHeads: 1 }))(x)
      })
      weight.dispose()
    } finally {
      profile.stop()
    }
    const counted = profile.entries().filter(({ operations }) => operations > 0)
    const expected = [
      'Attention',
      'AttentionGradient',
      'Linear',
      'LinearInputGradient',
      'LoraAGradient',
      'LoraBGradient',
      'LoraLinear',
      'LoraOutputGradient',
    ]
    assert.deepEqual([...new Set(counted.map(({ kernel }) => kernel))].sort(), expected)
  })
})

describe('backend/cpu/peak', () => {
  it('runs a loop of multiply-adds on all threads and gives its memory back', async () => {
    await selectEngine('cpu')
    const { runtime } = tf.backend() as unknown as Pick<CpuBackend, 'runtime'>
    const before = runtime.allocator.usedBytes
    const peak = measurePeak(runtime, 1)
    assert.ok(Number.isFinite(peak) && peak > 0)
    assert.equal(runtime.allocator.usedBytes, before)
  })
})
