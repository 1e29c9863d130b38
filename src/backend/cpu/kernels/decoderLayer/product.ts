import type { LayerLinear, LayerWeights } from '../../../../ops/decoderLayer.js'
import type { PackedWeight } from '../../../../ops/weight.js'
import type { CpuBackend } from '../../backend.js'
import { gemm, PanelMode } from '../../gemm.js'
import type { LowRankProduct } from '../../gemm.js'
import { weightMode } from '../linear.js'
import { matrixPanels, weightPanels } from '../weight.js'

/** Writes y = x·Wᵀ (+ bias) (+ scale · (x·Aᵀ)·Bᵀ), [rows, out], of one linear layer to an address. */
export function linearProduct(
  backend: CpuBackend,
  { linears }: LayerWeights,
  name: LayerLinear,
  { x, y, rows }: { x: number; y: number; rows: number }, // addresses
): void {
  const { runtime } = backend
  const { weight, bias, lora } = linears[name]
  const [out, width] = weight.shape
  let low: LowRankProduct | undefined
  if (lora) {
    const r = lora.a.shape[0]
    low = {
      a: runtime.allocator.allocate(rows * r * 4),
      b: matrixPanels(backend, lora.b),
      bDepthStride: 0,
      depth: r,
    }
    gemm(runtime, {
      a: x,
      aRowStride: width * 4,
      aDepthStride: 4,
      b: matrixPanels(backend, lora.a),
      mode: PanelMode.float32Panels,
      c: low.a,
      cRowStride: r * 4,
      rows,
      columns: r,
      depth: width,
      alpha: lora.scale,
    })
  }
  gemm(runtime, {
    a: x,
    aRowStride: width * 4,
    aDepthStride: 4,
    b: weightPanels(backend, weight as PackedWeight),
    mode: weightMode(weight as PackedWeight, false),
    c: y,
    cRowStride: out * 4,
    rows,
    columns: out,
    depth: width,
    bias: bias ? backend.address(bias) : 0,
    ...(low && { low }),
  })
  if (low) runtime.allocator.release(low.a)
}
