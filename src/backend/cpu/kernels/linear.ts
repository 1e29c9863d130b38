import type * as tf from '@tensorflow/tfjs'
import type { PackedWeight } from '../../../ops/weight.js'
import type { CpuBackend } from '../backend.js'
import { gemm, PanelMode } from '../gemm.js'
import { kernel } from './kernel.js'

interface LinearInputs {
  x: tf.TensorInfo // [N, in]
  loraA?: tf.TensorInfo // [r, in]
  loraB?: tf.TensorInfo // [out, r]
}

interface LinearAttributes {
  weight: PackedWeight
  bias?: tf.Tensor // [out]
  scale: number
}

/** y = x·Wᵀ (+ bias) (+ scale · (x·Aᵀ)·Bᵀ). */
function linear(backend: CpuBackend, inputs: LinearInputs, { weight, bias, scale }: LinearAttributes): tf.TensorInfo {
  const { runtime } = backend
  const [out, width] = weight.shape
  const rows = inputs.x.shape[0]!
  const x = backend.address(inputs.x)
  const y = backend.allocate([rows, out])
  gemm(runtime, {
    ...{ a: x, aRowStride: width * 4, aDepthStride: 4 },
    ...{ b: backend.address(weight.tensor), mode: weightMode(weight, false) },
    ...{ c: y.address, cRowStride: out * 4, rows, columns: out, depth: width },
    bias: bias ? backend.address(bias) : 0,
  })
  if (inputs.loraA && inputs.loraB) {
    const r = inputs.loraA.shape[0]!
    const a = backend.address(inputs.loraA)
    const b = backend.address(inputs.loraB)
    const low = runtime.allocator.allocate(rows * r * 4) // x·Aᵀ [N, r]
    gemm(runtime, {
      ...{ a: x, aRowStride: width * 4, aDepthStride: 4 },
      ...{ b: a, mode: PanelMode.strided, bDepthStride: 4, bColumnStride: width * 4 },
      ...{ c: low, cRowStride: r * 4, rows, columns: r, depth: width },
    })
    gemm(runtime, {
      ...{ a: low, aRowStride: r * 4, aDepthStride: 4 },
      ...{ b, mode: PanelMode.strided, bDepthStride: 4, bColumnStride: r * 4 },
      ...{ c: y.address, cRowStride: out * 4, rows, columns: out, depth: r },
      ...{ alpha: scale, accumulate: true },
    })
    runtime.allocator.release(low)
  }
  return y.info
}

/** dx = dy·W (+ scale · (dy·B)·A): the gradient of {@link linear} with respect to x. */
function linearInputGradient(
  backend: CpuBackend,
  inputs: Omit<LinearInputs, 'x'> & { dy: tf.TensorInfo },
  { weight, scale }: LinearAttributes,
): tf.TensorInfo {
  const { runtime } = backend
  const [out, width] = weight.shape
  const rows = inputs.dy.shape[0]!
  const dy = backend.address(inputs.dy)
  const dx = backend.allocate([rows, width])
  gemm(runtime, {
    ...{ a: dy, aRowStride: out * 4, aDepthStride: 4 },
    ...{ b: backend.address(weight.tensor), mode: weightMode(weight, true) },
    ...{ c: dx.address, cRowStride: width * 4, rows, columns: width, depth: out },
  })
  if (inputs.loraA && inputs.loraB) {
    const r = inputs.loraA.shape[0]!
    const a = backend.address(inputs.loraA)
    const b = backend.address(inputs.loraB)
    const low = runtime.allocator.allocate(rows * r * 4) // dy·B [N, r]
    gemm(runtime, {
      ...{ a: dy, aRowStride: out * 4, aDepthStride: 4 },
      ...{ b, mode: PanelMode.strided, bDepthStride: r * 4, bColumnStride: 4 },
      ...{ c: low, cRowStride: r * 4, rows, columns: r, depth: out },
    })
    gemm(runtime, {
      ...{ a: low, aRowStride: r * 4, aDepthStride: 4 },
      ...{ b: a, mode: PanelMode.strided, bDepthStride: width * 4, bColumnStride: 4 },
      ...{ c: dx.address, cRowStride: width * 4, rows, columns: width, depth: r },
      ...{ alpha: scale, accumulate: true },
    })
    runtime.allocator.release(low)
  }
  return dx.info
}

/** How a weight's panels are read; see ../gemm.ts. */
export function weightMode(weight: PackedWeight, transposed: boolean): number {
  if (weight.dtype === 'float32') return transposed ? PanelMode.transposedFloat32Panels : PanelMode.float32Panels
  return transposed ? PanelMode.transposedBfloat16Panels : PanelMode.bfloat16Panels
}

export const linearKernels = [
  kernel<LinearInputs, LinearAttributes>('Linear', linear),
  kernel<LinearInputs, LinearAttributes>('LoraLinear', linear),
  kernel('LinearInputGradient', linearInputGradient),
]
