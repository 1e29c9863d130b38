/** The programs that the engine xla runs in a step, as it makes them. */
import { budgetsOf } from '../../src/engine/xla/budgets.js'
import { countBucket, fewestTokens, tokenBucket } from '../../src/engine/xla/buckets.js'
import { decodeProgramOf } from '../../src/engine/xla/decodeSteps.js'
import { weightBytes } from '../../src/engine/xla/deviceWeights.js'
import { isMerged } from '../../src/engine/xla/samplingDecoder.js'
import { sequenceProgram } from '../../src/engine/xla/sequencePrograms.js'
import { projections } from '../../src/model/modelTensors.js'
import { backwardProgram } from '../../src/xla/programs/backward.js'
import { decodeProgram } from '../../src/xla/programs/decode.js'
import { adapterTypes, decoderTypes, listAdapter } from '../../src/xla/programs/decoderArrays.js'
import type { ProgramModel } from '../../src/xla/programs/decoderLayer.js'
import { forwardProgram } from '../../src/xla/programs/forward.js'
import { growProgram } from '../../src/xla/programs/growCache.js'
import { changedMatrices, mergeProgram } from '../../src/xla/programs/mergeAdapter.js'
import { prefillProgram } from '../../src/xla/programs/prefill.js'
import { cacheTypes } from '../../src/xla/programs/samplingCache.js'
import { listWeight } from '../../src/xla/programs/weightArrays.js'
import type { Program } from '../../src/xla/runtime/runner.js'
import { bytesOf } from '../../src/xla/types.js'
import type { ArrayType } from '../../src/xla/types.js'

/** What the programs are made for. */
export interface ProgramSizes {
  /** Tokens of a prompt, and of a completion. */
  readonly promptTokens: number
  readonly completionTokens: number
  /** Completions of each prompt. */
  readonly numGenerations: number
  /** Prompts that are sampled from together. */
  readonly prompts: number
  /** Prompts whose completions are trained on together, and completions of each that are. */
  readonly trainedPrompts: number
  readonly trainedRows: number
  /** Of the adapter, which is on all linear layers. */
  readonly rank: number
}

/** What is compared with the budget: completions of 512 tokens, eight of each prompt. */
export const checkedSizes: ProgramSizes = {
  promptTokens: 256,
  completionTokens: 512,
  numGenerations: 8,
  prompts: 8,
  trainedPrompts: 2,
  trainedRows: 8,
  rank: 16,
}

/** Share of a card's memory that XLA may take for arrays (src/xla/runtime/clients.ts); the rest is the driver's and the libraries'. */
export const USABLE = 0.9

/** In the order of a step. */
export const programNames = ['merge', 'prefill', 'decode', 'grow', 'score', 'forward', 'backward'] as const
export type ProgramName = (typeof programNames)[number]

/** Those that a model has: of one with quantised weights no adapter is merged. */
export function programsOf(model: ProgramModel): readonly ProgramName[] {
  return programNames.filter((name) => name !== 'merge' || isMerged(model))
}

function ranksOf({ rank }: ProgramSizes): Record<string, number> {
  return Object.fromEntries(projections.map((module) => [module, rank]))
}

function cacheOf({ prompts, promptTokens, numGenerations, completionTokens }: ProgramSizes) {
  return {
    groups: prompts,
    promptTokens: tokenBucket(promptTokens - 1, fewestTokens('cuda')),
    rows: numGenerations,
    tokens: tokenBucket(completionTokens, fewestTokens('cuda')),
  }
}

/** Those that the budget has: of quantised weights the ones that say whether products are still joined with what codes stand for. */
export function checkedPrograms(model: ProgramModel): readonly ProgramName[] {
  return isMerged(model) ? programNames : ['decode', 'backward']
}

/** Makes a program, for a card with so much memory. */
export function modelProgram(
  name: ProgramName,
  model: ProgramModel,
  sizes: ProgramSizes,
  memory: number, // bytes
): Program {
  const { logitBytes, prefillTokens } = budgetsOf(USABLE * memory)
  const cache = cacheOf(sizes)
  const ranks = ranksOf(sizes)
  const apart = isMerged(model) ? null : ranks
  const { trainedPrompts: groups, trainedRows: rows } = sizes
  const sequences = sequenceProgram({ model, logitBytes }, { ...cache, groups, rows }, ranks, false)
  switch (name) {
    case 'merge':
      return mergeProgram(model, ranks)
    case 'prefill': {
      const prompts = Math.min(countBucket(cache.groups), Math.max(1, Math.floor(prefillTokens / cache.promptTokens)))
      return prefillProgram(model, apart, cache, prompts, cache.promptTokens)
    }
    case 'decode':
      return decodeProgram(decodeProgramOf(model, apart, cache, [0], {}))
    case 'grow':
      return growProgram(model, cache, { ...cache, tokens: 2 * cache.tokens })
    case 'score':
      return forwardProgram(sequences, { keep: false })
    case 'forward':
      return forwardProgram(sequences, { keep: true })
    case 'backward':
      return backwardProgram(sequences)
  }
}

/** Bytes that are on the device while a program runs, beside its own: the weights without the adapter, the adapter, the cache. */
export function residentBytes(name: ProgramName, model: ProgramModel, sizes: ProgramSizes): number {
  const { config, weightType, formats } = model
  const { layers } = decoderTypes(config, weightType, formats)
  const ranks = ranksOf(sizes)
  // What is merged lies beside what it was made of; an adapter that is apart is among a program's arguments.
  const changed = isMerged(model) ? sum(changedMatrices(ranks).flatMap((matrix) => listWeight(layers[matrix]))) : 0
  const adapter = sum(listAdapter(adapterTypes(config, ranks)))
  switch (name) {
    case 'merge':
      return weightBytes(model) - changed
    case 'prefill': {
      const { keys, values } = cacheTypes(config, weightType, cacheOf(sizes))
      return changed + (isMerged(model) ? adapter : 0) + sum([keys, values])
    }
    case 'decode':
      return changed + (isMerged(model) ? adapter : 0)
    case 'grow': {
      const { promptKeys, promptValues } = cacheTypes(config, weightType, cacheOf(sizes))
      return weightBytes(model) + changed + adapter + sum([promptKeys, promptValues])
    }
    case 'score':
    case 'forward':
    case 'backward':
      return 0
  }
}

function sum(types: readonly ArrayType[]): number {
  return types.reduce((total, type) => total + bytesOf(type), 0)
}
