import { loop } from '../graph/loop.js'
import type { Node } from '../graph/node.js'
import * as hlo from '../graph/operations.js'
import { printProgram } from '../graph/print.js'
import type { Program } from '../runtime/runner.js'
import { decodeAttention } from './decodeAttention.js'
import { adapterTypes, decoderTypes, listAdapter, listDecoder, mapAdapter, mapDecoder } from './decoderArrays.js'
import type { DecoderArrays } from './decoderArrays.js'
import { decoderLayer, multiplier, rmsNorm } from './decoderLayer.js'
import type { ProgramModel } from './decoderLayer.js'
import { embed } from './forward.js'
import { forLayers, layerOf, rotaryOf } from './layerLoop.js'
import { mapValues } from './mapValues.js'
import { timesTransposed } from './quantizedProducts.js'
import { sampleTokens } from './sampling.js'
import type { SamplingKinds, SamplingScalars } from './sampling.js'
import { cacheTypes } from './samplingCache.js'
import type { CacheArrays, CacheShape } from './samplingCache.js'
import type { ArrayType } from '../types.js'

/** What a decode program is made for. */
export interface DecodeProgram {
  readonly model: ProgramModel
  /** Ranks of the modules whose adapter is computed apart; null without one, or where it is merged into the weights. */
  readonly ranks: Readonly<Partial<Record<string, number>>> | null
  readonly cache: CacheShape
  /** Most tokens of a row that one call samples. */
  readonly steps: number
  readonly kinds: SamplingKinds
  /** Tokens that end a completion: how many there are. */
  readonly eosTokens: number
}

/** What says where each row stands, and how tokens are drawn. */
export interface DecodeArrays<Value> {
  readonly promptLengths: Value // [groups] i32: tokens before the rows' own
  /** The newest token of each row, which is not in the cache yet. */
  readonly newest: Value // [B] i32
  /** Its place among the row's own tokens. */
  readonly lengths: Value // [B] i32
  /** Rows whose completion goes on. */
  readonly active: Value // [B] i1
  /** Tokens of the longest completion. */
  readonly maxCompletionLength: Value // [] i32
  /** Tokens that this call samples at most, up to the program's. */
  readonly limit: Value // [] i32
  readonly eosTokenIds: Value // [eosTokens] i32
  readonly uniforms: Value // [B, steps]
  readonly temperature: Value // []
  readonly topK: Value // [] i32
  readonly topP: Value // []
  readonly minP: Value // []
  readonly repetitionPenalty: Value // []
  /** Tokens that occurred in each row; only for the repetition penalty. */
  readonly seen: Value | null // [B, V] i1
}

/** Type of the cosines, and of the sines, of all places of a cache. */
export function angleType({ config }: ProgramModel, { promptTokens, tokens }: CacheShape): ArrayType {
  return { dtype: 'f32', shape: [promptTokens + tokens, config.headDim / 2] }
}

/** Types of the arguments behind the angles and before the cache. */
export function decodeTypes({ model, cache, steps, kinds, eosTokens }: DecodeProgram): DecodeArrays<ArrayType> {
  const { vocabularySize } = model.config
  const rows = cache.groups * cache.rows
  const ints = (...shape: number[]): ArrayType => ({ dtype: 'i32', shape })
  const floats = (...shape: number[]): ArrayType => ({ dtype: 'f32', shape })
  return {
    promptLengths: ints(cache.groups),
    newest: ints(rows),
    lengths: ints(rows),
    active: { dtype: 'i1', shape: [rows] },
    maxCompletionLength: ints(),
    limit: ints(),
    eosTokenIds: ints(eosTokens),
    uniforms: floats(rows, steps),
    temperature: floats(),
    topK: ints(),
    topP: floats(),
    minP: floats(),
    repetitionPenalty: floats(),
    seen: kinds.repetitionPenalty ? { dtype: 'i1', shape: [rows, vocabularySize] } : null,
  }
}

/** All arrays, in the order in which the program takes them. */
export function listDecode<Value>(arrays: DecodeArrays<Value>): Value[] {
  return (Object.values(arrays) as (Value | null)[]).filter((value): value is Value => value !== null)
}

/**
 * Samples up to `steps` tokens of every row in one call; it ends early when no row goes on.
 * Arguments: the decoder, an adapter that is apart, cosines and sines of all places, {@link DecodeArrays}, the cache, of which keys and values of the rows are taken over. Results: these keys
 * and values; tokens, log-probabilities and entropies, each [B, steps], of which a row's count up to the end of its completion.
 */
export function decodeProgram(program: DecodeProgram): Program {
  const { model, ranks, cache, steps, kinds } = program
  const { config, weightType, formats } = model
  const rows = cache.groups * cache.rows
  const declare = ({ dtype, shape }: ArrayType): Node => hlo.argument(dtype, shape)
  const decoder = mapDecoder(decoderTypes(config, weightType, formats), declare)
  const adapter = ranks && mapAdapter(adapterTypes(config, ranks), declare)
  const [cos, sin] = [0, 1].map(() => declare(angleType(model, cache))) as [Node, Node]
  const { seen: seenType, ...types } = decodeTypes(program)
  const given: DecodeArrays<Node> = { ...mapValues(types, declare), seen: seenType && declare(seenType) }
  const stored: CacheArrays<Node> = mapValues(cacheTypes(config, weightType, cache), declare)
  const groupOf = (perGroup: Node): Node =>
    hlo.reshape(hlo.broadcast(perGroup, [cache.groups, cache.rows], [0]), [rows])
  const empty = (dtype: 'i32' | 'f32'): Node => hlo.constant(0, dtype, [rows, steps])

  const start = [
    hlo.constant(0, 'i32'),
    stored.keys,
    stored.values,
    given.newest,
    given.lengths,
    given.active,
    empty('i32'),
    empty('f32'),
    empty('f32'),
    ...(given.seen ? [given.seen] : []),
  ]
  const anyGoesOn = (active: Node): Node => hlo.compare(hlo.sum(hlo.convert(active, 'i32'), [0]), 'GT', 0)
  const end = loop(
    start,
    ([step, , , , , active]) => hlo.and(hlo.compare(step!, 'LT', given.limit), anyGoesOn(active!)),
    (state) => {
      const [step, oldKeys, oldValues, newest, lengths, active] = state as [Node, Node, Node, Node, Node, Node]
      const [, , , , , , ids, logProbs, entropies, seen = null] = state as Node[] & { length: 9 }
      const positions = hlo.add(groupOf(given.promptLengths), lengths)
      const rotary = { cos: hlo.takeRows(cos, positions), sin: hlo.takeRows(sin, positions) }
      const x = embed(decoder, newest)
      const [last, keys, values] = forLayers(config, [x, oldKeys, oldValues], (layer, [input, k, v]) => {
        const own = { ...stored, keys: k!, values: v! }
        const places = { layer, lengths, promptLengths: given.promptLengths }
        let written: readonly Node[] = []
        const y = decoderLayer(model, input!, {
          ...layerOf(decoder.layers, adapter, layer),
          rotary: rotaryOf(config, rotary, layer),
          attend: (...tokens) => {
            const attended = decodeAttention(model, cache, own, places, tokens)
            written = [attended.keys, attended.values]
            return attended.mixed
          },
          dropout: null,
        })
        return [y, ...written]
      }) as [Node, Node, Node]
      const logits = nextLogits(model, decoder, last)
      const uniforms = hlo.reshape(hlo.dynamicSlice(given.uniforms, [0, step], [rows, 1]), [rows])
      const scalars: SamplingScalars = given
      const sampled = sampleTokens(logits, uniforms, seen, kinds, scalars)
      const write = (to: Node, values: Node): Node => hlo.dynamicUpdate(to, hlo.reshape(values, [rows, 1]), [0, step])
      const nextLengths = hlo.select(active, hlo.add(lengths, 1), lengths)
      const goesOn = hlo.and(
        hlo.and(active, hlo.not(isAmong(sampled.ids, given.eosTokenIds))),
        hlo.compare(nextLengths, 'LT', hlo.broadcast(given.maxCompletionLength, [rows], [])),
      )
      return [
        hlo.add(step, 1),
        keys,
        values,
        hlo.select(active, sampled.ids, newest),
        nextLengths,
        goesOn,
        write(ids!, sampled.ids),
        write(logProbs!, sampled.logProbs),
        write(entropies!, sampled.entropies),
        ...(seen ? [withSeen(seen, sampled.ids)] : []),
      ]
    },
  )
  const [, keys, values, , , , ids, logProbs, entropies] = end
  return printProgram({
    name: 'decode',
    inputs: [
      ...listDecoder(decoder),
      ...(adapter ? listAdapter(adapter) : []),
      cos,
      sin,
      ...listDecode(given),
      ...Object.values<Node>({ ...stored }),
    ],
    outputs: [keys!, values!, ids!, logProbs!, entropies!],
    donated: new Map([
      [stored.keys, 0],
      [stored.values, 1],
    ]),
  })
}

/** Logits of the token behind each row of hidden states. */
function nextLogits(model: ProgramModel, decoder: DecoderArrays<Node>, last: Node /* [B, D] */): Node /* [B, V] */ {
  const normed = rmsNorm(last, decoder.finalNorm, model.config.rmsNormEpsilon)
  return timesTransposed(normed, decoder.head ?? decoder.embedding, multiplier(model.weightType))
}

/** Whether each token is one of a list. */
function isAmong(ids: Node /* [B] */, list: Node /* [E] */): Node /* [B] i1 */ {
  const shape = [ids.shape[0]!, list.shape[0]!]
  const equal = hlo.compare(hlo.repeatRows(ids, shape), 'EQ', hlo.repeatColumns(list, shape))
  return hlo.compare(hlo.sum(hlo.convert(equal, 'i32'), [1]), 'GT', 0)
}

/** Marks a token of each row as seen. */
function withSeen(seen: Node /* [B, V] i1 */, ids: Node /* [B] */): Node {
  const isToken = hlo.compare(hlo.iota(1, seen.shape), 'EQ', hlo.repeatRows(ids, seen.shape))
  return hlo.or(seen, isToken)
}
