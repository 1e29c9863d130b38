import type * as tf from '../../../bundled/tfjs.js'
import type { AttentionOptions } from '../../../ops/attention.js'
import type { CpuBackend } from '../backend.js'
import { GRADIENT_BLOCK, KernelId, KEY_BLOCK, QUERY_BLOCK, TILE_PANELS } from '../constants.js'
import type { KernelCalls } from '../kernelCalls.js'
import { attentionWork } from './attentionWork.js'
import type { AttentionWork, WorkList } from './attentionWork.js'
import { kernel } from './kernel.js'

/** Rows (queries, once for each query head of a key-value head) of a tile: so many share what is read of keys and values. */
const TILE_ROWS = 48
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
function attention(backend: CpuBackend, { q, k, v }: AttentionInputs, options: AttentionOptions): tf.TensorInfo[] {
  const [n, width] = q.shape as [number, number]
  const y = backend.allocate([n, width])
  const logSumExp = backend.allocate([n, options.numHeads])
  const shape = attentionShape(options, width)
  if (shape.work.queries !== n) {
    backend.floats(y.info).fill(0)
    backend.floats(logSumExp.info).fill(0)
  }
  const keyPanels = packPanels(backend, shape, backend.address(k), shape.scale)
  const addresses = { q: backend.address(q), v: backend.address(v), y: y.address, logSumExp: logSumExp.address }
  run(backend, KernelId.attention, shape, { addresses: { ...addresses, keyPanels }, ...forwardWork(shape) })
  backend.runtime.allocator.release(keyPanels)
  return [y.info, logSumExp.info]
}

function forwardWork(shape: AttentionShape): Omit<Work, 'addresses'> {
  const { work, tileQueries, tileRows, paddedBytes } = shape
  return {
    list: work.queryList(tileQueries),
    products: 2,
    scratchBytes:
      tileRows * (2 * paddedBytes + SCORE_ROW_BYTES) +
      192 * Math.ceil(tileRows / 16) +
      128 +
      shape.copyBytes(KEY_BLOCK),
  }
}

/** Attention of segments that hold every query, to be called by addresses: for layers that have the segments in common. */
export interface AttentionCalls {
  /** What the kernels read about the segments; the caller sees to where they lie. */
  readonly panelList: Int32Array
  readonly queryList: Int32Array
  /** Of the panels that {@link AttentionCalls.pack} makes. */
  readonly panelBytes: number
  pack(calls: KernelCalls, addresses: { k: number /* [S, G·D] */; keyPanels: number; list: number }): void
  attend(
    calls: KernelCalls,
    addresses: {
      q: number // [N, H·D]
      v: number // [S, G·D]
      keyPanels: number
      y: number // [N, H·D]
      logSumExp: number // [N, H]
      list: number
    },
  ): void
}

export function attentionCalls(options: AttentionOptions, width: number /* H·D */): AttentionCalls {
  const shape = attentionShape(options, width)
  const work = forwardWork(shape)
  return {
    panelList: shape.work.panels.words,
    queryList: work.list.words,
    panelBytes: panelFloats(shape) * 4,
    pack(calls, { k, keyPanels, list }) {
      callPanels(calls, shape, { matrix: k, panels: keyPanels, list, factor: shape.scale })
    },
    attend(calls, { list, ...addresses }) {
      call(calls, KernelId.attention, shape, { ...work, addresses }, list)
    },
  }
}

/** [dq, dk, dv], with the shapes of q, k and v. */
function attentionGradient(
  backend: CpuBackend,
  { dy, q, k, v, y, logSumExp }: AttentionGradientInputs,
  options: AttentionOptions,
): tf.TensorInfo[] {
  const { allocator } = backend.runtime
  const [n, width] = q.shape as [number, number]
  const dq = backend.allocate([n, width])
  const dk = backend.allocate(k.shape)
  const dv = backend.allocate(v.shape)
  const shape = attentionShape(options, width)
  const { work, tileRows, paddedBytes } = shape
  if (work.queries !== n) backend.floats(dq.info).fill(0)
  const addresses = {
    q: backend.address(q),
    k: backend.address(k),
    y: backend.address(y),
    logSumExp: backend.address(logSumExp),
    dy: backend.address(dy),
    delta: allocator.allocate(n * options.numHeads * 4), // Σ dy·y of each query and head
    dq: dq.address,
    dk: dk.address,
    dv: dv.address,
    keyPanels: packPanels(backend, shape, backend.address(k), shape.scale),
    valuePanels: packPanels(backend, shape, backend.address(v), 1),
  }
  run(backend, KernelId.attentionQueryGradient, shape, {
    addresses,
    list: work.queryList(shape.tileQueries),
    products: 3,
    scratchBytes: tileRows * (3 * paddedBytes + 2 * SCORE_ROW_BYTES) + shape.copyBytes(KEY_BLOCK),
  })
  run(backend, KernelId.attentionKeyGradient, shape, {
    addresses,
    list: work.keyList(k.shape[0]!),
    products: 4,
    scratchBytes: 2 * (QUERY_BLOCK * SCORE_ROW_BYTES + GRADIENT_BLOCK * paddedBytes) + shape.copyBytes(QUERY_BLOCK),
  })
  for (const address of [addresses.delta, addresses.keyPanels, addresses.valuePanels]) allocator.release(address)
  return [dq.info, dk.info, dv.info]
}

interface AttentionShape {
  readonly work: AttentionWork
  readonly numHeads: number
  readonly numKeyValueHeads: number
  readonly headDim: number
  readonly scale: number
  /** Bytes of a head's numbers, filled up to whole blocks of 16. */
  readonly paddedBytes: number
  readonly tileQueries: number
  readonly tileRows: number
  /** Bytes of copies of rows, for a head dimension that is no multiple of 16. */
  readonly copyBytes: (rows: number) => number
}

function attentionShape({ segments, numHeads, numKeyValueHeads }: AttentionOptions, width: number): AttentionShape {
  const headDim = width / numHeads
  const group = numHeads / numKeyValueHeads
  const paddedBytes = Math.ceil(headDim / 16) * 64
  const tileQueries = Math.max(1, Math.floor(TILE_ROWS / group))
  return {
    work: attentionWork(segments),
    numHeads,
    numKeyValueHeads,
    headDim,
    scale: headDim ** -0.5,
    paddedBytes,
    tileQueries,
    tileRows: tileQueries * group,
    copyBytes: (rows) => (headDim % 16 === 0 ? 0 : rows * paddedBytes),
  }
}

/** Makes panels of the keys that are seen, or of their values, times a factor. They are the caller's to release. */
function packPanels(backend: CpuBackend, shape: AttentionShape, matrix: number, factor: number): number {
  const { runtime } = backend
  const panels = runtime.allocator.allocate(panelFloats(shape) * 4)
  const list = place(backend, shape.work.panels.words)
  callPanels(runtime, shape, { matrix, panels, list, factor })
  runtime.allocator.release(list)
  return panels
}

function panelFloats({ work, numKeyValueHeads, headDim }: AttentionShape): number {
  return work.panels.entries * 16 * numKeyValueHeads * headDim
}

function callPanels(
  calls: KernelCalls,
  shape: AttentionShape,
  { matrix, panels, list, factor }: { matrix: number; panels: number; list: number; factor: number },
): void {
  const { entries } = shape.work.panels
  calls.args.set([matrix, panels, shape.numKeyValueHeads * shape.headDim * 4, 0, list, entries])
  calls.floatArgs[3] = factor
  calls.run(KernelId.attentionPanels, Math.ceil(entries / TILE_PANELS), panelFloats(shape))
}

/** Copies a list of work to memory of the kernels; its address. */
function place({ runtime: { allocator } }: CpuBackend, words: Int32Array): number {
  const list = allocator.allocate(words.byteLength)
  new Int32Array(allocator.memory.buffer, list, words.length).set(words)
  return list
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
} as const

/** Runs a kernel on its list of work, once for each key-value head. */
function run(backend: CpuBackend, kernelId: number, shape: AttentionShape, work: Work): void {
  const list = place(backend, work.list.words)
  call(backend.runtime, kernelId, shape, work, list)
  backend.runtime.allocator.release(list)
}

interface Work {
  readonly addresses: Partial<Record<keyof typeof ADDRESSES, number>>
  readonly list: WorkList
  /** Products between queries and keys that the kernel computes. */
  readonly products: number
  readonly scratchBytes: number
}

/** Calls a kernel with its list of work at an address. */
function call(
  calls: KernelCalls,
  kernelId: number,
  { work: { pairs }, numHeads, numKeyValueHeads, headDim, scale }: AttentionShape,
  work: Work,
  list: number,
): void {
  const scratch = calls.scratch(work.scratchBytes)
  const { args, floatArgs } = calls
  for (const [name, address] of Object.entries(work.addresses))
    args[ADDRESSES[name as keyof typeof ADDRESSES]] = address
  args[12] = numHeads
  args[13] = numKeyValueHeads
  args[14] = headDim
  floatArgs[15] = scale
  args[16] = list
  args[17] = work.list.entries
  args[18] = scratch.address
  args[19] = scratch.stride
  calls.run(kernelId, work.list.entries * numKeyValueHeads, work.products * pairs * numHeads * headDim)
}

export const attentionKernels = [kernel('Attention', attention), kernel('AttentionGradient', attentionGradient)]
