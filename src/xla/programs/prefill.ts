import { countedLoop } from '../graph/loop.js'
import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import { printProgram } from '../graph/print.js'
import type { Program } from '../runtime/runner.js'
import type { ArrayType } from '../types.js'
import { adapterTypes, decoderTypes, listAdapter, listDecoder, mapAdapter, mapDecoder } from './decoderArrays.js'
import { decoderLayer } from './decoderLayer.js'
import type { ProgramModel } from './decoderLayer.js'
import { embed } from './forward.js'
import { groupAttention } from './groupAttention.js'
import { forLayers, layerOf, rotaryOf } from './layerLoop.js'
import { cacheTypes } from './samplingCache.js'
import type { CacheShape } from './samplingCache.js'

/**
 * Computes prompts and puts their keys and values into the cache.
 * Arguments: the decoder; an adapter that is apart; tokens [prompts, P] of each prompt, all but its last; the group of each prompt [prompts]; cosines and sines
 * [P, headDim / 2]; the prompts' keys and values of the cache, which are taken over. Results: these keys and values.
 */
export function prefillProgram(
  model: ProgramModel,
  /** Ranks of the modules whose adapter is computed apart; null without one, or where it is merged into the weights. */
  ranks: Readonly<Partial<Record<string, number>>> | null,
  cache: CacheShape,
  prompts: number,
  tokens: number, // P, at most the cache's places for a prompt
): Program {
  const { config, weightType, formats } = model
  const { numKeyValueHeads: heads, headDim } = config
  const declare = hlo.argument
  const declareType = ({ dtype, shape }: ArrayType): Node => declare(dtype, shape)
  const decoder = mapDecoder(decoderTypes(config, weightType, formats), declareType)
  const adapter = ranks && mapAdapter(adapterTypes(config, ranks), declareType)
  const ids = declare('i32', [prompts, tokens])
  const groups = declare('i32', [prompts])
  const [cos, sin] = [0, 1].map(() => declare('f32', [tokens, headDim / 2])) as [Node, Node]
  const types = cacheTypes(config, weightType, cache)
  const [allKeys, allValues] = [types.promptKeys, types.promptValues].map(({ dtype, shape }) =>
    declare(dtype, shape),
  ) as [Node, Node]

  const repeat = (table: Node): Node =>
    hlo.reshape(hlo.broadcast(table, [prompts, tokens, headDim / 2], [1, 2]), [prompts * tokens, headDim / 2])
  const rotary = { cos: repeat(cos), sin: repeat(sin) }
  const shape = { groups: prompts, promptTokens: tokens, rows: 0, tokens: 0 }
  const attend = groupAttention(model, shape, groups)
  const start = embed(decoder, hlo.reshape(ids, [prompts * tokens]))
  const [, promptKeys, promptValues] = forLayers(config, [start, allKeys, allValues], (layer, [x, keys, values]) => {
    let computed: readonly Node[] = []
    const y = decoderLayer(model, x!, {
      ...layerOf(decoder.layers, adapter, layer),
      rotary: rotaryOf(config, rotary, layer),
      attend: (q, k, v) => {
        computed = [k, v]
        return attend(q, k, v)
      },
      dropout: null,
    })
    const split = computed.map((all) =>
      hlo.convert(hlo.reshape(all, [prompts, tokens, heads, headDim]), weightType),
    ) as [Node, Node]
    const own = [hlo.transpose(split[0], [0, 2, 3, 1]), hlo.transpose(split[1], [0, 2, 1, 3])] as const
    const written = countedLoop(prompts, [keys!, values!], (prompt, tables) => {
      const group = hlo.entryOf(groups, prompt)
      return tables.map((table, i) => {
        const part = hlo.entryOf(own[i]!, prompt)
        return hlo.dynamicUpdate(table, hlo.reshape(part, [1, 1, ...part.shape]), [layer, group, 0, 0, 0])
      })
    })
    return [y, ...written]
  }) as [Node, Node, Node]
  return printProgram({
    name: 'prefill',
    inputs: [
      ...listDecoder(decoder),
      ...(adapter ? listAdapter(adapter) : []),
      ids,
      groups,
      cos,
      sin,
      allKeys,
      allValues,
    ],
    outputs: [promptKeys, promptValues],
    donated: new Map([
      [allKeys, 0],
      [allValues, 1],
    ]),
  })
}
