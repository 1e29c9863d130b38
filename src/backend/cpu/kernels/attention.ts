import type * as tf from '../../../bundled/tfjs.js'
import type { AttentionOptions, AttentionSegment } from '../../../ops/attention.js'
import { attentionPairs } from '../../operations.js'
import type { CpuBackend } from '../backend.js'
import { GRADIENT_BLOCK, KernelId, KEY_BLOCK } from '../constants.js'
import { kernel } from './kernel.js'

/** Rows (queries, once for each query head of a key-value head) of a tile: so many share what is read of keys and values. */
const TILE_ROWS = 32
/** Bytes of a row of scores. */
const SCORE_ROW_BYTES = KEY_BLOCK * 4

interface AttentionInputs {
  q: tf.TensorInfo // [N, H·D]
  k: tf.TensorInfo // [S, G·D]
  v: tf.TensorInfo // [S, G·D]
}

interface AttentionGradientInputs extends AttentionInputs {
  dy: tf.TensorInfo // [N, H·D]
  y: tf.TensorInfo // [N, H·D]
  logSumExp: tf.TensorInfo // [N, H]
}

/** y [N, H·D] and, for the gradient, the logarithm of each softmax's denominator [N, H]. */
function attention(backend: CpuBackend, { q, k, v }: AttentionInputs, options: AttentionOptions): tf.TensorInfo[] {
  const { segments, numHeads } = options
  const [n, width] = q.shape as [number, number]
  const y = backend.allocate([n, width])
  const logSumExp = backend.allocate([n, numHeads])
  const work = workOf(segments)
  if (work.queries !== n) {
    backend.floats(y.info).fill(0)
    backend.floats(logSumExp.info).fill(0)
  }
  const shape = attentionShape(options, width)
  const list = work.queryList(shape.tileQueries)
  runAttention(backend, KernelId.attention, shape, {
    addresses: [backend.address(q), backend.address(k), backend.address(v), y.address, logSumExp.address],
    list,
    entries: list.length / QUERY_ENTRY_WORDS,
    scratchBytes: shape.tileRows * (SCORE_ROW_BYTES + shape.paddedBytes + 8),
    products: 2,
  })
  return [y.info, logSumExp.info]
}

/** [dq, dk, dv], with the shapes of q, k and v. */
function attentionGradient(
  backend: CpuBackend,
  { dy, q, k, v, y, logSumExp }: AttentionGradientInputs,
  options: AttentionOptions,
): tf.TensorInfo[] {
  const { segments, numHeads } = options
  const { allocator } = backend.runtime
  const [n, width] = q.shape as [number, number]
  const keys = k.shape[0]!
  const dq = backend.allocate([n, width])
  const dk = backend.allocate(k.shape)
  const dv = backend.allocate(v.shape)
  const work = workOf(segments)
  if (work.queries !== n) backend.floats(dq.info).fill(0)
  const delta = allocator.allocate(n * numHeads * 4) // Σ dy·y of each query and head
  const addresses = [
    backend.address(q),
    backend.address(k),
    backend.address(v),
    backend.address(y),
    backend.address(logSumExp),
    backend.address(dy),
    delta,
    dq.address,
    dk.address,
    dv.address,
  ]
  const shape = attentionShape(options, width)
  const queries = work.queryList(shape.tileQueries)
  runAttention(backend, KernelId.attentionQueryGradient, shape, {
    addresses,
    list: queries,
    entries: queries.length / QUERY_ENTRY_WORDS,
    products: 3,
    scratchBytes: shape.tileRows * (2 * SCORE_ROW_BYTES + shape.paddedBytes),
  })
  runAttention(backend, KernelId.attentionKeyGradient, shape, {
    addresses,
    list: work.visitorList(keys),
    entries: Math.ceil(keys / GRADIENT_BLOCK),
    keys,
    products: 4,
    scratchBytes: GRADIENT_BLOCK * 2 * (SCORE_ROW_BYTES + shape.paddedBytes),
  })
  allocator.release(delta)
  return [dq.info, dk.info, dv.info]
}

/** What is worked out from some segments once for all layers, forward and backward. */
interface AttentionWork {
  /** Queries that belong to a segment; segments do not overlap. */
  readonly queries: number
  /** Pairs of a query and a key that it sees. */
  readonly pairs: number
  readonly queryList: (tileQueries: number) => Int32Array
  readonly visitorList: (keys: number) => Int32Array
}

const works = new WeakMap<readonly AttentionSegment[], AttentionWork>()

function workOf(segments: readonly AttentionSegment[]): AttentionWork {
  const known = works.get(segments)
  if (known) return known
  const work = {
    queries: segments.reduce((sum, { queryLength }) => sum + queryLength, 0),
    pairs: attentionPairs(segments),
    queryList: lastResult((tileQueries) => queryList(segments, tileQueries)),
    visitorList: lastResult((keys) => visitorList(segments, keys)),
  }
  works.set(segments, work)
  return work
}

/** A function that keeps what it returned for the last argument. */
function lastResult<T>(f: (argument: number) => T): (argument: number) => T {
  let last: { argument: number; result: T } | null = null
  return (argument) => {
    if (last?.argument !== argument) last = { argument, result: f(argument) }
    return last.result
  }
}

interface AttentionShape {
  readonly numHeads: number
  readonly numKeyValueHeads: number
  readonly headDim: number
  /** Bytes of a head's numbers, filled up to whole vectors. */
  readonly paddedBytes: number
  readonly tileQueries: number
  readonly tileRows: number
  /** Multiply-adds of one of the products of queries and keys. */
  readonly operations: number
}

function attentionShape({ segments, numHeads, numKeyValueHeads }: AttentionOptions, width: number): AttentionShape {
  const headDim = width / numHeads
  const group = numHeads / numKeyValueHeads
  const tileQueries = Math.max(1, Math.floor(TILE_ROWS / group))
  return {
    numHeads,
    numKeyValueHeads,
    headDim,
    tileQueries,
    tileRows: tileQueries * group,
    paddedBytes: Math.ceil(headDim / 4) * 16,
    operations: workOf(segments).pairs * numHeads * headDim,
  }
}

const QUERY_ENTRY_WORDS = 6

/** The list of the forward kernel and of that for dq: the segments cut into tiles of queries; see assembly/attention.ts. */
function queryList(segments: readonly AttentionSegment[], tileQueries: number): Int32Array {
  const list: number[] = []
  for (const { queryStart, queryLength, prefixStart, prefixLength, keyStart, keyLength } of segments) {
    for (let query = 0; query < queryLength; query += tileQueries) {
      const seen = prefixLength + keyLength - queryLength + query + 1
      const queries = Math.min(tileQueries, queryLength - query)
      list.push(queryStart + query, queries, prefixStart, prefixLength, keyStart, seen)
    }
  }
  return Int32Array.from(list)
}

/** The list of the kernel for dk and dv: for each block of keys the runs of queries that see it; see assembly/attention.ts. */
function visitorList(segments: readonly AttentionSegment[], keys: number): Int32Array {
  const visitors = Array.from({ length: Math.ceil(keys / GRADIENT_BLOCK) }, (): number[] => [])
  /** Adds a segment's queries to the blocks of a run of keys, of which its first query sees `seen`. */
  const visit = (segment: AttentionSegment, start: number, length: number, seen: number): void => {
    for (let from = start; from < start + length;) {
      const block = Math.floor(from / GRADIENT_BLOCK)
      const to = Math.min(start + length, (block + 1) * GRADIENT_BLOCK)
      const seenHere = Math.min(seen - (from - start), to - from)
      // Each next query sees one key more; those that see none of these are left out.
      const skipped = Math.max(0, 1 - seenHere)
      const { queryStart, queryLength } = segment
      visitors[block]!.push(queryStart + skipped, queryLength - skipped, from, to - from, seenHere + skipped)
      from = to
    }
  }
  for (const segment of segments) {
    const { queryLength, prefixStart, prefixLength, keyStart, keyLength } = segment
    if (queryLength === 0) continue
    visit(segment, prefixStart, prefixLength, prefixLength)
    visit(segment, keyStart, keyLength, keyLength - queryLength + 1)
  }
  const offsets: number[] = []
  let end = (visitors.length + 1) * 4
  for (const block of visitors) {
    offsets.push(end)
    end += block.length * 4
  }
  return Int32Array.from([...offsets, end, ...visitors.flat()])
}

/** Runs a kernel of assembly/attention.ts on its list of work, once for each key-value head. */
function runAttention(
  { runtime }: CpuBackend,
  kernelId: number,
  { numHeads, numKeyValueHeads, headDim, operations }: AttentionShape,
  work: {
    /** Of q, k, v, y, logSumExp and, for the gradient, of dy, delta, dq, dk, dv. */
    addresses: readonly number[]
    list: Int32Array
    entries: number
    scratchBytes: number
    /** Rows of dk and dv. */
    keys?: number
    /** How many times `operations` multiply-adds the kernel does. */
    products: number
  },
): void {
  const scratch = runtime.scratch(work.scratchBytes)
  const list = runtime.allocator.allocate(work.list.length * 4)
  new Int32Array(runtime.allocator.memory.buffer, list, work.list.length).set(work.list)
  const { args, floatArgs } = runtime
  args.set(work.addresses)
  args[10] = numHeads
  args[11] = numKeyValueHeads
  args[12] = headDim
  args[13] = work.keys ?? 0
  floatArgs[14] = headDim ** -0.5
  args[15] = list
  args[16] = work.entries
  args[17] = scratch.address
  args[18] = scratch.stride
  runtime.run(kernelId, work.entries * numKeyValueHeads, operations * work.products)
  runtime.allocator.release(list)
}

export const attentionKernels = [kernel('Attention', attention), kernel('AttentionGradient', attentionGradient)]
