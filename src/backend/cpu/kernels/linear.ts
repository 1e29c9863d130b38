import type * as tf from '../../../bundled/tfjs.js'
import type { PackedWeight } from '../../../ops/weight.js'
import type { CpuBackend } from '../backend.js'
import type { LowRankProduct } from '../gemm.js'
import { kernel } from './kernel.js'
import {
  callGradientOfMatrix,
  callLinear,
  callLinearInputGradient,
  callLoraA,
  callLoraOutputGradient,
} from './linearProducts.js'
import { matrixPanels } from './panels.js'
import { panelWeight } from './panelWeight.js'

interface LinearInputs {
  x: tf.TensorInfo // [N, in]
  /** What goes into A in place of x. */
  loraX?: tf.TensorInfo // [N, in]
  loraA?: tf.TensorInfo // [r, in]
  loraB?: tf.TensorInfo // [out, r]
}

interface LinearFrozen {
  weight: PackedWeight // [out, in]
  bias: tf.Tensor | null // [out]
  /** y itself, when it was computed before. */
  known: tf.Tensor | null // [N, out]
}

/** y = x·Wᵀ (+ bias) (+ scale · (x·Aᵀ)·Bᵀ). */
function linear(
  backend: CpuBackend,
  inputs: LinearInputs,
  { scale = 0 }: { scale?: number },
  { weight, bias, known }: LinearFrozen,
): tf.TensorInfo {
  if (known) {
    backend.incRef(known.dataId)
    return { dataId: known.dataId, shape: known.shape, dtype: known.dtype }
  }
  const rows = inputs.x.shape[0]!
  const y = backend.allocate([rows, weight.shape[0]])
  const { loraX = inputs.x, loraA, loraB } = inputs
  const lora = loraA && loraB ? { x: backend.address(loraX), a: loraA, b: loraB, scale } : null
  linearProduct(backend, { weight, bias, lora }, { x: backend.address(inputs.x), y: y.address, rows })
  return y.info
}

/** Writes y = x·Wᵀ (+ bias) (+ scale · (x·Aᵀ)·Bᵀ), [rows, out], to an address. */
export function linearProduct(
  backend: CpuBackend,
  layer: {
    weight: PackedWeight // [out, in]
    bias: tf.TensorInfo | null // [out]
    lora: {
      x: number // [rows, in]
      a: tf.TensorInfo // [r, in]
      b: tf.TensorInfo // [out, r]
      scale: number
    } | null
  },
  { x, y, rows }: { x: number; y: number; rows: number }, // addresses
): void {
  const { runtime } = backend
  const { weight, bias, lora } = layer
  const product = { x, weight: panelWeight(backend, weight), y, rows, bias: bias ? backend.address(bias) : 0 }
  if (!lora) {
    callLinear(runtime, product)
    return
  }
  const r = lora.a.shape[0]!
  const low: LowRankProduct = {
    a: runtime.allocator.allocate(rows * r * 4),
    b: matrixPanels(backend, lora.b),
    bDepthStride: 0,
    depth: r,
  }
  lowRank(backend, lora.x, lora.a, lora.scale, low.a, rows)
  callLinear(runtime, { ...product, low })
  runtime.allocator.release(low.a)
}

/** Writes scale · x·Aᵀ [rows, r] to an address. */
function lowRank(backend: CpuBackend, x: number, loraA: tf.TensorInfo, scale: number, low: number, rows: number): void {
  const [r, width] = loraA.shape as [number, number]
  const panels = matrixPanels(backend, loraA)
  callLoraA(backend.runtime, { x, width, panels, columns: r, scale, low, lowWidth: r, rows })
}

/** dx = dy·W (+ T·A): the gradient of {@link linear} with respect to x. */
function linearInputGradient(
  backend: CpuBackend,
  inputs: {
    dy: tf.TensorInfo // [N, out]
    loraT?: tf.TensorInfo // [N, r]
    loraA?: tf.TensorInfo // [r, in]
  },
  _attributes: object,
  { weight }: Pick<LinearFrozen, 'weight'>,
): tf.TensorInfo {
  const width = weight.shape[1]
  const rows = inputs.dy.shape[0]!
  const dx = backend.allocate([rows, width])
  const { loraT, loraA } = inputs
  callLinearInputGradient(backend.runtime, {
    dy: backend.address(inputs.dy),
    weight: panelWeight(backend, weight, true),
    dx: dx.address,
    rows,
    ...(loraT &&
      loraA && {
        low: {
          a: backend.address(loraT),
          b: backend.address(loraA),
          bDepthStride: width * 4,
          depth: loraA.shape[0]!,
        },
      }),
  })
  return dx.info
}

/** T = scale · dy·B [N, r], which the gradients of x and of A share. */
function loraOutputGradient(
  backend: CpuBackend,
  { dy, loraB }: { dy: tf.TensorInfo; loraB: tf.TensorInfo }, // [N, out], [out, r]
  { scale }: { scale: number },
): tf.TensorInfo {
  const shape = loraB.shape as [number, number]
  const rows = dy.shape[0]!
  const t = backend.allocate([rows, shape[1]])
  callLoraOutputGradient(backend.runtime, {
    dy: backend.address(dy),
    panels: matrixPanels(backend, loraB),
    shape,
    scale,
    t: t.address,
    tWidth: shape[1],
    rows,
  })
  return t.info
}

/** dA = Tᵀ·x [r, in]. */
function loraAGradient(
  backend: CpuBackend,
  { loraT, x }: { loraT: tf.TensorInfo; x: tf.TensorInfo }, // [N, r], [N, in]
): tf.TensorInfo {
  const [rows, width] = x.shape as [number, number]
  const r = loraT.shape[1]!
  const dA = backend.allocate([r, width])
  callGradientOfMatrix(backend.runtime, {
    left: backend.address(loraT),
    leftWidth: r,
    r,
    right: backend.address(x),
    columns: width,
    rows,
    gradient: dA.address,
    isTransposed: false,
  })
  return dA.info
}

/** dB = scale · dyᵀ·(x·Aᵀ) [out, r]. */
function loraBGradient(
  backend: CpuBackend,
  { dy, x, loraA }: { dy: tf.TensorInfo; x: tf.TensorInfo; loraA: tf.TensorInfo }, // [N, out], [N, in], [r, in]
  { scale }: { scale: number },
): tf.TensorInfo {
  const { runtime } = backend
  const [rows, out] = dy.shape as [number, number]
  const r = loraA.shape[0]!
  const dB = backend.allocate([out, r])
  const low = runtime.allocator.allocate(rows * r * 4)
  lowRank(backend, backend.address(x), loraA, scale, low, rows)
  callGradientOfMatrix(runtime, {
    left: low,
    leftWidth: r,
    r,
    right: backend.address(dy),
    columns: out,
    rows,
    gradient: dB.address,
    isTransposed: true,
  })
  runtime.allocator.release(low)
  return dB.info
}

export const linearKernels = [
  kernel('Linear', linear),
  kernel('TrainableLinear', linear),
  kernel('LoraLinear', linear),
  kernel('LoraLinearTwoInputs', linear),
  kernel('LinearInputGradient', linearInputGradient),
  kernel('LoraOutputGradient', loraOutputGradient),
  kernel('LoraAGradient', loraAGradient),
  kernel('LoraBGradient', loraBGradient),
]
