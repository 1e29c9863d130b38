import type * as tf from '../../../bundled/tfjs.js'
import type { TokenLogProbsAttributes } from '../../../ops/tokenLogProbs.js'
import type { PackedWeight } from '../../../ops/weight.js'
import type { CpuBackend } from '../backend.js'
import { gemm, PanelMode } from '../gemm.js'
import { BLOCK_COLUMNS, KernelId, ROW_STATE_BYTES } from '../constants.js'
import type { Runtime } from '../runtime.js'
import { kernel } from './kernel.js'
import { panelsFrom, panelWeight } from './panelWeight.js'

/** Rows whose logits are computed at a time: at most 8 MiB of logits. */
export const CHUNK_ROWS = 1024
/** Rows of a tile of the passes over the logits. */
const SOFTMAX_TILE_ROWS = 4
/** Rough cost of a logit in multiply-adds, beside its matrix product: an exponential, a division and some products. */
const LOG_SOFTMAX_OPERATIONS = 16

/** A block of logits in memory. */
interface Block {
  address: number
  firstRow: number
  rows: number
  /** Number of the first token. */
  column: number
  columns: number
}

/** Log-probabilities [N], entropies [N], and for the gradient the largest logit and log Σ e^(z − max) of each row [N, 2]. */
function tokenLogProbs(
  backend: CpuBackend,
  { hidden }: { hidden: tf.TensorInfo }, // [N, D]
  { targets, temperature, known }: TokenLogProbsAttributes,
  { weight }: { weight: PackedWeight },
): tf.TensorInfo[] {
  if (known) {
    const { logProbs, entropies, statistics } = known
    const shape = [targets.length]
    return [
      backend.makeTensorInfo(shape, 'float32', logProbs),
      backend.makeTensorInfo(shape, 'float32', entropies),
      backend.makeTensorInfo([...shape, 2], 'float32', statistics),
    ]
  }
  const { runtime } = backend
  const { args, allocator } = runtime
  const rows = hidden.shape[0]!
  const logProbs = backend.allocate([rows])
  const entropies = backend.allocate([rows])
  const statistics = backend.allocate([rows, 2])
  const targetsAddress = allocator.place(targets)
  const states = allocator.allocate(Math.min(rows, CHUNK_ROWS) * ROW_STATE_BYTES)
  forEachBlock(backend, hidden, weight, CHUNK_ROWS, (block) => {
    setBlockArguments(runtime, block, targetsAddress, temperature)
    args[7] = states
    args[8] = block.column + block.columns === weight.shape[0] ? 1 : 0
    args[9] = logProbs.address + block.firstRow * 4
    args[10] = entropies.address + block.firstRow * 4
    args[11] = statistics.address + block.firstRow * 8
    runBlock(runtime, KernelId.logSoftmax, block)
  })
  allocator.release(states)
  allocator.release(targetsAddress)
  return [logProbs.info, entropies.info, statistics.info]
}

interface GradientInputs {
  hidden: tf.TensorInfo // [N, D]
  entropies: tf.TensorInfo // [N]
  statistics: tf.TensorInfo // [N, 2]
  dLogProbs: tf.TensorInfo // [N]
  dEntropies: tf.TensorInfo // [N]
}

interface Head {
  weight: PackedWeight // [V, D]
}

/** Gradient with respect to hidden [N, D]; where they were known before, also the log-probabilities [N]. */
function tokenLogProbsGradient(
  backend: CpuBackend,
  inputs: GradientInputs,
  attributes: TokenLogProbsAttributes,
  head: Head,
): tf.TensorInfo[] {
  const dHidden = backend.allocate(inputs.hidden.shape)
  const logProbs = attributes.known && backend.allocate([inputs.hidden.shape[0]!])
  const to = { chunkRows: CHUNK_ROWS, dHidden: dHidden.address, dWeight: null, logProbs: logProbs?.address ?? 0 }
  backpropagate(backend, inputs, attributes, head, to)
  return logProbs ? [dHidden.info, logProbs.info] : [dHidden.info]
}

/** Gradients with respect to hidden [N, D] and to the weight [V, D]; where they were known before, also the log-probabilities [N]. */
function trainableTokenLogProbsGradient(
  backend: CpuBackend,
  inputs: GradientInputs,
  attributes: TokenLogProbsAttributes,
  head: Head,
): tf.TensorInfo[] {
  const rows = inputs.hidden.shape[0]!
  const dHidden = backend.allocate(inputs.hidden.shape)
  const dWeight = backend.allocate(head.weight.shape)
  const logProbs = attributes.known && backend.allocate([rows])
  // Without rows there is no block that sets it.
  if (rows === 0) backend.floats(dWeight.info).fill(0)
  // All rows together, so that each number of the weight's gradient is one sum.
  const to = {
    chunkRows: Math.max(1, rows),
    dHidden: dHidden.address,
    dWeight: dWeight.address,
    logProbs: logProbs?.address ?? 0,
  }
  backpropagate(backend, inputs, attributes, head, to)
  return [dHidden.info, dWeight.info, ...(logProbs ? [logProbs.info] : [])]
}

function backpropagate(
  backend: CpuBackend,
  inputs: GradientInputs,
  { targets, temperature }: TokenLogProbsAttributes,
  { weight }: Head,
  to: {
    /** Rows whose logits are computed at a time. */
    chunkRows: number
    /** Addresses of the gradients. */
    dHidden: number
    dWeight: number | null
    /** Address of the log-probabilities; 0 where they are not wanted. */
    logProbs: number
  },
): void {
  const { runtime } = backend
  const { args, allocator } = runtime
  const width = weight.shape[1]
  const entropies = backend.address(inputs.entropies)
  const statistics = backend.address(inputs.statistics)
  const dLogProbs = backend.address(inputs.dLogProbs)
  const dEntropies = backend.address(inputs.dEntropies)
  const targetsAddress = allocator.place(targets)
  const hidden = backend.address(inputs.hidden)
  const transposed = panelWeight(backend, weight, true)
  const states = allocator.allocate(to.logProbs ? Math.min(targets.length, to.chunkRows) * ROW_STATE_BYTES : 0)
  forEachBlock(backend, inputs.hidden, weight, to.chunkRows, (block) => {
    setBlockArguments(runtime, block, targetsAddress, temperature)
    args[7] = states
    args[8] = block.column + block.columns === weight.shape[0] ? 1 : 0
    args[9] = to.logProbs && to.logProbs + block.firstRow * 4
    args[10] = entropies + block.firstRow * 4
    args[11] = statistics + block.firstRow * 8
    args[12] = dLogProbs + block.firstRow * 4
    args[13] = dEntropies + block.firstRow * 4
    runBlock(runtime, KernelId.logSoftmaxGradient, block)
    const panels = panelsFrom(transposed, block.column)
    gemm(runtime, {
      a: block.address,
      aRowStride: block.columns * 4,
      aDepthStride: 4,
      b: panels.address,
      mode: panels.mode,
      scaling: panels.scaling,
      c: to.dHidden + block.firstRow * width * 4,
      cRowStride: width * 4,
      rows: block.rows,
      columns: width,
      depth: block.columns,
      accumulate: block.column > 0,
    })
    if (to.dWeight === null) return
    // Its transposed, which reads both matrices in the order in which they lie.
    gemm(runtime, {
      a: hidden,
      aRowStride: 4,
      aDepthStride: width * 4,
      b: block.address,
      mode: PanelMode.strided,
      bDepthStride: block.columns * 4,
      bColumnStride: 4,
      c: to.dWeight + block.column * width * 4,
      cRowStride: 4,
      cColumnStride: width * 4,
      rows: width,
      columns: block.columns,
      depth: block.rows,
    })
  })
  allocator.release(states)
  allocator.release(targetsAddress)
}

/**
 * Computes the logits hidden·Wᵀ block by block, with the bits that `linear` gives them. Blocks of one chunk of rows come in the
 * order of the vocabulary; each is handed to `body` and then overwritten.
 */
function forEachBlock(
  backend: CpuBackend,
  hidden: tf.TensorInfo, // [N, D]
  weight: PackedWeight, // [V, D]
  chunkRows: number,
  body: (block: Block) => void,
): void {
  const { runtime } = backend
  const [vocabulary, width] = weight.shape
  const allRows = hidden.shape[0]!
  const hiddenAddress = backend.address(hidden)
  const allPanels = panelWeight(backend, weight)
  const address = runtime.allocator.allocate(Math.min(allRows, chunkRows) * Math.min(vocabulary, BLOCK_COLUMNS) * 4)
  for (let firstRow = 0; firstRow < allRows; firstRow += chunkRows) {
    const rows = Math.min(chunkRows, allRows - firstRow)
    for (let column = 0; column < vocabulary; column += BLOCK_COLUMNS) {
      const columns = Math.min(BLOCK_COLUMNS, vocabulary - column)
      const panels = panelsFrom(allPanels, column)
      gemm(runtime, {
        a: hiddenAddress + firstRow * width * 4,
        aRowStride: width * 4,
        aDepthStride: 4,
        b: panels.address,
        mode: panels.mode,
        scaling: panels.scaling,
        c: address,
        cRowStride: columns * 4,
        rows,
        columns,
        depth: width,
      })
      body({ address, firstRow, rows, column, columns })
    }
  }
  runtime.allocator.release(address)
}

/** Sets the arguments that both passes over a block of logits take; see assembly/logSoftmax.ts. */
function setBlockArguments(
  { args, floatArgs }: Runtime,
  block: Block,
  targets: number, // address of the targets of all rows
  temperature: number,
): void {
  args[0] = block.address
  args[1] = block.rows
  args[2] = block.columns
  args[3] = block.column
  args[4] = targets + block.firstRow * 4
  floatArgs[5] = temperature
  args[6] = SOFTMAX_TILE_ROWS
}

/** Runs a pass over a block of logits. */
function runBlock(runtime: Runtime, kernelId: number, { rows, columns }: Block): void {
  runtime.run(kernelId, Math.ceil(rows / SOFTMAX_TILE_ROWS), rows * columns * LOG_SOFTMAX_OPERATIONS)
}

export const tokenLogProbsKernels = [
  kernel('TokenLogProbs', tokenLogProbs),
  kernel('TokenLogProbsGradient', tokenLogProbsGradient),
  kernel('TrainableTokenLogProbs', tokenLogProbs),
  kernel('TrainableTokenLogProbsGradient', trainableTokenLogProbsGradient),
]
