import type { LoraModule } from '../../model/loraOptions.js'
import { projections } from '../../model/modelTensors.js'
import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import type { ArrayType } from '../types.js'

/** What decides which numbers dropout leaves out; the same numbers as on the cpu engine. */
export interface DropoutArrays<Value> {
  /** Tokens with the same key lose the same numbers. */
  readonly tokenKeys: Value // [N] i32
  /** Of each module in each layer. */
  readonly moduleKeys: Value // [L, modules] i32
  /** A hash below this, as an unsigned number, leaves a number out. */
  readonly limit: Value // [] i32, the bits of the unsigned number
  /** Of what is kept: 1 / (1 − probability). */
  readonly scale: Value // [] f32
}

/** Types of the arrays for so many tokens and layers. */
export function dropoutTypes(tokens: number, numLayers: number): DropoutArrays<ArrayType> {
  return {
    tokenKeys: { dtype: 'i32', shape: [tokens] },
    moduleKeys: { dtype: 'i32', shape: [numLayers, projections.length] },
    limit: { dtype: 'i32', shape: [] },
    scale: { dtype: 'f32', shape: [] },
  }
}

/** 2^32 / golden ratio, as in ops/dropout.ts. */
const GOLDEN = 0x9e3779b1 | 0
/** The sign bit, with which signed numbers compare as unsigned ones. */
const SIGN = -(2 ** 31)

/** The dropout of one layer: see ops/dropout.ts for what is left out. */
export function layerDropout(
  { tokenKeys, moduleKeys, limit, scale }: DropoutArrays<Node>,
  layer: Node, // i32
): (x: Node /* [N, in] */, module: LoraModule) => Node {
  const keys = hlo.entryOf(moduleKeys, layer)
  return (x, module) => {
    const place = projections.indexOf(module)
    const key = hlo.reshape(hlo.sliceAlong(keys, 0, place, place + 1), [])
    const rowKeys = mix(hlo.xor(tokenKeys, hlo.broadcast(key, tokenKeys.shape, [])))
    const columns = hlo.multiply(hlo.add(hlo.iota(1, x.shape), 1), GOLDEN)
    const hash = mix(hlo.xor(hlo.repeatRows(rowKeys, x.shape), columns))
    const isKept = hlo.compare(hlo.xor(hash, SIGN), 'GE', hlo.broadcast(hlo.xor(limit, SIGN), x.shape, []))
    return hlo.select(isKept, hlo.multiply(x, hlo.broadcast(scale, x.shape, [])), 0)
  }
}

/** The hash of ops/mix.ts. */
function mix(x: Node): Node {
  let h = hlo.xor(x, hlo.shiftRightLogical(x, 16))
  h = hlo.multiply(h, 0x85ebca6b | 0)
  h = hlo.xor(h, hlo.shiftRightLogical(h, 13))
  h = hlo.multiply(h, 0xc2b2ae35 | 0)
  return hlo.xor(h, hlo.shiftRightLogical(h, 16))
}
