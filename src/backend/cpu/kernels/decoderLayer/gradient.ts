import type * as tf from '../../../../bundled/tfjs.js'
import { layerLinears } from '../../../../ops/decoderLayer.js'
import type { LayerAttributes, LayerLinear } from '../../../../ops/decoderLayer.js'
import type { PackedWeight } from '../../../../ops/weight.js'
import type { CpuBackend } from '../../backend.js'
import { callAdd } from '../add.js'
import { attentionGradient } from '../attention.js'
import { callLinearInputGradient } from '../linearProducts.js'
import { panelWeight } from '../panelWeight.js'
import { callRmsNorm } from '../rmsNorm.js'
import { callRope } from '../rope.js'
import { selectRowsGradient } from '../selectRows.js'
import { callSwiglu } from '../swiglu.js'
import { activationNames } from './forward.js'
import { loraGradients } from './loraGradients.js'

/**
 * The gradients of a layer: of the matrices A and B of each linear layer with LoRA, in the order of the layer's inputs, and behind
 * them with `withInput` that of x. Gradients of one matrix that come from several places are added in the order in which the tape of
 * the composition adds them.
 */
export function decoderLayerGradient(
  backend: CpuBackend,
  inputs: readonly tf.TensorInfo[], // dy [N, hidden], inputs and activations of the layer
  attributes: LayerAttributes & { readonly withInput: boolean },
): tf.TensorInfo[] {
  const { weights, epsilon, keyRows, isRotated, withInput } = attributes
  const { runtime } = backend
  const { allocator } = runtime
  const { linears } = weights
  const [dy, x, cos, sin] = inputs as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo, tf.TensorInfo]
  const matrices = 2 * layerLinears.filter((name) => linears[name].lora).length
  const saved = inputs.slice(4 + matrices)
  const activations = Object.fromEntries(activationNames.map((name, i) => [name, saved[i]!]))
  const { normed, q, k, v, mixed, logSumExp, attended, mlpInput, gate, up, activated } = activations as Record<
    (typeof activationNames)[number],
    tf.TensorInfo
  >
  const plain = saved.slice(activationNames.length)
  const [rows, hidden] = x.shape as [number, number]
  const gradients = new Map<LayerLinear, readonly [tf.TensorInfo, tf.TensorInfo]>()
  const temporary: number[] = []
  const allocate = (width: number): number => {
    const address = allocator.allocate(rows * width * 4)
    temporary.push(address)
    return address
  }

  /**
   * Of layers that have their input in common: the gradients of their matrices and, at the address `dx` when it is not 0, the
   * sum of those of the input, in the order of `layers`.
   */
  const backThrough = (
    input: tf.TensorInfo,
    layers: readonly { readonly name: LayerLinear; readonly dy: number }[],
    dx: number,
  ): void => {
    const width = input.shape[1]!
    const t = loraGradients(backend, weights, { x: backend.address(input), rows, width }, layers, gradients)
    for (const [i, { name, dy }] of dx === 0 ? [] : layers.entries()) {
      const weight = panelWeight(backend, linears[name].weight as PackedWeight, true)
      const low = t.low(name)
      callLinearInputGradient(runtime, { dy, weight, dx, rows, accumulate: i > 0, ...(low && { low }) })
    }
    t.dispose()
  }
  /** Of a norm, in place of the gradient of its result. */
  const backThroughNorm = (from: tf.TensorInfo, weight: tf.TensorInfo, width: number, gradient: number): void => {
    const size = from.shape[0]! * from.shape[1]!
    callRmsNorm(runtime, {
      x: backend.address(from),
      weight: backend.address(weight),
      dy: gradient,
      out: gradient,
      rows: size / width,
      width,
      epsilon,
    })
  }
  const add = (a: number, b: number, out: number): void => {
    callAdd(runtime, { a, b, out, size: rows * hidden })
  }
  /** Of rotated heads, whose norm is the layer's, in place. */
  const backThroughPlace = (gradient: number, heads: tf.TensorInfo, headNorm: tf.TensorInfo | null): void => {
    const half = cos.shape[1]!
    const angles = { cos: backend.address(cos), sin: backend.address(sin), half }
    if (isRotated) {
      const width = heads.shape[1]!
      callRope(runtime, { x: gradient, ...angles, out: gradient, rows, width, inverse: true })
    }
    if (headNorm) backThroughNorm(plain.shift()!, headNorm, 2 * half, gradient)
  }

  const dOut = backend.address(dy)
  const [features, queries] = [gate.shape[1]!, q.shape[1]!]
  // down(silu(gate) · up)
  const [dGate, dUp] = [allocate(features), allocate(features)]
  backThrough(activated, [{ name: 'down', dy: dOut }], dGate)
  callSwiglu(runtime, {
    gate: backend.address(gate),
    up: backend.address(up),
    dy: dGate,
    out: dGate,
    upOut: dUp,
    size: rows * features,
  })
  const dAttended = allocate(hidden)
  const mlpLayers = [
    { name: 'up', dy: dUp },
    { name: 'gate', dy: dGate },
  ] as const
  backThrough(mlpInput, mlpLayers, dAttended)
  for (const address of temporary.splice(0, 2)) allocator.release(address)
  backThroughNorm(attended, weights.postAttentionNorm, hidden, dAttended)
  add(dOut, dAttended, dAttended)

  // o(attention(q, k, v))
  const dMixed = backend.allocate([rows, queries])
  backThrough(mixed, [{ name: 'o', dy: dAttended }], dMixed.address)
  const attentionInputs = { dy: dMixed.info, q, k, v, y: mixed, logSumExp }
  const [dq, ...laidOut] = attentionGradient(backend, attentionInputs, attributes) as Triple
  backend.disposeData(dMixed.info.dataId)
  const [dk, dv] = laidOut.map((one) => {
    if (!keyRows) return one
    const sum = selectRowsGradient(backend, { dy: one }, { rows: keyRows, height: rows })
    backend.disposeData(one.dataId)
    return sum
  }) as Pair
  const [dQ, dK, dV] = [dq, dk, dv].map((one) => backend.address(one)) as [number, number, number]
  backThroughPlace(dQ, dq, weights.queryNorm)
  backThroughPlace(dK, dk, weights.keyNorm)
  const dx = withInput ? backend.allocate([rows, hidden]) : null
  const attentionLayers = [
    { name: 'v', dy: dV },
    { name: 'k', dy: dK },
    { name: 'q', dy: dQ },
  ] as const
  backThrough(normed, attentionLayers, dx?.address ?? 0)
  if (dx) {
    backThroughNorm(x, weights.inputNorm, hidden, dx.address)
    add(dAttended, dx.address, dx.address)
  }
  for (const { dataId } of [dq, dk, dv]) backend.disposeData(dataId)
  for (const address of temporary) allocator.release(address)
  const ordered = layerLinears.flatMap((name) => gradients.get(name) ?? [])
  return dx ? [...ordered, dx.info] : ordered
}

type Pair = [tf.TensorInfo, tf.TensorInfo]
type Triple = [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo]
