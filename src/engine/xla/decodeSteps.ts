import { notNumbers } from '../../ops/sampleTokens.js'
import { decodeProgram, decodeTypes, listDecode } from '../../xla/programs/decode.js'
import type { DecodeArrays, DecodeProgram } from '../../xla/programs/decode.js'
import type { ProgramModel } from '../../xla/programs/decoderLayer.js'
import type { CacheShape } from '../../xla/programs/samplingCache.js'
import type { DeviceArray, Executable } from '../../xla/runtime/runner.js'
import type { HostArray } from '../../xla/types.js'
import type { DrawingSettings } from '../engine.js'
import type { SamplingOptions } from '../sampling.js'
import type { Sequence } from '../sequence.js'
import { withScope } from './device.js'
import type { ArrayScope, Device } from './device.js'
import type { Rollout, RolloutCache } from './rollout.js'
import type { GroupSlots } from './rowSlots.js'
import { modelKey } from './sequencePrograms.js'
import type { Ranks } from './trained.js'

/** Tokens of every row that one call samples at most: then ended rows leave and stop strings are looked for. */
const STEPS = 32

/** Which program samples with these options. */
export function decodeProgramOf(
  model: ProgramModel,
  /** Of an adapter that is apart. */
  ranks: Ranks | null,
  cache: CacheShape,
  eosTokenIds: readonly number[],
  { temperature = 1, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 }: DrawingSettings,
): DecodeProgram {
  const greedy = temperature === 0
  const kinds = {
    greedy,
    topK: !greedy && topK > 0,
    topP: !greedy && topP < 1,
    minP: !greedy && (minP ?? 0) > 0,
    repetitionPenalty: repetitionPenalty !== 1,
  }
  return { model, ranks, cache, steps: STEPS, kinds, eosTokens: Math.max(1, eosTokenIds.length) }
}

/** The compiled program. */
export function compileDecode(device: Device, program: DecodeProgram): Promise<Executable> {
  const { model, ...rest } = program
  return device.program(`decode ${modelKey(model)} ${JSON.stringify(rest)}`, () => decodeProgram(program))
}

/** Samples some tokens of every row that goes on and appends them to their sequences; returns the cache as it is then. */
export async function decodeSteps(
  rollout: Rollout,
  cache: RolloutCache,
  slots: GroupSlots,
  scope: ArrayScope,
): Promise<{ readonly cache: RolloutCache; readonly tokens: number; readonly ended: number }> {
  const { device, weights, model, eosTokenIds, options } = rollout
  const program = decodeProgramOf(model, weights.ranks, cache.shape, eosTokenIds, options)
  const executable = await compileDecode(device, program)
  const active = slots.active()
  const limit = nextSteps(slots, options)
  const values = listDecode(decodeArrays(rollout, program, slots, active, limit))
  const types = listDecode(decodeTypes(program))
  const outputs = await withScope(device, (inputs) => {
    const uploaded = types.map((type, i) => inputs.upload(values[i]!, type))
    return Promise.resolve(
      device.execute(executable, [
        ...weights.list,
        ...cache.angles,
        ...uploaded,
        ...Object.values<DeviceArray>({ ...cache.arrays }),
      ]),
    )
  })
  const [keys, rowValues, ...sampled] = outputs.map((output) => scope.own(output)) as [DeviceArray, DeviceArray]
  const [ids, logProbs, entropies] = (await Promise.all(
    (sampled as DeviceArray[]).map((array) => device.read(array)),
  )) as [HostArray, HostArray, HostArray]
  device.free(...(sampled as DeviceArray[]))
  const arrays = { ...cache.arrays, keys, values: rowValues }
  return { cache: { ...cache, arrays }, ...appendTokens(active, { ids, logProbs, entropies }, limit) }
}

/** Tokens that the next call samples of every row at most: none has room for more, but each gets one. */
export function nextSteps(
  slots: GroupSlots,
  { maxCompletionLength }: Pick<SamplingOptions, 'maxCompletionLength'>,
): number {
  const left = slots.active().map((row) => (row ? maxCompletionLength - row.ids.length : 0))
  return Math.min(STEPS, Math.max(1, ...left))
}

/** What each row starts from. */
function decodeArrays(
  { model, eosTokenIds, options }: Rollout,
  { steps, kinds, eosTokens }: DecodeProgram,
  slots: GroupSlots,
  active: readonly (Sequence | null)[], // [B]
  limit: number,
): DecodeArrays<HostArray> {
  const { temperature = 1, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1, maxCompletionLength } = options
  const uniforms = new Float32Array(active.length * steps)
  for (const [row, sequence] of active.entries()) {
    if (!sequence || kinds.greedy) continue
    for (let step = 0; step < limit; step++) uniforms[row * steps + step] = belowOne(sequence.random())
  }
  return {
    promptLengths: Int32Array.from(slots.groups, (group) => (group ? group.promptIds.length - 1 : 0)),
    newest: Int32Array.from(active, (row) => (row ? (row.ids.at(-1) ?? row.promptIds.at(-1)!) : 0)),
    lengths: Int32Array.from(active, (row) => row?.ids.length ?? 0),
    active: Uint8Array.from(active, (row) => (row ? 1 : 0)),
    maxCompletionLength: Int32Array.of(maxCompletionLength),
    limit: Int32Array.of(limit),
    eosTokenIds: Int32Array.from({ length: eosTokens }, (_, i) => eosTokenIds[i] ?? -1),
    uniforms,
    temperature: Float32Array.of(temperature || 1),
    topK: Int32Array.of(topK),
    topP: Float32Array.of(topP),
    minP: Float32Array.of(minP ?? 0),
    repetitionPenalty: Float32Array.of(repetitionPenalty),
    seen: kinds.repetitionPenalty ? seenTokens(active, model.config.vocabularySize) : null,
  }
}

/** The largest number below 1 in float32, to which numbers close to 1 must not be rounded up. */
const BELOW_ONE = 1 - 2 ** -24

function belowOne(uniform: number): number {
  return Math.min(uniform, BELOW_ONE)
}

/** Which tokens occurred in each row. */
function seenTokens(active: readonly (Sequence | null)[], vocabularySize: number): Uint8Array /* [B, V] */ {
  const seen = new Uint8Array(active.length * vocabularySize)
  for (const [row, sequence] of active.entries()) {
    for (const id of sequence?.history() ?? []) seen[row * vocabularySize + id] = 1
  }
  return seen
}

/** Appends what was sampled to the sequences, up to the end of each. */
function appendTokens(
  active: readonly (Sequence | null)[], // [B]
  { ids, logProbs, entropies }: Readonly<Record<'ids' | 'logProbs' | 'entropies', HostArray>>, // [B, steps]
  limit: number,
): { tokens: number; ended: number } {
  let tokens = 0
  let ended = 0
  for (const [row, sequence] of active.entries()) {
    if (!sequence) continue
    for (let at = row * STEPS; at < row * STEPS + limit && sequence.finishReason === null; at++) {
      if (Number.isNaN(logProbs[at])) throw notNumbers(row)
      sequence.append(ids[at]!, logProbs[at]!, entropies[at]!)
      tokens++
    }
    if (sequence.finishReason !== null) ended++
  }
  return { tokens, ended }
}
