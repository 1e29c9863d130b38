import assert from 'node:assert/strict'
import * as tf from '../../src/bundled/tfjs.js'
import { registerCpuBackend } from '../../src/backend/cpu/register.js'
import { ShapeError } from '../../src/errors.js'
import type { AttentionOptions, AttentionSegment } from '../../src/ops/attention.js'
import { attention, attentionReference } from '../../src/ops/attention.js'
import { runKernel } from '../../src/ops/kernel.js'

const PLAIN = 'attention-plain'
const FUSED = 'attention-fused'
const TWO_THREADS = 'attention-two-threads'

interface Case extends AttentionOptions {
  readonly headDim: number
  readonly queries: number
  readonly keys: number
}

interface Result {
  readonly y: Float32Array
  readonly gradients: readonly Float32Array[] // of q, k, v
}

function randomNumbers(length: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 31 - 1) * 1.5
  })
}

function sequence(length: number, start = 0, prefixStart = 0, prefixLength = 0): AttentionSegment {
  return {
    queryStart: start,
    queryLength: length,
    keyStart: start,
    keyLength: length,
    prefixStart,
    prefixLength,
  }
}

/** A prompt and completions that share it, one after the other. */
function group(promptLength: number, completionLengths: readonly number[]): AttentionSegment[] {
  const segments = [sequence(promptLength)]
  let start = promptLength
  for (const length of completionLengths) {
    segments.push(sequence(length, start, 0, promptLength))
    start += length
  }
  return segments
}

function tensors({ headDim, queries, keys, numHeads, numKeyValueHeads }: Case): tf.Tensor2D[] {
  const width = numKeyValueHeads * headDim
  return [
    tf.tensor2d(randomNumbers(queries * numHeads * headDim, 1), [queries, numHeads * headDim]), // q
    tf.tensor2d(randomNumbers(keys * width, 2), [keys, width]), // k
    tf.tensor2d(randomNumbers(keys * width, 3), [keys, width]), // v
    tf.tensor2d(randomNumbers(queries * numHeads * headDim, 4), [queries, numHeads * headDim]), // dy
  ]
}

function compute(backend: string, op: typeof attention, options: Case): Result {
  void tf.setBackend(backend)
  return tf.tidy(() => {
    const [q, k, v, dy] = tensors(options) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]
    const f = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor =>
      op(q as tf.Tensor2D, k as tf.Tensor2D, v as tf.Tensor2D, options)
    return {
      y: op(q, k, v, options).dataSync<'float32'>(),
      gradients: tf
        .grads(f)([q, k, v], dy)
        .map((x) => x.dataSync<'float32'>()),
    }
  })
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length)
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    if (!(difference <= largest)) largest = difference
  }
  return largest
}

function assertClose(actual: Result, expected: Result, tolerance: number): void {
  const names = ['dq', 'dk', 'dv']
  assert.ok(largestDifference(actual.y, expected.y) <= tolerance, 'y')
  for (const [i, name] of names.entries()) {
    const difference = largestDifference(actual.gradients[i]!, expected.gradients[i]!)
    assert.ok(difference <= tolerance, `${name} differs by ${difference}`)
  }
}

/** The formula in double precision: y [N, numHeads · D]. */
function attentionFloat64(q: Float64Array, k: Float64Array, v: Float64Array, options: Case): Float64Array {
  const { headDim, numHeads, numKeyValueHeads, segments } = options
  const y = new Float64Array(q.length)
  for (const { queryStart, queryLength, prefixStart, prefixLength, keyStart, keyLength } of segments) {
    for (let i = 0; i < queryLength; i++) {
      const seen = Array.from({ length: prefixLength + keyLength - queryLength + i + 1 }, (_, j) =>
        j < prefixLength ? prefixStart + j : keyStart + j - prefixLength,
      )
      for (let head = 0; head < numHeads; head++) {
        const at = ((queryStart + i) * numHeads + head) * headDim
        const keyHead = Math.floor((head * numKeyValueHeads) / numHeads)
        const keyAt = (key: number): number => (key * numKeyValueHeads + keyHead) * headDim
        const weights = seen.map((key) => {
          let score = 0
          for (let d = 0; d < headDim; d++) score += q[at + d]! * k[keyAt(key) + d]!
          return Math.exp(score / Math.sqrt(headDim))
        })
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        for (const [j, key] of seen.entries()) {
          for (let d = 0; d < headDim; d++) y[at + d]! += (weights[j]! / total) * v[keyAt(key) + d]!
        }
      }
    }
  }
  return y
}

const heads = (numHeads: number, numKeyValueHeads: number, headDim: number) => ({ numHeads, numKeyValueHeads, headDim })

/** Lengths around 32 and 64, where the kernels' blocks end. */
const CASES: Record<string, Case> = {
  'one token': { ...heads(1, 1, 4), segments: [sequence(1)], queries: 1, keys: 1 },
  'one number': { ...heads(1, 1, 1), segments: [sequence(3)], queries: 3, keys: 3 },
  'head dimension 5': { ...heads(3, 3, 5), segments: [sequence(37)], queries: 37, keys: 37 },
  'head dimension 24': { ...heads(2, 2, 24), segments: [sequence(10)], queries: 10, keys: 10 },
  'head dimension 64': { ...heads(2, 2, 64), segments: [sequence(66)], queries: 66, keys: 66 },
  'head dimension 24, three query heads to a key head': {
    ...heads(6, 2, 24),
    segments: [sequence(65)],
    queries: 65,
    keys: 65,
  },
  'head dimension 64, two query heads to a key head': {
    ...heads(4, 2, 64),
    segments: [sequence(40)],
    queries: 40,
    keys: 40,
  },
  'head dimension 7, a group of 33 query heads': { ...heads(33, 1, 7), segments: [sequence(3)], queries: 3, keys: 3 },
  'two sequences, rows outside of them': {
    ...heads(2, 1, 8),
    segments: [sequence(9, 12), sequence(6, 2)],
    queries: 25,
    keys: 30,
  },
  'a shared prompt': { ...heads(3, 1, 24), segments: group(71, [1, 33, 20]), queries: 125, keys: 125 },
  'two groups': {
    ...heads(2, 2, 5),
    segments: [...group(5, [3, 4]), sequence(40, 12), sequence(3, 52, 12, 40), sequence(2, 55, 12, 40)],
    queries: 57,
    keys: 57,
  },
  'decoding over a cache': {
    ...heads(6, 2, 16),
    segments: [
      { queryStart: 0, queryLength: 1, prefixStart: 100, prefixLength: 66, keyStart: 3, keyLength: 70 },
      { queryStart: 1, queryLength: 1, prefixStart: 0, prefixLength: 0, keyStart: 80, keyLength: 1 },
      { queryStart: 2, queryLength: 4, prefixStart: 100, prefixLength: 60, keyStart: 90, keyLength: 9 },
    ],
    queries: 6,
    keys: 170,
  },
  'runs of keys that overlap': {
    ...heads(2, 1, 16),
    segments: [
      { queryStart: 0, queryLength: 3, prefixStart: 10, prefixLength: 60, keyStart: 40, keyLength: 45 },
      { queryStart: 3, queryLength: 40, prefixStart: 0, prefixLength: 0, keyStart: 5, keyLength: 41 },
      { queryStart: 43, queryLength: 2, prefixStart: 10, prefixLength: 70, keyStart: 95, keyLength: 2 },
    ],
    queries: 45,
    keys: 110,
  },
  'an empty segment': {
    ...heads(1, 1, 8),
    segments: [sequence(0, 2, 0, 2), sequence(4, 1)],
    queries: 5,
    keys: 5,
  },
}

describe('attention', () => {
  before(async () => {
    await registerCpuBackend({ name: PLAIN, threads: 1, fusedMultiplyAdd: false })
    await registerCpuBackend({ name: FUSED, threads: 1 })
    await registerCpuBackend({ name: TWO_THREADS, threads: 2 })
  })

  after(() => {
    for (const name of [PLAIN, FUSED, TWO_THREADS]) tf.removeBackend(name)
    void tf.setBackend('cpu')
  })

  for (const [name, options] of Object.entries(CASES)) {
    it(`equals the reference, forward and gradient: ${name}`, () => {
      const expected = compute('cpu', attentionReference, options)
      for (const backend of [PLAIN, FUSED, TWO_THREADS])
        assertClose(compute(backend, attention, options), expected, 1e-5)
    })
  }

  for (const [numHeads, numKeyValueHeads, headDim] of [
    [2, 2, 5],
    [2, 1, 8],
    [3, 1, 3],
  ] as const) {
    it(`has the gradient of finite differences: ${numHeads} heads to ${numKeyValueHeads} of dimension ${headDim}`, () => {
      const segments = [...group(4, [3, 2]), sequence(2, 10)]
      const options = { ...heads(numHeads, numKeyValueHeads, headDim), segments, queries: 12, keys: 12 }
      void tf.setBackend('cpu')
      const [q, k, v, dy] = tensors(options).map((x) => Float64Array.from(x.dataSync())) as Float64Array[]
      const loss = (): number =>
        attentionFloat64(q!, k!, v!, options).reduce((sum, value, i) => sum + value * dy![i]!, 0)
      const expected = [q!, k!, v!].map((x) =>
        x.map((value, i) => {
          x[i] = value + 1e-4
          const above = loss()
          x[i] = value - 1e-4
          const below = loss()
          x[i] = value
          return (above - below) / 2e-4
        }),
      )
      const { y, gradients } = compute(FUSED, attention, options)
      assert.ok(largestDifference(y, attentionFloat64(q!, k!, v!, options)) < 2e-6)
      for (const [i, gradient] of gradients.entries()) assert.ok(largestDifference(gradient, expected[i]!) < 1e-5)
    })
  }

  it('gives zeros where no segment is, also without any segment', () => {
    const options = { ...heads(2, 1, 4), segments: [], queries: 3, keys: 2 }
    const { y, gradients } = compute(FUSED, attention, options)
    assert.deepEqual(y, new Float32Array(24))
    assert.deepEqual(
      gradients.map((x) => x.every((value) => value === 0)),
      [true, true, true],
    )
    const empty = compute(FUSED, attention, { ...options, queries: 0, keys: 0 })
    assert.equal(empty.y.length, 0)
    const some = CASES['two sequences, rows outside of them']!
    const rows = compute(FUSED, attention, some).y
    assert.ok(rows.subarray(8 * 16, 12 * 16).every((value) => value === 0))
    assert.ok(rows.subarray(12 * 16, 13 * 16).every((value) => value !== 0))
  })

  it('gives the same bits with one thread and with two', () => {
    const options = { ...heads(6, 2, 24), segments: group(70, [40, 55, 33, 1]), queries: 199, keys: 199 }
    const one = compute(FUSED, attention, options)
    const two = compute(TWO_THREADS, attention, options)
    assert.deepEqual(two, one)
    assert.ok(one.y.some((value) => value !== 0))
  })

  it('gives the same bits for a packed batch, a prefill and single tokens over a cache', () => {
    const shape = heads(6, 2, 20)
    const lengths = [70, 9, 67]
    const packed = { ...shape, segments: group(70, lengths.slice(1)), queries: 146, keys: 146 }
    // The same keys and values lie in a cache with gaps: the prompt from slot 30 on, the completions before and behind it.
    const slotStarts = [30, 5, 120]
    const slots = lengths.flatMap((length, i) => Array.from({ length }, (_, j) => slotStarts[i]! + j))
    for (const backend of [PLAIN, FUSED, TWO_THREADS]) {
      void tf.setBackend(backend)
      tf.tidy(() => {
        const [q, k, v] = tensors(packed) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]
        const expected = attention(q, k, v, packed)
        const intoSlots = (x: tf.Tensor2D): tf.Tensor2D => {
          const table = tf.fill([200, 40], NaN)
          return tf.tensorScatterUpdate(table, tf.tensor2d(slots, [146, 1], 'int32'), x) as tf.Tensor2D
        }
        const keys = intoSlots(k)
        const values = intoSlots(v)
        const check = (start: number, length: number, segments: readonly AttentionSegment[]): void => {
          const rows = tf.slice(q, [start, 0], [length, -1])
          const y = attention(rows, keys, values, { ...shape, segments })
          assert.deepEqual(y.dataSync(), tf.slice(expected, [start, 0], [length, -1]).dataSync())
        }
        check(0, 70, [{ queryStart: 0, queryLength: 70, prefixStart: 0, prefixLength: 0, keyStart: 30, keyLength: 70 }])
        for (const [start, completion, length] of [
          [70, 1, 9],
          [79, 2, 67],
        ] as const) {
          for (let i = 0; i < length; i++) {
            const own = { keyStart: slotStarts[completion]!, keyLength: i + 1 }
            check(start + i, 1, [{ queryStart: 0, queryLength: 1, prefixStart: 30, prefixLength: 70, ...own }])
          }
        }
      })
    }
  })

  it('gives the same bits wherever the prefix ends and its keys lie', () => {
    for (const headDim of [20, 32]) {
      const shape = heads(6, 2, headDim)
      const whole = { ...shape, segments: [sequence(150)], queries: 150, keys: 150 }
      void tf.setBackend(FUSED)
      const expected = compute(FUSED, attention, whole)
      for (const prefix of [1, 16, 63, 64, 73, 130]) {
        const segments = group(prefix, [150 - prefix])
        const { y, gradients } = compute(TWO_THREADS, attention, { ...whole, segments })
        assert.deepEqual(y, expected.y, `prefix of ${prefix} keys`)
        assert.deepEqual(gradients[0], expected.gradients[0])
      }
    }
  })

  it('gives the same bits to completions of a prompt, together and each alone', () => {
    const shape = heads(6, 3, 16)
    const all = { ...shape, segments: group(39, [5, 1, 30, 97, 2, 2]), queries: 176, keys: 176 }
    void tf.setBackend(FUSED)
    tf.tidy(() => {
      const [q, k, v] = tensors(all) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]
      const expected = attention(q, k, v, all)
      for (const segment of all.segments) {
        const { queryStart, queryLength } = segment
        const own = tf.slice(q, [queryStart, 0], [queryLength, -1])
        const y = attention(own, k, v, { ...shape, segments: [{ ...segment, queryStart: 0 }] })
        assert.deepEqual(y.dataSync(), tf.slice(expected, [queryStart, 0], [queryLength, -1]).dataSync())
      }
    })
  })

  it('is not touched by keys that a query does not see', () => {
    const options = { ...heads(1, 1, 8), segments: [sequence(5)], queries: 5, keys: 7 }
    void tf.setBackend(FUSED)
    tf.tidy(() => {
      const [q, k, v] = tensors(options) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]
      // Keys 3 and 4 belong to later queries, 5 and 6 to none.
      const spoil = (x: tf.Tensor2D): tf.Tensor2D =>
        tf.concat([tf.slice(x, [0, 0], [3, -1]), tf.fill([2, 8], 1e30), tf.fill([2, 8], NaN)])
      const expected = attention(q, k, v, options).dataSync()
      const actual = attention(q, spoil(k), spoil(v), options).dataSync()
      assert.deepEqual(actual.slice(0, 24), expected.slice(0, 24))
      assert.notDeepEqual(actual.slice(24), expected.slice(24))
    })
  })

  it('is accurate for scores from one end of the range to the other', () => {
    // Two keys, 0 and x, of one number: the second one's weight is the logistic function of x, the denominator 1 + e^x.
    const x = [-1e30, -1000, -104, -88, -80.5, -20, -3.3, -1, -0.01, 0, 0.7, 5, 17.25, 60, 89, 1000, 1e30]
    const options = {
      numHeads: 1,
      numKeyValueHeads: 1,
      segments: x.map((_, i) => ({
        queryStart: i,
        queryLength: 1,
        prefixStart: x.length,
        prefixLength: 1,
        keyStart: i,
        keyLength: 1,
      })),
    }
    for (const backend of [PLAIN, FUSED]) {
      void tf.setBackend(backend)
      tf.tidy(() => {
        const q = tf.ones<tf.Rank.R2>([x.length, 1])
        const k = tf.tensor2d([...x, 0], [x.length + 1, 1])
        const v = tf.tensor2d([...x.map(() => 1), 0], [x.length + 1, 1])
        const [y, logSumExp] = runKernel<tf.Tensor[]>('Attention', { q, k, v }, options).map((result) =>
          result.dataSync(),
        )
        for (const [i, score] of x.entries()) {
          const exact = Math.fround(score)
          const weight = 1 / (1 + Math.exp(-exact))
          assert.ok(Math.abs(y![i]! - weight) <= 4e-7 * weight || weight < 1.2e-38, `weight at ${score}: ${y![i]!}`)
          const denominator = Math.max(exact, 0) + Math.log1p(Math.exp(-Math.abs(exact)))
          const error = Math.abs(logSumExp![i]! - denominator)
          assert.ok(error <= 2e-7 * Math.max(1, denominator), `denominator at ${score}: ${logSumExp![i]!}`)
        }
      })
    }
  })

  it('leaves no memory behind', () => {
    const backend = tf.findBackend(TWO_THREADS) as unknown as { memory(): { numBytesInWasm: number } }
    const options = CASES['a shared prompt']!
    compute(TWO_THREADS, attention, options)
    const bytes = backend.memory().numBytesInWasm
    compute(TWO_THREADS, attention, options)
    assert.equal(backend.memory().numBytesInWasm, bytes)
  })

  it('refuses segments and matrices that do not fit, on every backend', () => {
    const options = { ...heads(4, 2, 2), queries: 10, keys: 12 }
    const bad: [Partial<AttentionSegment>, RegExp][] = [
      [
        { queryStart: 8, queryLength: 3 },
        /segment 1 \(queryStart 8, queryLength 3, .*\) reaches beyond the 10 rows of q/,
      ],
      [{ prefixStart: 5, prefixLength: 8 }, /segment 1 .* prefix that reaches beyond the 12 rows of k/],
      [{ keyStart: 9, keyLength: 4 }, /segment 1 .* keys that reach beyond the 12 rows of k/],
      [{ queryLength: 3, keyLength: 2 }, /segment 1 .* fewer keys than queries/],
      [{ keyStart: -1 }, /segment 1 .* whole numbers/],
      [{ prefixLength: 0.5 }, /segment 1 .* whole numbers/],
      [{ keyLength: NaN }, /segment 1 .* whole numbers/],
      [{ queryStart: 1 }, /segment 1 .* another segment has too/],
    ]
    for (const backend of ['cpu', FUSED]) {
      void tf.setBackend(backend)
      tf.tidy(() => {
        const [q, k, v] = tensors({ ...options, segments: [] }) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]
        for (const [change, message] of bad) {
          const segments = [sequence(2), { ...sequence(3, 2), ...change }]
          assert.throws(
            () => attention(q, k, v, { ...options, segments }),
            (error: Error) => error instanceof ShapeError && message.test(error.message),
            JSON.stringify(change),
          )
        }
        const segments = [sequence(2)]
        assert.throws(() => attention(k, k, v, { ...options, segments }), /ShapeError|got q, k, v of shapes \[12, 4\]/)
        assert.throws(() => attention(q, q, v, { ...options, segments }), ShapeError)
        assert.throws(() => attention(q, k, tf.slice(v, 1), { ...options, segments }), ShapeError)
        assert.throws(() => attention(q, k, v, { segments, numHeads: 4, numKeyValueHeads: 3 }), ShapeError)
      })
    }
  })
})
