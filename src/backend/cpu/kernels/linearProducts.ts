import { gemm, PanelMode } from '../gemm.js'
import type { LowRankProduct } from '../gemm.js'
import type { KernelCalls } from '../kernelCalls.js'
import type { PanelWeight } from './panelWeight.js'

/*
 * The products of a linear layer with LoRA and of its gradients, by addresses: as ops of their own, in a layer of the training pass, and
 * in lists of calls.
 */

/** y = x·Wᵀ (+ bias) (+ low-rank term) (+ y). */
export function callLinear(
  calls: KernelCalls,
  product: {
    x: number // [rows, in]
    weight: PanelWeight // [out, in]
    y: number // [rows, out]
    rows: number
    bias?: number
    accumulate?: boolean
    low?: LowRankProduct
  },
): void {
  const { x, weight, y, ...rest } = product
  const [out, width] = weight.shape
  const matrices = { a: x, b: weight.address, mode: weight.mode, scaling: weight.scaling, c: y }
  const strides = { aRowStride: width * 4, aDepthStride: 4, cRowStride: out * 4 }
  gemm(calls, { ...matrices, ...strides, columns: out, depth: width, ...rest })
}

/** dx = dy·W (+ T·A) (+ dx). */
export function callLinearInputGradient(
  calls: KernelCalls,
  product: {
    dy: number // [rows, out]
    weight: PanelWeight // [out, in], transposed
    dx: number // [rows, in]
    rows: number
    accumulate?: boolean
    low?: LowRankProduct
  },
): void {
  const { dy, weight, dx, ...rest } = product
  const [out, width] = weight.shape
  const matrices = { a: dy, b: weight.address, mode: weight.mode, scaling: weight.scaling, c: dx }
  const strides = { aRowStride: out * 4, aDepthStride: 4, cRowStride: width * 4 }
  gemm(calls, { ...matrices, ...strides, columns: width, depth: out, ...rest })
}

/** low = scale · x·Aᵀ, `columns` of the numbers that a row of `low` has. */
export function callLoraA(
  calls: KernelCalls,
  product: {
    x: number // [rows, width]
    width: number
    panels: number // of A [columns, width]
    columns: number
    scale: number
    low: number
    lowWidth: number
    rows: number
  },
): void {
  const { x, width, panels, columns, scale, low, lowWidth, rows } = product
  const matrices = { a: x, b: panels, mode: PanelMode.float32Panels, c: low }
  const strides = { aRowStride: width * 4, aDepthStride: 4, cRowStride: lowWidth * 4 }
  gemm(calls, { ...matrices, ...strides, rows, columns, depth: width, alpha: scale })
}

/** T = scale · dy·B, `r` of the numbers that a row of T has. */
export function callLoraOutputGradient(
  calls: KernelCalls,
  product: {
    dy: number // [rows, out]
    panels: number // of B [out, r]
    shape: readonly [out: number, r: number]
    scale: number
    t: number
    tWidth: number
    rows: number
  },
): void {
  const { dy, panels, shape, scale, t, tWidth, rows } = product
  const [out, r] = shape
  const matrices = { a: dy, b: panels, mode: PanelMode.transposedFloat32Panels, c: t }
  const strides = { aRowStride: out * 4, aDepthStride: 4, cRowStride: tWidth * 4 }
  gemm(calls, { ...matrices, ...strides, rows, columns: r, depth: out, alpha: scale })
}

/**
 * leftᵀ·right [r, columns] of two matrices with the same rows, such as dA = Tᵀ·x; or its transposed [columns, r], such as
 * dB = dyᵀ·low, which reads both matrices in the order in which they lie. `r` of the numbers that a row of `left` has.
 */
export function callGradientOfMatrix(
  calls: KernelCalls,
  product: {
    left: number
    leftWidth: number
    r: number
    right: number // [rows, columns]
    columns: number
    rows: number
    gradient: number
    isTransposed: boolean
  },
): void {
  const { left, leftWidth, r, right, columns, rows, gradient, isTransposed } = product
  const matrices = { a: left, b: right, mode: PanelMode.strided, c: gradient }
  const strides = { aRowStride: 4, aDepthStride: leftWidth * 4, bDepthStride: columns * 4, bColumnStride: 4 }
  const result = isTransposed ? { cRowStride: 4, cColumnStride: r * 4 } : { cRowStride: columns * 4 }
  gemm(calls, { ...matrices, ...strides, ...result, rows: r, columns, depth: rows })
}
