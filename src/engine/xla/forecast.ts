import { adapterTypes, listAdapter, listDecoder } from '../../xla/programs/decoderArrays.js'
import { cacheTypes } from '../../xla/programs/samplingCache.js'
import type { Executable } from '../../xla/runtime/runner.js'
import { bytesOf } from '../../xla/types.js'
import type { ArrayType } from '../../xla/types.js'
import type { EngineBudgets, EngineRow, TokenIds, Workload, WorkloadMemory } from '../engine.js'
import { cutRows, layOut } from './batchLayout.js'
import { tokensOf } from '../../xla/programs/batch.js'
import { cacheShape } from './budgets.js'
import { compileDecode, decodeProgramOf } from './decodeSteps.js'
import { isMerged } from './samplingDecoder.js'
import { compileBackward, compileForward, sequenceProgram } from './sequencePrograms.js'
import type { SequenceModel } from './sequencePrograms.js'
import { changedMatrices } from '../../xla/programs/mergeAdapter.js'
import { listWeight } from '../../xla/programs/weightArrays.js'

/** Bytes that a step takes at its largest, by the compiler's own account: the programs are compiled, and used later. */
export async function forecastWorkload(
  { device, model, decoder, trained, logitBytes }: SequenceModel,
  budgets: EngineBudgets,
  workload: Workload & { readonly maxTokens: number },
  eosTokenIds: TokenIds,
): Promise<WorkloadMemory> {
  const { config, weightType } = model
  const ranks = trained?.ranks ?? null
  const apart = isMerged(model) ? null : ranks
  const cache = cacheShape(config, weightType, budgets, device.fewestTokens, workload)
  const decode = await compileDecode(device, decodeProgramOf(model, apart, cache, eosTokenIds, workload.drawing ?? {}))
  const stored = sum(Object.values<ArrayType>({ ...cacheTypes(config, weightType, cache) }))
  const merged = ranks && !apart ? changedMatrices(ranks).flatMap((name) => listWeight(decoder.layers[name])) : []
  const own = ranks ? listAdapter(adapterTypes(config, ranks)) : trained ? listDecoder(decoder) : []
  return {
    trained: sum(own) + sum(merged),
    sampling: stored + temporaryBytes(decode),
    activations: trained ? await trainingBytes() : 0,
    keptPerToken: null,
  }

  async function trainingBytes(): Promise<number> {
    const runs = cutRows(rowsOf(workload), workload.maxTokens, device.fewestTokens).map(
      (run) => layOut(run, device.fewestTokens).shape,
    )
    const largest = runs.reduce((a, b) => (tokensOf(b) > tokensOf(a) ? b : a))
    const program = sequenceProgram({ model, logitBytes }, largest, ranks, trained!.parameters.dropout > 0)
    const [forward, backward] = await Promise.all([
      compileForward(device, program, true),
      compileBackward(device, program),
    ])
    const kept = sum(forward.program.outputs)
    return kept + Math.max(temporaryBytes(forward), temporaryBytes(backward) + sum(backward.program.outputs))
  }
}

/** Rows of a workload at its largest; which tokens they hold does not matter. */
function rowsOf({ promptTokens, numGenerations, maxCompletionLength, rows }: Workload): EngineRow[] {
  const completionIds = new Array<number>(maxCompletionLength).fill(0)
  let promptIds: readonly number[] = []
  return Array.from({ length: rows }, (_, row) => {
    if (row % numGenerations === 0) promptIds = new Array<number>(promptTokens).fill(0)
    return { promptIds, completionIds }
  })
}

function sum(types: readonly ArrayType[]): number {
  return types.reduce((total, type) => total + bytesOf(type), 0)
}

/** What a program takes beside its arguments and results; 0 where the compiler does not say. */
function temporaryBytes({ memory }: Executable): number {
  return memory?.temporary ?? 0
}
