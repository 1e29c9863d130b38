import type { ModelConfig } from '../../model/config.js'
import { countedLoop } from '../graph/loop.js'
import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import { mapAdapter, mapLayers } from './decoderArrays.js'
import type { AdapterArrays, LayerArrays } from './decoderArrays.js'
import type { Rotary } from './decoderLayer.js'

/** The arrays of one layer of those of all. */
export function layerOf(
  layers: LayerArrays<Node>, // [L, …]
  adapter: AdapterArrays<Node> | null, // [L, …]
  index: Node, // i32
): { weights: LayerArrays<Node>; adapter: AdapterArrays<Node> | null } {
  const entry = (stack: Node): Node => hlo.entryOf(stack, index)
  return { weights: mapLayers(layers, entry), adapter: adapter && mapAdapter(adapter, entry) }
}

/** Goes through the layers, the first one first: a loop, so that a program's text does not grow with the depth. */
export function forLayers(
  { numLayers }: ModelConfig,
  state: readonly Node[],
  body: (layer: Node /* i32 */, state: readonly Node[]) => readonly Node[],
): Node[] {
  return countedLoop(numLayers, state, body)
}

/** Goes through the layers, the last one first. */
export function forLayersBackwards(
  { numLayers }: ModelConfig,
  state: readonly Node[],
  body: (layer: Node /* i32 */, state: readonly Node[]) => readonly Node[],
): Node[] {
  return countedLoop(numLayers, state, (index, inner) => body(hlo.subtract(numLayers - 1, index), inner))
}

/** The angles in a layer: none are turned where it has no rotary embedding (SmolLM3). */
export function rotaryOf({ ropeLayers, numLayers }: ModelConfig, { cos, sin }: Rotary, layer: Node /* i32 */): Rotary {
  if (ropeLayers.every(Boolean)) return { cos, sin }
  const flags = hlo.constant(ropeLayers.map(Number), 'f32', [numLayers])
  const turns = hlo.broadcast(hlo.entryOf(flags, layer), cos.shape, [])
  return { cos: hlo.add(hlo.multiply(turns, cos), hlo.subtract(1, turns)), sin: hlo.multiply(turns, sin) }
}
