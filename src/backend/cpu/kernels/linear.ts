import type * as tf from '../../../bundled/tfjs.js'
import type { PackedWeight } from '../../../ops/weight.js'
import type { CpuBackend } from '../backend.js'
import { gemm, PanelMode } from '../gemm.js'
import type { LowRankProduct } from '../gemm.js'
import { kernel } from './kernel.js'
import { matrixPanels, weightPanels } from './weight.js'

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
  const { runtime } = backend
  const [out, width] = weight.shape
  const rows = inputs.x.shape[0]!
  const y = backend.allocate([rows, out])
  let low: LowRankProduct | undefined
  if (inputs.loraA && inputs.loraB) {
    const r = inputs.loraA.shape[0]!
    low = {
      a: runtime.allocator.allocate(rows * r * 4),
      b: matrixPanels(backend, inputs.loraB),
      bDepthStride: 0,
      depth: r,
    }
    lowRank(backend, inputs.loraX ?? inputs.x, inputs.loraA, low.a, scale)
  }
  gemm(runtime, {
    a: backend.address(inputs.x),
    aRowStride: width * 4,
    aDepthStride: 4,
    b: weightPanels(backend, weight),
    mode: weightMode(weight, false),
    c: y.address,
    cRowStride: out * 4,
    rows,
    columns: out,
    depth: width,
    bias: bias ? backend.address(bias) : 0,
    ...(low && { low }),
  })
  if (low) runtime.allocator.release(low.a)
  return y.info
}

/** Writes scale · x·Aᵀ [N, r] to an address. */
function lowRank(backend: CpuBackend, x: tf.TensorInfo, loraA: tf.TensorInfo, address: number, scale: number): void {
  const [rows, width] = x.shape as [number, number]
  const r = loraA.shape[0]!
  gemm(backend.runtime, {
    a: backend.address(x),
    aRowStride: width * 4,
    aDepthStride: 4,
    b: matrixPanels(backend, loraA),
    mode: PanelMode.float32Panels,
    c: address,
    cRowStride: r * 4,
    rows,
    columns: r,
    depth: width,
    alpha: scale,
  })
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
  const { runtime } = backend
  const [out, width] = weight.shape
  const rows = inputs.dy.shape[0]!
  const dx = backend.allocate([rows, width])
  gemm(runtime, {
    a: backend.address(inputs.dy),
    aRowStride: out * 4,
    aDepthStride: 4,
    b: weightPanels(backend, weight),
    mode: weightMode(weight, true),
    c: dx.address,
    cRowStride: width * 4,
    rows,
    columns: width,
    depth: out,
    ...(inputs.loraT &&
      inputs.loraA && {
        low: {
          a: backend.address(inputs.loraT),
          b: backend.address(inputs.loraA),
          bDepthStride: width * 4,
          depth: inputs.loraA.shape[0]!,
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
  const [out, r] = loraB.shape as [number, number]
  const rows = dy.shape[0]!
  const t = backend.allocate([rows, r])
  gemm(backend.runtime, {
    a: backend.address(dy),
    aRowStride: out * 4,
    aDepthStride: 4,
    b: matrixPanels(backend, loraB),
    mode: PanelMode.transposedFloat32Panels,
    c: t.address,
    cRowStride: r * 4,
    rows,
    columns: r,
    depth: out,
    alpha: scale,
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
  gemm(backend.runtime, {
    a: backend.address(loraT),
    aRowStride: 4,
    aDepthStride: r * 4,
    b: backend.address(x),
    mode: PanelMode.strided,
    bDepthStride: width * 4,
    bColumnStride: 4,
    c: dA.address,
    cRowStride: width * 4,
    rows: r,
    columns: width,
    depth: rows,
  })
  return dA.info
}

/** dB = scale · dyᵀ·(x·Aᵀ) [out, r], computed as its transposed, which reads both matrices in the order in which they lie. */
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
  lowRank(backend, x, loraA, low, scale)
  gemm(runtime, {
    a: low,
    aRowStride: 4,
    aDepthStride: r * 4,
    b: backend.address(dy),
    mode: PanelMode.strided,
    bDepthStride: out * 4,
    bColumnStride: 4,
    c: dB.address,
    cRowStride: 4,
    cColumnStride: r * 4,
    rows: r,
    columns: out,
    depth: rows,
  })
  runtime.allocator.release(low)
  return dB.info
}

/** How a weight's panels are read; see ../gemm.ts. */
export function weightMode(weight: PackedWeight, transposed: boolean): number {
  if (weight.dtype === 'float32') return transposed ? PanelMode.transposedFloat32Panels : PanelMode.float32Panels
  return transposed ? PanelMode.transposedBfloat16Panels : PanelMode.bfloat16Panels
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
