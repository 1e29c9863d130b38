import type * as tf from '../../../../bundled/tfjs.js'
import type { LayerAttributes, LayerLinear } from '../../../../ops/decoderLayer.js'
import type { PackedWeight } from '../../../../ops/weight.js'
import type { CpuBackend } from '../../backend.js'
import { callAdd } from '../add.js'
import { attention } from '../attention.js'
import { callCopyRows } from '../copyRows.js'
import { linearProduct } from '../linear.js'
import { callRmsNorm } from '../rmsNorm.js'
import { callRope } from '../rope.js'
import { selectRows } from '../selectRows.js'
import { callSwiglu } from '../swiglu.js'

/** What the gradient of a layer reads, in the order of the kernel's results. */
export const activationNames = [
  'normed', // [N, hidden]
  'q', // [N, H·D], rotated
  'k', // [S, G·D], rotated
  'v', // [S, G·D]
  'mixed', // [N, H·D]
  'logSumExp', // [N, H]
  'attended', // [N, hidden]
  'mlpInput', // [N, hidden]
  'gate', // [N, F]
  'up', // [N, F]
  'activated', // [N, F]
] as const

/** The layer's result, its activations and, where heads have norms, queries and keys before these. */
export function decoderLayer(
  backend: CpuBackend,
  inputs: readonly tf.TensorInfo[], // x [N, hidden], cos and sin [N, D / 2], matrices of LoRA
  attributes: LayerAttributes,
): tf.TensorInfo[] {
  const [x, cos, sin] = inputs as [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo]
  const { weights, epsilon, known, keyRows } = attributes
  const { runtime } = backend
  const { allocator } = runtime
  const [rows, hidden] = x.shape as [number, number]
  const half = cos.shape[1]!
  const knownRows = known ? allocator.place(known.rows) : 0

  const norm = (from: tf.TensorInfo, weight: tf.TensorInfo, width: number): Allocated => {
    const to = backend.allocate(from.shape)
    const size = from.shape[0]! * from.shape[1]!
    callRmsNorm(runtime, {
      x: backend.address(from),
      weight: backend.address(weight),
      out: to.address,
      rows: size / width,
      width,
      epsilon,
    })
    return to
  }
  const project = (name: LayerLinear, from: number): Allocated => {
    const { weight, bias, lora } = weights.linears[name]
    const out = weight.shape[0]
    const y = backend.allocate([rows, out])
    if (known) {
      const table = backend.address(known.tables[name])
      callCopyRows(runtime, { from: table, fromRows: knownRows, to: y.address, toRows: 0, count: rows, width: out })
    } else {
      const layer = { weight: weight as PackedWeight, bias, lora: lora && { ...lora, x: from } }
      linearProduct(backend, layer, { x: from, y: y.address, rows })
    }
    return y
  }
  /** Norm of each head where there is one, then the rotation where there is one; in place, but for the norm. */
  const place = (heads: Allocated, headNorm: tf.TensorInfo | null): Allocated => {
    const placed = headNorm ? norm(heads.info, headNorm, 2 * half) : heads
    const { address } = placed
    const angles = { cos: backend.address(cos), sin: backend.address(sin), half }
    if (attributes.isRotated) {
      callRope(runtime, { x: address, ...angles, out: address, rows, width: placed.info.shape[1]! })
    }
    return placed
  }
  /** y + x, in place of y. */
  const add = (y: Allocated, to: tf.TensorInfo): Allocated => {
    callAdd(runtime, { a: backend.address(to), b: y.address, out: y.address, size: rows * hidden })
    return y
  }
  /** Keys or values as the segments want them. */
  const layOut = ({ info }: Allocated): tf.TensorInfo => {
    if (!keyRows) return info
    const laidOut = selectRows(backend, { x: info }, { rows: keyRows, height: rows })
    backend.disposeData(info.dataId)
    return laidOut
  }

  const normed = norm(x, weights.inputNorm, hidden)
  const [plainQ, plainK] = [project('q', normed.address), project('k', normed.address)]
  const [q, placedK] = [place(plainQ, weights.queryNorm), place(plainK, weights.keyNorm)]
  const [k, v] = [layOut(placedK), layOut(project('v', normed.address))]
  const [mixed, logSumExp] = attention(backend, { q: q.info, k, v }, attributes) as [tf.TensorInfo, tf.TensorInfo]
  const attended = add(project('o', backend.address(mixed)), x)
  const mlpInput = norm(attended.info, weights.postAttentionNorm, hidden)
  const [gate, up] = [project('gate', mlpInput.address), project('up', mlpInput.address)]
  const activated = backend.allocate(gate.info.shape)
  const size = rows * gate.info.shape[1]!
  callSwiglu(runtime, { gate: gate.address, up: up.address, out: activated.address, size })
  const y = add(project('down', activated.address), attended.info)
  if (known) allocator.release(knownRows)
  const activations: Record<(typeof activationNames)[number], tf.TensorInfo> = {
    normed: normed.info,
    q: q.info,
    k,
    v,
    mixed,
    logSumExp,
    attended: attended.info,
    mlpInput: mlpInput.info,
    gate: gate.info,
    up: up.info,
    activated: activated.info,
  }
  return [
    y.info,
    ...activationNames.map((name) => activations[name]),
    ...(weights.queryNorm ? [plainQ.info] : []),
    ...(weights.keyNorm ? [plainK.info] : []),
  ]
}

/** A tensor in the kernels' memory. */
type Allocated = ReturnType<CpuBackend['allocate']>
