import type * as tf from '../../../../bundled/tfjs.js'
import type { LayerLinear, LayerWeights } from '../../../../ops/decoderLayer.js'
import type { CpuBackend } from '../../backend.js'
import type { LowRankProduct } from '../../gemm.js'
import { callGradientOfMatrix, callLoraA, callLoraOutputGradient } from '../linearProducts.js'
import { jointPanels, matrixPanels, sharePanels } from '../panels.js'

/** A linear layer with LoRA, and the address of its gradient. */
interface Adapted {
  readonly name: LayerLinear
  readonly a: tf.Tensor2D // [r, in]
  readonly b: tf.Tensor2D // [out, r]
  readonly scale: number
  readonly dy: number // [rows, out]
  /** Where its columns begin in T, low and the rows of dA. */
  readonly first: number
}

/** T = scale · dy·B of some layers, side by side, for the gradients of their input. */
export interface OutputGradients {
  /** The second product of dx = dy·W + T·A; undefined for a layer without LoRA. */
  low(name: LayerLinear): LowRankProduct | undefined
  dispose(): void
}

/**
 * The gradients of the matrices of linear layers that have their input in common: dA = Tᵀ·x and dB = dyᵀ·(scale · x·Aᵀ), with
 * T = scale · dy·B. What reads x reads it once for all of them.
 */
export function loraGradients(
  backend: CpuBackend,
  { linears }: LayerWeights,
  { x, rows, width }: { x: number; rows: number; width: number }, // address of [rows, width]
  layers: readonly { readonly name: LayerLinear; readonly dy: number }[],
  /** Takes the gradients [dA, dB] of each layer with LoRA. */
  gradients: Map<LayerLinear, readonly [tf.TensorInfo, tf.TensorInfo]>,
): OutputGradients {
  const { runtime } = backend
  const { allocator } = runtime
  let ranks = 0
  const adapted = layers.flatMap(({ name, dy }): Adapted[] => {
    const { lora } = linears[name]
    if (!lora) return []
    const first = ranks
    ranks += lora.a.shape[0]
    return [{ name, ...lora, dy, first }]
  })
  if (ranks === 0) return { low: () => undefined, dispose: () => undefined }
  const t = allocator.allocate(rows * ranks * 4)
  for (const { b, scale, dy, first } of adapted) {
    const panels = matrixPanels(backend, b)
    callLoraOutputGradient(runtime, { dy, panels, shape: b.shape, scale, t: t + first * 4, tWidth: ranks, rows })
  }
  const dA = allocator.allocate(ranks * width * 4)
  const shared = { leftWidth: ranks, rows }
  callGradientOfMatrix(runtime, {
    ...shared,
    left: t,
    r: ranks,
    right: x,
    columns: width,
    gradient: dA,
    isTransposed: false,
  })
  const low = allocator.allocate(rows * ranks * 4)
  lowRankProducts(backend, adapted, { x, rows, width, ranks, low })
  for (const { name, b, dy, first } of adapted) {
    const [out, r] = b.shape
    const matrixA = backend.allocate([r, width])
    backend.floats(matrixA.info).set(new Float32Array(allocator.memory.buffer, dA + first * width * 4, r * width))
    const matrixB = backend.allocate([out, r])
    const [left, gradient] = [low + first * 4, matrixB.address]
    callGradientOfMatrix(runtime, { ...shared, left, r, right: dy, columns: out, gradient, isTransposed: true })
    gradients.set(name, [matrixA.info, matrixB.info])
  }
  for (const address of [dA, low]) allocator.release(address)
  return {
    low: (name) => {
      const layer = adapted.find((one) => one.name === name)
      if (!layer) return undefined
      const { a, first } = layer
      const stride = { aRowStride: ranks * 4, bDepthStride: width * 4 }
      return { a: t + first * 4, b: backend.address(a), ...stride, depth: a.shape[0] }
    },
    dispose: () => {
      allocator.release(t)
    },
  }
}

/** Writes scale · x·Aᵀ of all layers side by side, [rows, ranks]; in panels of 16 columns that they share where these are fewer. */
function lowRankProducts(
  backend: CpuBackend,
  adapted: readonly Adapted[],
  { x, rows, width, ranks, low }: { x: number; rows: number; width: number; ranks: number; low: number },
): void {
  const { runtime } = backend
  const product = (panels: number, first: number, columns: number, scale: number): void => {
    callLoraA(runtime, { x, width, panels, columns, scale, low: low + first * 4, lowWidth: ranks, rows })
  }
  const { scale } = adapted[0]!
  const isShared = sharePanels(adapted.map(({ a }) => a.shape[0])) && adapted.every((layer) => layer.scale === scale)
  if (!isShared) {
    for (const { a, first, scale } of adapted) product(matrixPanels(backend, a), first, a.shape[0], scale)
    return
  }
  const panels = jointPanels(
    backend,
    adapted.map(({ a }) => a),
  )
  product(panels, 0, ranks, scale)
  runtime.allocator.release(panels)
}
