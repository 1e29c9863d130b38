import type { LoraModule } from '../../model/loraOptions.js'
import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import { printProgram } from '../graph/print.js'
import type { Program } from '../runtime/runner.js'
import { adapterTypes, decoderTypes, fusedRows, listAdapter, mapAdapter } from './decoderArrays.js'
import type { LayerArrays } from './decoderArrays.js'
import type { ProgramModel } from './decoderLayer.js'
import { forLayers, layerOf } from './layerLoop.js'
import { listWeight } from './weightArrays.js'

/** The matrices that an adapter can change. */
export const mergedMatrices = ['queryKeyValue', 'output', 'gateUp', 'down'] as const

type Matrix = (typeof mergedMatrices)[number]

const modulesOf: Readonly<Record<Matrix, readonly LoraModule[]>> = {
  queryKeyValue: ['q_proj', 'k_proj', 'v_proj'],
  output: ['o_proj'],
  gateUp: ['gate_proj', 'up_proj'],
  down: ['down_proj'],
}

/** The matrices that an adapter of these modules changes. */
export function changedMatrices(ranks: Readonly<Partial<Record<string, number>>>): Matrix[] {
  return mergedMatrices.filter((matrix) => modulesOf[matrix].some((module) => ranks[module] !== undefined))
}

/**
 * W + scale · B · A for all layers, summed in float32 and rounded to the weights' type: sampling then computes as many products as
 * without an adapter. Arguments: the changed matrices [L, out, in] and the adapter; results: these matrices.
 */
export function mergeProgram(
  { config, weightType }: ProgramModel,
  ranks: Readonly<Partial<Record<string, number>>>,
): Program {
  const changed = changedMatrices(ranks)
  const types = decoderTypes(config, weightType).layers
  const matrices = changed
    .flatMap((name) => listWeight(types[name]))
    .map(({ shape }) => hlo.argument(weightType, shape))
  const adapter = mapAdapter(adapterTypes(config, ranks), ({ dtype, shape }) => hlo.argument(dtype, shape))
  const rows = fusedRows(config)
  const sizes: Readonly<Record<Matrix, readonly number[]>> = {
    ...rows,
    output: [config.hiddenSize],
    down: [config.hiddenSize],
  }
  const starts = matrices.map(({ dtype, shape }) => hlo.constant(0, dtype, shape))
  const results = forLayers(config, starts, (layer, merged) =>
    merged.map((stack, i) => {
      const name = changed[i]!
      const base = hlo.convert(hlo.entryOf(matrices[i]!, layer), 'f32')
      const own = layerOf({} as LayerArrays<Node>, adapter, layer).adapter!
      const updates = modulesOf[name].map((module, part) => {
        const entry = own[module]
        if (!entry) return hlo.constant(0, 'f32', [sizes[name][part]!, base.shape[1]!])
        const product = hlo.dot(entry.b, entry.a, { contract: [[1], [0]] })
        return hlo.multiply(product, hlo.broadcast(entry.scale, product.shape, []))
      })
      const sum = hlo.add(base, hlo.concatenate(updates, 0))
      return hlo.withEntry(stack, hlo.convert(sum, weightType), layer)
    }),
  )
  return printProgram({ name: 'merge', inputs: [...matrices, ...listAdapter(adapter)], outputs: results })
}
