import type * as tf from '../../../../bundled/tfjs.js'
import type { LayerLinear, LayerWeights } from '../../../../ops/decoderLayer.js'
import type { CpuBackend } from '../../backend.js'
import { gemm, PanelMode } from '../../gemm.js'
import type { LowRankProduct } from '../../gemm.js'
import { fillPanels, matrixPanels, packedSize } from '../weight.js'

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
    const [out, r] = b.shape
    gemm(runtime, {
      a: dy,
      aRowStride: out * 4,
      aDepthStride: 4,
      b: matrixPanels(backend, b),
      mode: PanelMode.transposedFloat32Panels,
      c: t + first * 4,
      cRowStride: ranks * 4,
      rows,
      columns: r,
      depth: out,
      alpha: scale,
    })
  }
  const dA = allocator.allocate(ranks * width * 4)
  gemm(runtime, {
    a: t,
    aRowStride: 4,
    aDepthStride: ranks * 4,
    b: x,
    mode: PanelMode.strided,
    bDepthStride: width * 4,
    bColumnStride: 4,
    c: dA,
    cRowStride: width * 4,
    rows: ranks,
    columns: width,
    depth: rows,
  })
  const low = allocator.allocate(rows * ranks * 4)
  lowRankProducts(backend, adapted, { x, rows, width, ranks, low })
  for (const { name, b, dy, first } of adapted) {
    const [out, r] = b.shape
    const matrixA = backend.allocate([r, width])
    backend.floats(matrixA.info).set(new Float32Array(allocator.memory.buffer, dA + first * width * 4, r * width))
    const matrixB = backend.allocate([out, r])
    // Computed as its transposed, which reads both matrices in the order in which they lie.
    gemm(runtime, {
      a: low + first * 4,
      aRowStride: 4,
      aDepthStride: ranks * 4,
      b: dy,
      mode: PanelMode.strided,
      bDepthStride: out * 4,
      bColumnStride: 4,
      c: matrixB.address,
      cRowStride: 4,
      cColumnStride: r * 4,
      rows: r,
      columns: out,
      depth: rows,
    })
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
  const { allocator } = runtime
  const product = (panels: number, first: number, columns: number, scale: number): void => {
    gemm(runtime, {
      a: x,
      aRowStride: width * 4,
      aDepthStride: 4,
      b: panels,
      mode: PanelMode.float32Panels,
      c: low + first * 4,
      cRowStride: ranks * 4,
      rows,
      columns,
      depth: width,
      alpha: scale,
    })
  }
  const own = adapted.reduce((sum, { a }) => sum + Math.ceil(a.shape[0] / 16), 0)
  const { scale } = adapted[0]!
  if (Math.ceil(ranks / 16) === own || adapted.some((layer) => layer.scale !== scale)) {
    for (const { a, first, scale } of adapted) product(matrixPanels(backend, a), first, a.shape[0], scale)
    return
  }
  const all = new Float32Array(ranks * width)
  for (const { a, first } of adapted) all.set(backend.floats(a), first * width)
  const size = packedSize(ranks, width)
  const panels = allocator.allocate(size * 4)
  fillPanels(new Float32Array(allocator.memory.buffer, panels, size), all, [ranks, width], (j) => j)
  product(panels, 0, ranks, scale)
  allocator.release(panels)
}
