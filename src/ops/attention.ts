import * as tf from '../bundled/tfjs.js'
import { ShapeError } from '../errors.js'
import { hasKernel, registerGradient, runKernel } from './kernel.js'

/**
 * One sequence of a packed batch: a run of queries and the keys that they see. Query i (from 0) of the segment sees
 *   keys prefixStart … prefixStart + prefixLength − 1            (a prompt that a group shares), and
 *   keys keyStart … keyStart + keyLength − queryLength + i        (its own sequence up to itself).
 * So the segment's own keys end with its last query. Key numbers are rows of the keys handed to {@link attention}.
 */
export interface AttentionSegment {
  readonly queryStart: number
  readonly queryLength: number
  readonly prefixStart: number
  readonly prefixLength: number
  readonly keyStart: number
  readonly keyLength: number
}

export interface AttentionOptions {
  /** What is worked out from them is kept for the very same list, which therefore must not be changed. */
  readonly segments: readonly AttentionSegment[]
  readonly numHeads: number
  readonly numKeyValueHeads: number
}

/**
 * Causal attention with grouped queries (Ainslie et al. 2023, arXiv 2305.13245) over packed sequences with shared prefixes:
 * per head, y = softmax(q·kᵀ / sqrt(D)) · v. Head h reads key-value head floor(h · numKeyValueHeads / numHeads).
 * Rows of q that no segment covers come out as 0. A query's result depends on itself and on the keys that it sees, in their order,
 * and not on what else is computed with it: decoding one token gives the bits that training on the whole sequence gives.
 * @throws ShapeError when the matrices do not fit the heads, or a segment does not fit the matrices or overlaps another
 */
export function attention(
  q: tf.Tensor2D, // [N, numHeads · D]
  k: tf.Tensor2D, // [S, numKeyValueHeads · D]
  v: tf.Tensor2D, // [S, numKeyValueHeads · D]
  options: AttentionOptions,
): tf.Tensor2D /* [N, numHeads · D] */ {
  checkMatrices(q, k, v, options)
  checkSegments(options.segments, q.shape[0], k.shape[0])
  if (!hasKernel('Attention')) return attentionReference(q, k, v, options)
  return runKernel<[tf.Tensor2D, tf.Tensor2D]>('Attention', { q, k, v }, options)[0]
}

function checkMatrices(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, options: AttentionOptions): void {
  const { numHeads, numKeyValueHeads } = options
  const headDim = q.shape[1] / numHeads
  const fits =
    (numHeads / numKeyValueHeads) % 1 === 0 &&
    headDim % 1 === 0 &&
    headDim > 0 &&
    k.shape[1] === numKeyValueHeads * headDim &&
    v.shape[1] === k.shape[1] &&
    v.shape[0] === k.shape[0]
  if (fits) return
  const shapes = [q, k, v].map((x) => `[${x.shape.join(', ')}]`).join(', ')
  throw new ShapeError(
    `attention got q, k, v of shapes ${shapes} for ${numHeads} heads and ${numKeyValueHeads} key-value heads; ` +
      'expected widths of numHeads, numKeyValueHeads and numKeyValueHeads times one head dimension, ' +
      'as many keys as values, and numHeads a multiple of numKeyValueHeads',
  )
}

/** Segments that were checked, with the sizes that they fit: the layers of a pass hand over the very same. */
const checkedSegments = new WeakMap<readonly AttentionSegment[], string>()

function checkSegments(segments: readonly AttentionSegment[], queries: number, keys: number): void {
  const sizes = `${queries} ${keys}`
  if (checkedSegments.get(segments) === sizes) return
  const fail = (index: number, reason: string): never => {
    const values = Object.entries(segments[index]!).map(([name, value]) => `${name} ${value}`)
    throw new ShapeError(`attention: segment ${index} (${values.join(', ')}) ${reason}`)
  }
  segments.forEach((segment, index) => {
    const { queryStart, queryLength, prefixStart, prefixLength, keyStart, keyLength } = segment
    const numbers = [queryStart, queryLength, prefixStart, prefixLength, keyStart, keyLength]
    if (!numbers.every((x) => Number.isInteger(x) && x >= 0)) fail(index, 'must consist of whole numbers, 0 or more')
    if (queryStart + queryLength > queries) fail(index, `reaches beyond the ${queries} rows of q`)
    if (prefixStart + prefixLength > keys) fail(index, `has a prefix that reaches beyond the ${keys} rows of k`)
    if (keyStart + keyLength > keys) fail(index, `has keys that reach beyond the ${keys} rows of k`)
    if (keyLength < queryLength) fail(index, 'has fewer keys than queries; each query needs at least its own key')
  })
  const order = segments.map((_, index) => index).sort((a, b) => segments[a]!.queryStart - segments[b]!.queryStart)
  let end = 0
  for (const index of order) {
    const { queryStart, queryLength } = segments[index]!
    if (queryLength === 0) continue
    if (queryStart < end) fail(index, 'has queries that another segment has too')
    end = queryStart + queryLength
  }
  checkedSegments.set(segments, sizes)
}

/** {@link attention} from plain tfjs ops, one segment after the other. */
export function attentionReference(
  q: tf.Tensor2D, // [N, numHeads · D]
  k: tf.Tensor2D, // [S, numKeyValueHeads · D]
  v: tf.Tensor2D, // [S, numKeyValueHeads · D]
  { segments, numHeads, numKeyValueHeads }: AttentionOptions,
): tf.Tensor2D {
  const headDim = q.shape[1] / numHeads
  const group = numHeads / numKeyValueHeads
  /** Rows of a key or value matrix that a segment sees, heads first: [numKeyValueHeads, S', D]. */
  const visible = (x: tf.Tensor2D, segment: AttentionSegment): tf.Tensor3D => {
    const own = tf.slice(x, [segment.keyStart, 0], [segment.keyLength, -1])
    const rows =
      segment.prefixLength > 0
        ? tf.concat([tf.slice(x, [segment.prefixStart, 0], [segment.prefixLength, -1]), own])
        : own
    return tf.transpose(tf.reshape(rows, [-1, numKeyValueHeads, headDim]), [1, 0, 2])
  }
  const pieces: tf.Tensor2D[] = []
  let done = 0
  const zeros = (rows: number): void => {
    if (rows > 0) pieces.push(tf.zeros([rows, q.shape[1]]))
  }
  const used = segments.filter(({ queryLength }) => queryLength > 0)
  for (const segment of used.sort((a, b) => a.queryStart - b.queryStart)) {
    const { queryStart, queryLength, prefixLength, keyLength } = segment
    zeros(queryStart - done)
    done = queryStart + queryLength
    // The heads of a group are laid under each other: [numKeyValueHeads, group · T, D].
    const rows = tf.slice(q, [queryStart, 0], [queryLength, -1])
    const queries = tf.reshape(tf.transpose(tf.reshape(rows, [queryLength, numHeads, headDim]), [1, 0, 2]), [
      numKeyValueHeads,
      group * queryLength,
      headDim,
    ])
    const seen = prefixLength + keyLength
    const hidden = tf.tensor2d(
      Float32Array.from({ length: queryLength * seen }, (_, i) =>
        (i % seen) - prefixLength <= keyLength - queryLength + Math.floor(i / seen) ? 0 : -1e30,
      ),
      [queryLength, seen],
    )
    const scores = tf.mul(tf.matMul(queries, visible(k, segment), false, true), headDim ** -0.5)
    const weights = tf.softmax(tf.add(scores, tf.concat(Array.from({ length: group }, () => hidden)))) as tf.Tensor3D
    const mixed = tf.reshape(tf.matMul(weights, visible(v, segment)), [numHeads, queryLength, headDim])
    pieces.push(tf.reshape(tf.transpose(mixed, [1, 0, 2]), [queryLength, numHeads * headDim]))
  }
  zeros(q.shape[0] - done)
  if (pieces.length === 0) return tf.zeros([0, q.shape[1]])
  return pieces.length === 1 ? pieces[0]! : tf.concat(pieces)
}

registerGradient<[q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, y: tf.Tensor, logSumExp: tf.Tensor], AttentionOptions>(
  'Attention',
  {
    inputs: ['q', 'k', 'v'],
    // The second result is the logarithm of each softmax's denominator, [N, numHeads], for the gradient.
    outputs: [true, true],
    differentiated: 1,
    gradients: ([dy], [q, k, v, y, logSumExp], options) => {
      const inputs = { dy, q, k, v, y, logSumExp }
      const [dq, dk, dv] = runKernel<[tf.Tensor, tf.Tensor, tf.Tensor]>('AttentionGradient', inputs, options)
      return { q: () => dq, k: () => dk, v: () => dv }
    },
  },
)
