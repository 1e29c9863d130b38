import type * as tf from '../../../bundled/tfjs.js'
import type { AttentionOptions } from '../../../ops/attention.js'
import { attentionPairs } from '../../operations.js'
import { EngineError } from '../../../errors.js'
import type { CpuBackend } from '../backend.js'
import { GRADIENT_BLOCK, KernelId, KEY_BLOCK, QUERY_BLOCK } from '../constants.js'
import type { KernelCalls } from '../kernelCalls.js'
import { callAttentionPanels } from './attentionPanels.js'
import { attentionWork, queryList } from './attentionWork.js'
import type { WorkList } from './attentionWork.js'
import { kernel } from './kernel.js'

/** Rows (queries, once for each query head of a key-value head) of a tile: so many share what is read of keys and values. */
const TILE_ROWS = 48
/** Rows that a tile should have at least, so that they are a block, and how many tiles a thread should have to choose from. */
const FEWEST_ROWS = 6
const TILES_PER_THREAD = 4
/** Bytes of a row of scores; see assembly/attentionTile.ts. */
const SCORE_ROW_BYTES = (KEY_BLOCK + 16) * 4

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
export function attention(
  backend: CpuBackend,
  { q, k, v }: AttentionInputs,
  options: AttentionOptions,
): tf.TensorInfo[] {
  const { runtime } = backend
  const [n, width] = q.shape as [number, number]
  const y = backend.allocate([n, width])
  const logSumExp = backend.allocate([n, options.numHeads])
  const work = attentionWork(options.segments)
  if (work.queries !== n) {
    backend.floats(y.info).fill(0)
    backend.floats(logSumExp.info).fill(0)
  }
  const shape = attentionShape(options, width, work, runtime.threads)
  const queries = work.queryList(shape.tileQueries)
  const list = backend.runtime.allocator.place(queries.words)
  const keyPanels = packPanels(backend, shape, work.panels, backend.address(k), shape.scale)
  callForward(runtime, shape, queries.entries, {
    q: backend.address(q),
    v: backend.address(v),
    y: y.address,
    logSumExp: logSumExp.address,
    keyPanels,
    list,
  })
  for (const address of [list, keyPanels]) runtime.allocator.release(address)
  return [y.info, logSumExp.info]
}

/** [dq, dk, dv], with the shapes of q, k and v. */
export function attentionGradient(
  backend: CpuBackend,
  { dy, q, k, v, y, logSumExp }: AttentionGradientInputs,
  options: AttentionOptions,
): tf.TensorInfo[] {
  const { runtime } = backend
  const { allocator } = runtime
  const [n, width] = q.shape as [number, number]
  const dq = backend.allocate([n, width])
  const dk = backend.allocate(k.shape)
  const dv = backend.allocate(v.shape)
  const work = attentionWork(options.segments)
  if (work.queries !== n) backend.floats(dq.info).fill(0)
  const shape = attentionShape(options, width, work, runtime.threads)
  const { tileRows, paddedBytes } = shape
  const queries = work.queryList(shape.tileQueries)
  const keys = work.keyList(k.shape[0]!)
  const made = {
    delta: allocator.allocate(n * options.numHeads * 4), // Σ dy·y of each query and head
    keyPanels: packPanels(backend, shape, work.panels, backend.address(k), shape.scale),
    valuePanels: packPanels(backend, shape, work.panels, backend.address(v), 1),
  }
  const addresses = {
    ...made,
    q: backend.address(q),
    k: backend.address(k),
    y: backend.address(y),
    logSumExp: backend.address(logSumExp),
    dy: backend.address(dy),
    dq: dq.address,
    dk: dk.address,
    dv: dv.address,
  }
  const lists = [backend.runtime.allocator.place(queries.words), backend.runtime.allocator.place(keys.words)] as const
  callAttention(runtime, KernelId.attentionQueryGradient, shape, {
    addresses: { ...addresses, list: lists[0] },
    entries: queries.entries,
    products: 3,
    scratchBytes: tileRows * (3 * paddedBytes + 2 * SCORE_ROW_BYTES) + shape.copyBytes(KEY_BLOCK),
  })
  callAttention(runtime, KernelId.attentionKeyGradient, shape, {
    addresses: { ...addresses, list: lists[1] },
    entries: keys.entries,
    products: 4,
    scratchBytes: 2 * (QUERY_BLOCK * SCORE_ROW_BYTES + GRADIENT_BLOCK * paddedBytes) + shape.copyBytes(QUERY_BLOCK),
  })
  for (const address of [...Object.values(made), ...lists]) allocator.release(address)
  return [dq.info, dk.info, dv.info]
}

/** Attention over a cache of panels, to be called by addresses: for the layers of a step, which have the segments in common. */
export interface CachedAttentionCall {
  /** What the kernel reads about the segments; the caller sees to where it lies. */
  readonly list: Int32Array
  /** Of the list: lists with as many entries are for the same calls. */
  readonly entries: number
  call(
    calls: KernelCalls,
    addresses: {
      q: number // [N, H·D]
      /** Keys times headDim ** -0.5: panel p holds those of the slots 16 · p … 16 · p + 15. */
      keyPanels: number // [slots / 16, G·D, 16]
      v: number // [slots, G·D]
      y: number // [N, H·D]
      logSumExp: number // [N, H]
      list: number
    },
  ): void
}

/**
 * Attention of segments that hold every query, whose keys are slots of a cache of panels.
 * @throws EngineError when keys of a segment do not begin with a panel
 */
export function cachedAttentionCall(
  options: AttentionOptions,
  width: number, // H·D
  threads: number,
): CachedAttentionCall {
  const used = options.segments.filter(({ queryLength }) => queryLength > 0)
  const queries = used.reduce((sum, { queryLength }) => sum + queryLength, 0)
  const shape = attentionShape(options, width, { queries, pairs: attentionPairs(used) }, threads)
  const { words, entries } = queryList(used, panelOfSlot, shape.tileQueries)
  return {
    list: words,
    entries,
    call: (calls, addresses) => {
      callForward(calls, shape, entries, addresses)
    },
  }
}

function panelOfSlot(start: number): number {
  if (start % 16 === 0) return start / 16
  throw new EngineError(`internal: keys begin at slot ${start} of a cache of panels; expected a multiple of 16`)
}

interface AttentionShape {
  readonly numHeads: number
  readonly numKeyValueHeads: number
  readonly headDim: number
  readonly scale: number
  /** Bytes of a head's numbers, filled up to whole blocks of 16. */
  readonly paddedBytes: number
  readonly tileQueries: number
  readonly tileRows: number
  /** Multiply-adds of one product between queries and keys. */
  readonly operations: number
  /** Bytes of copies of rows, for a head dimension that is no multiple of 16. */
  readonly copyBytes: (rows: number) => number
}

function attentionShape(
  { numHeads, numKeyValueHeads }: AttentionOptions,
  width: number, // H·D
  work: { queries: number; pairs: number },
  threads: number,
): AttentionShape {
  const headDim = width / numHeads
  const group = numHeads / numKeyValueHeads
  const paddedBytes = Math.ceil(headDim / 16) * 64
  const wanted = Math.ceil((TILES_PER_THREAD * threads) / numKeyValueHeads)
  const most = Math.floor(TILE_ROWS / group)
  const tileQueries = Math.max(1, Math.min(most, Math.max(Math.ceil(work.queries / wanted), FEWEST_ROWS / group)))
  return {
    numHeads,
    numKeyValueHeads,
    headDim,
    scale: headDim ** -0.5,
    paddedBytes,
    tileQueries: Math.floor(tileQueries),
    tileRows: Math.floor(tileQueries) * group,
    operations: work.pairs * numHeads * headDim,
    copyBytes: (rows) => (headDim % 16 === 0 ? 0 : rows * paddedBytes),
  }
}

/** Makes panels of the keys that are seen, or of their values, times a factor. They are the caller's to release. */
function packPanels(
  backend: CpuBackend,
  { numKeyValueHeads, headDim }: AttentionShape,
  panels: WorkList,
  from: number,
  factor: number,
): number {
  const { runtime } = backend
  const width = numKeyValueHeads * headDim
  const to = runtime.allocator.allocate(panels.entries * 16 * width * 4)
  const list = backend.runtime.allocator.place(panels.words)
  callAttentionPanels(runtime, { from, to, width, factor, list, entries: panels.entries })
  runtime.allocator.release(list)
  return to
}

/** Places of the addresses among the arguments; see assembly/attentionTile.ts. */
const ADDRESSES = {
  q: 0,
  k: 1,
  v: 2,
  y: 3,
  logSumExp: 4,
  dy: 5,
  delta: 6,
  dq: 7,
  dk: 8,
  dv: 9,
  keyPanels: 10,
  valuePanels: 11,
  list: 16,
} as const

/** Calls the forward kernel. */
function callForward(
  calls: KernelCalls,
  shape: AttentionShape,
  entries: number,
  addresses: Readonly<Record<'q' | 'v' | 'y' | 'logSumExp' | 'keyPanels' | 'list', number>>,
): void {
  const { tileRows, paddedBytes, copyBytes } = shape
  const scratchBytes =
    tileRows * (2 * paddedBytes + SCORE_ROW_BYTES) + 192 * Math.ceil(tileRows / 16) + 128 + copyBytes(KEY_BLOCK)
  callAttention(calls, KernelId.attention, shape, { addresses, entries, products: 2, scratchBytes })
}

/** Calls a kernel for its list of work, once for each key-value head. */
function callAttention(
  calls: KernelCalls,
  kernelId: number,
  { numHeads, numKeyValueHeads, headDim, scale, operations }: AttentionShape,
  work: {
    addresses: Readonly<Partial<Record<keyof typeof ADDRESSES, number>>>
    entries: number
    /** Products between queries and keys that the kernel computes. */
    products: number
    scratchBytes: number
  },
): void {
  const scratch = calls.scratch(work.scratchBytes)
  const { args, floatArgs } = calls
  for (const [name, address] of Object.entries(work.addresses)) {
    args[ADDRESSES[name as keyof typeof ADDRESSES]] = address
  }
  args[12] = numHeads
  args[13] = numKeyValueHeads
  args[14] = headDim
  floatArgs[15] = scale
  args[17] = work.entries
  args[18] = scratch.address
  args[19] = scratch.stride
  calls.run(kernelId, work.entries * numKeyValueHeads, work.products * operations)
}

export const attentionKernels = [kernel('Attention', attention), kernel('AttentionGradient', attentionGradient)]
