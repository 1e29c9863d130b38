import { callAdd } from '../../backend/cpu/kernels/add.js'
import { callAttentionPanelCopy, callAttentionPanels } from '../../backend/cpu/kernels/attentionPanels.js'
import { callCopyRows } from '../../backend/cpu/kernels/copyRows.js'
import { callLinear, callLoraA } from '../../backend/cpu/kernels/linearProducts.js'
import { callRmsNorm } from '../../backend/cpu/kernels/rmsNorm.js'
import { callRope } from '../../backend/cpu/kernels/rope.js'
import { callSwiglu } from '../../backend/cpu/kernels/swiglu.js'
import type { KernelList } from '../../backend/cpu/kernelList.js'
import type { ModelConfig } from '../../model/config.js'
import { projectionShape } from '../../model/modelTensors.js'
import type { Projection } from '../../model/modelTensors.js'
import type { SlotCopy } from './packedBatch.js'
import type { StepBuffers } from './planMemory.js'
import type { PlanLayer, SharedInput } from './planWeights.js'

/** Where the results of projections go that are kept. */
export interface KeptPlaces {
  /** Of each layer. */
  readonly tables: readonly Readonly<Record<Projection, number>>[] // [capacity, out] each
  /** First of the consecutive rows that all tokens go to, so that products write there; null when they are copied instead. */
  readonly firstRow: number | null
  /** The tokens to be copied and the rows that they go to. */
  readonly from: number // [count]
  readonly to: number // [count]
  readonly count: number
}

/** A step, as its layers see it; addresses. */
export interface StepPlan {
  readonly config: ModelConfig
  readonly tokens: number
  readonly buffers: StepBuffers
  readonly positions: number // [N]
  readonly slots: number // [N]
  /** What brings the tokens' keys to their slots. */
  readonly panels: { readonly list: number; readonly entries: number }
  readonly slotCopies: readonly SlotCopy[]
  /** Tables of all positions. */
  readonly rotary: RotaryTables
  readonly attention: {
    readonly list: number
    readonly entries: number
    /** Adds attention over the cache to the calls: from queries [N, H·D] to `mixed`. */
    readonly add: (calls: KernelList, queries: number, cache: LayerCache) => void
  }
  readonly kept: KeptPlaces | null
}

/** Cosines and sines of the first positions, by addresses. */
export interface RotaryTables {
  readonly cos: number // [tableRows, headDim / 2]
  readonly sin: number // [tableRows, headDim / 2]
  readonly tableRows: number
}

/** The cache of a layer by addresses. */
export interface LayerCache {
  /** Times headDim ** -0.5. */
  readonly keys: number // [slots / 16, G·D, 16]
  readonly values: number // [slots, G·D]
}

/** Adds the calls of a decoder's layer, which goes from `x` to `x`; see ./decoder.ts for what it computes. */
export function addLayer(calls: KernelList, step: StepPlan, layer: PlanLayer, cache: LayerCache, index: number): void {
  const { config, tokens, buffers } = step
  const { x, normed } = buffers
  const norm = (from: number, weight: number, rows = tokens, width = config.hiddenSize, out = normed): void => {
    callRmsNorm(calls, { x: from, weight, out, rows, width, epsilon: config.rmsNormEpsilon })
  }
  const project = projectInto(calls, step, layer, index)

  norm(x, layer.inputNorm)
  calls.barrier()
  addDownProducts(calls, step, layer.inputs.q_proj, normed, config.hiddenSize)
  const queries = project('q_proj', normed, buffers.queries)
  const keys = project('k_proj', normed, buffers.keys)
  const values = project('v_proj', normed, buffers.values)
  calls.barrier()
  keepCopies(calls, step, index, [
    ['q_proj', queries],
    ['k_proj', keys],
    ['v_proj', values],
  ])
  calls.barrier()
  const placed = addHeads(calls, step, layer, cache, index, { queries, keys, values })
  calls.barrier()
  addSlotCopies(calls, step, cache)
  step.attention.add(calls, placed, cache)
  calls.barrier()
  addDownProducts(calls, step, layer.inputs.o_proj, buffers.mixed, config.numHeads * config.headDim)
  addResidual(calls, step, index, project, 'o_proj', buffers.mixed)

  norm(x, layer.postAttentionNorm)
  calls.barrier()
  addDownProducts(calls, step, layer.inputs.gate_proj, normed, config.hiddenSize)
  const gate = project('gate_proj', normed, buffers.gate)
  const up = project('up_proj', normed, buffers.up)
  calls.barrier()
  keepCopies(calls, step, index, [
    ['gate_proj', gate],
    ['up_proj', up],
  ])
  calls.barrier()
  callSwiglu(calls, { gate, up, out: buffers.gate, size: tokens * config.intermediateSize })
  calls.barrier()
  addDownProducts(calls, step, layer.inputs.down_proj, buffers.gate, config.intermediateSize)
  addResidual(calls, step, index, project, 'down_proj', buffers.gate)
}

/** Adds a projection's product to the calls and returns where its result will lie. */
type Project = (projection: Projection, input: number, output: number, accumulate?: boolean) => number

function projectInto(calls: KernelList, step: StepPlan, layer: PlanLayer, index: number): Project {
  const { buffers, tokens, kept } = step
  return (projection, input, output, accumulate = false) => {
    const { weight, bias, low } = layer.projections[projection]
    const out = weight.shape[0]
    const aRowStride = layer.inputs[INPUT_OF[projection]].rank * 4
    const isDirect = kept !== null && kept.firstRow !== null
    const y = isDirect ? kept.tables[index]![projection] + kept.firstRow * out * 4 : output
    callLinear(calls, {
      x: input,
      weight,
      y,
      rows: tokens,
      bias,
      accumulate,
      ...(low && {
        low: { a: buffers.low + low.offset * 4, aRowStride, b: low.b, bDepthStride: 0, depth: low.rank },
      }),
    })
    return y
  }
}

/** The first of the projections that take the same input. */
const INPUT_OF = {
  q_proj: 'q_proj',
  k_proj: 'q_proj',
  v_proj: 'q_proj',
  o_proj: 'o_proj',
  gate_proj: 'gate_proj',
  up_proj: 'gate_proj',
  down_proj: 'down_proj',
} as const

/** Adds the products with an adapter's As to the calls, and a barrier behind them where there are any. */
function addDownProducts(
  calls: KernelList,
  { buffers, tokens }: StepPlan,
  { products, rank }: SharedInput,
  input: number, // [N, width]
  width: number,
): void {
  for (const { panels, columns, offset, scale } of products) {
    const low = buffers.low + offset * 4
    callLoraA(calls, { x: input, width, panels, columns, scale, low, lowWidth: rank, rows: tokens })
  }
  calls.barrier()
}

/** Adds x ← x + projection(input) to the calls. */
function addResidual(
  calls: KernelList,
  step: StepPlan,
  index: number,
  project: Project,
  projection: Projection,
  input: number,
): void {
  const { x, normed } = step.buffers
  if (!step.kept) project(projection, input, x, true)
  else {
    // `normed` is not needed any more: the projections that read it are done.
    const y = project(projection, input, normed)
    calls.barrier()
    keepCopies(calls, step, index, [[projection, y]])
    callAdd(calls, { a: x, b: y, out: x, size: step.tokens * step.config.hiddenSize })
  }
  calls.barrier()
}

/** Adds to the calls that results of projections are copied to where they are kept, unless they were computed there. */
function keepCopies(
  calls: KernelList,
  { kept, config }: StepPlan,
  index: number,
  results: readonly (readonly [projection: Projection, address: number])[],
): void {
  if (kept?.firstRow !== null) return
  for (const [projection, from] of results) {
    callCopyRows(calls, {
      from,
      fromRows: kept.from,
      to: kept.tables[index]![projection],
      toRows: kept.to,
      count: kept.count,
      width: projectionShape(config, projection)[0],
    })
  }
}

/**
 * Adds to the calls what becomes of queries, keys and values: norm of each head where the model has one, the rotary embedding where the
 * layer has one, and the way of keys and values into the cache.
 * @returns where the queries are then
 */
function addHeads(
  calls: KernelList,
  step: StepPlan,
  layer: PlanLayer,
  cache: LayerCache,
  index: number,
  from: { queries: number; keys: number; values: number },
): number {
  const { config, tokens, buffers, slots, panels, positions, rotary } = step
  const { numHeads, numKeyValueHeads, headDim } = config
  const keyWidth = numKeyValueHeads * headDim
  let { queries, keys } = from
  if (layer.queryNorm || layer.keyNorm) {
    const normHeads = (x: number, weight: number, out: number, heads: number): number => {
      if (!weight) return x
      const rows = tokens * heads
      callRmsNorm(calls, { x, weight, out, rows, width: headDim, epsilon: config.rmsNormEpsilon })
      return out
    }
    queries = normHeads(queries, layer.queryNorm, buffers.queries, numHeads)
    keys = normHeads(keys, layer.keyNorm, buffers.keys, numKeyValueHeads)
    calls.barrier()
  }
  const toSlots = { fromRows: 0, toRows: slots, count: tokens, width: keyWidth }
  callCopyRows(calls, { ...toSlots, from: from.values, to: cache.values })
  if (config.ropeLayers[index]) {
    const shared = { ...rotary, rows: tokens, half: headDim / 2, positions }
    callRope(calls, { ...shared, x: queries, out: buffers.queries, width: numHeads * headDim })
    callRope(calls, { ...shared, x: keys, out: buffers.keys, width: keyWidth })
    calls.barrier()
    queries = buffers.queries
    keys = buffers.keys
  }
  callAttentionPanels(calls, { ...panels, from: keys, to: cache.keys, width: keyWidth, factor: headDim ** -0.5 })
  return queries
}

/** Adds to the calls that runs of slots are copied to others, one after another. */
function addSlotCopies(calls: KernelList, { config, slotCopies }: StepPlan, { keys, values }: LayerCache): void {
  const width = config.numKeyValueHeads * config.headDim
  for (const { from, to, length } of slotCopies) {
    const at = (slot: number): number => values + slot * width * 4
    callCopyRows(calls, { from: at(from), fromRows: 0, to: at(to), toRows: 0, count: length, width })
    callAttentionPanelCopy(calls, { panels: keys, width, from, to, length })
    calls.barrier()
  }
}
