import type { CpuBackend } from '../../backend/cpu/backend.js'
import { cachedAttentionCall } from '../../backend/cpu/kernels/attention.js'
import { slotPanelList } from '../../backend/cpu/kernels/attentionWork.js'
import { callCopyRows } from '../../backend/cpu/kernels/copyRows.js'
import { callLinear } from '../../backend/cpu/kernels/linearProducts.js'
import { callRmsNorm } from '../../backend/cpu/kernels/rmsNorm.js'
import { callSampleTokens, drawValues } from '../../backend/cpu/kernels/sampleTokens.js'
import { callEmbed } from '../../backend/cpu/kernels/weight.js'
import { KernelList } from '../../backend/cpu/kernelList.js'
import { EngineError } from '../../errors.js'
import type { ModelConfig } from '../../model/config.js'
import { projections } from '../../model/modelTensors.js'
import type { Projection } from '../../model/modelTensors.js'
import { checkTokenIds } from '../../ops/embed.js'
import { checkArguments, checkSampled } from '../../ops/sampleTokens.js'
import type { SampledTokens, SampleTokensAttributes } from '../../ops/sampleTokens.js'
import { runSlots } from './cacheSlots.js'
import { checkBatch } from './decoder.js'
import type { DecoderWeights } from './decoder.js'
import type { KeptProjections } from './keptProjections.js'
import type { LoraTensors } from './loraTensors.js'
import { addLayer } from './planLayer.js'
import type { KeptPlaces, LayerCache, StepPlan } from './planLayer.js'
import { GrowingBlock, StepMemory } from './planMemory.js'
import type { StepBuffers } from './planMemory.js'
import { PlanWeights } from './planWeights.js'
import { RotaryMemory } from './rotaryMemory.js'
import type { SamplingSteps } from './samplingSteps.js'
import type { DecodingStep } from './scheduler.js'

/** What a step writes anew beside the results of its layers. */
const INPUTS = [
  'tokenIds',
  'positions',
  'slots',
  'rows',
  'keptFrom',
  'keptTo',
  'panels',
  'attention',
  'doubles',
  'history',
] as const

/** Addresses of what the first and last kernels of a step read. */
interface StepInputs {
  readonly tokenIds: number // [N]
  readonly rows: number // [n]
  readonly doubles: number
  readonly history: number
  readonly historyEnds: number
}

type InputBlocks = Readonly<Record<(typeof INPUTS)[number], GrowingBlock>>

/**
 * Steps of sampling as one list of calls of the cpu backend's kernels, dispatched once a token: no op of tfjs, no new tensor, nothing
 * between the kernels. The bits are those of {@link TensorSteps}, since each number is computed by the same kernel from the same ones.
 */
export class DecodingPlan implements SamplingSteps {
  readonly #weights: PlanWeights
  readonly #list: KernelList
  readonly #memory: StepMemory
  readonly #inputs: InputBlocks
  readonly #caches: LayerCache[] = []
  readonly #blocks: number[] = []
  readonly #rotary: RotaryMemory
  readonly #tables: KeptPlaces['tables'] | null
  /** Of the calls that the list holds. */
  #key: string | null = null

  constructor(
    private readonly backend: CpuBackend,
    private readonly config: ModelConfig,
    weights: DecoderWeights,
    adapter: LoraTensors | null,
    slots: number,
    private readonly kept: KeptProjections | null,
    /** Throws when the model cannot compute any more. */
    private readonly check: () => void,
  ) {
    const { allocator } = backend.runtime
    this.#weights = new PlanWeights(backend, weights, adapter)
    this.#list = new KernelList(backend.runtime)
    this.#memory = new StepMemory(allocator, config, this.#weights.rank)
    this.#inputs = Object.fromEntries(INPUTS.map((name) => [name, new GrowingBlock(allocator)])) as InputBlocks
    this.#rotary = new RotaryMemory(config, new GrowingBlock(allocator))
    this.#tables = kept && keptTables(backend, config, kept)
    const floats = runSlots(slots) * config.numKeyValueHeads * config.headDim
    const table = (): number => {
      const address = allocator.allocate(floats * 4)
      this.#blocks.push(address)
      new Float32Array(allocator.memory.buffer, address, floats).fill(0)
      return address
    }
    try {
      for (let layer = 0; layer < config.numLayers; layer++) this.#caches.push({ keys: table(), values: table() })
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  sample(step: DecodingStep, draw: SampleTokensAttributes): Promise<SampledTokens> {
    // Nothing is waited for; what fails rejects all the same.
    return new Promise((resolve) => {
      this.check()
      if (this.kept?.isDisposed) throw new EngineError('what sampling keeps for training was given up while it ran')
      const last = checkBatch(this.config, step.batch, true)
      checkTokenIds(step.batch.tokenIds, this.config.vocabularySize)
      checkArguments([step.rows.length, this.config.vocabularySize], draw)
      const buffers = this.#memory.buffers(step.batch.tokenIds.length, step.rows.length)
      const plan = this.#plan(step, buffers, last)
      const inputs = this.#place(step, draw)
      const list = this.#list
      const fill = (): void => {
        list.clear()
        this.#addCalls(plan, inputs, step.rows.length, draw)
      }
      // From token to token mostly the numbers change that the kernels read, and not where they lie.
      const key = keyOf(plan, inputs, step.rows.length, draw)
      const isFilled = key !== null && key === this.#key && !list.isOutdated
      this.#key = null
      if (!isFilled) fill()
      // Where the kernels' scratch area has grown on the way, the calls from before have its old place.
      if (list.isOutdated) fill()
      this.#key = key
      list.dispatch()
      const sampled = this.#read(buffers.sampled, step.rows.length)
      checkSampled(sampled)
      resolve(sampled)
    })
  }

  dispose(): void {
    for (const address of this.#blocks.splice(0)) this.backend.runtime.allocator.release(address)
    for (const block of Object.values(this.#inputs)) block.dispose()
    this.#rotary.dispose()
    this.#memory.dispose()
    this.#list.dispose()
    this.#weights.dispose()
  }

  /** Writes what the layers of a step read. */
  #plan({ batch, keptRows }: DecodingStep, buffers: StepBuffers, last: number): StepPlan {
    const { config } = this
    const { numHeads, numKeyValueHeads, headDim } = config
    const inputs = this.#inputs
    const options = { segments: batch.segments, numHeads, numKeyValueHeads }
    const attention = cachedAttentionCall(options, numHeads * headDim, this.backend.runtime.threads)
    const list = inputs.attention.place(attention.list)
    const panels = slotPanelList(batch.slots!)
    return {
      config,
      tokens: batch.tokenIds.length,
      buffers,
      positions: inputs.positions.place(batch.positions),
      slots: inputs.slots.place(batch.slots!),
      panels: { list: inputs.panels.place(panels.words), entries: panels.entries },
      slotCopies: batch.slotCopies ?? [],
      rotary: this.#rotary.tables(last + 1),
      attention: {
        list,
        entries: attention.entries,
        add: (calls, q, { keys, values }) => {
          const { mixed: y, logSumExp } = buffers
          attention.call(calls, { q, keyPanels: keys, v: values, y, logSumExp, list })
        },
      },
      kept: this.#tables && this.#keptPlaces(this.#tables, keptRows),
    }
  }

  #keptPlaces(tables: KeptPlaces['tables'], rows: Int32Array): KeptPlaces | null {
    const [firstRow] = rows
    if (firstRow !== undefined && firstRow >= 0 && rows.every((row, i) => row === firstRow + i)) {
      return { tables, firstRow, from: 0, to: 0, count: 0 }
    }
    const from = Int32Array.from(rows.keys()).filter((i) => rows[i]! >= 0)
    if (from.length === 0) return null
    const to = from.map((i) => rows[i]!)
    const { keptFrom, keptTo } = this.#inputs
    return { tables, firstRow: null, from: keptFrom.place(from), to: keptTo.place(to), count: from.length }
  }

  /** Writes what the step's first and last kernels read. */
  #place({ batch, rows }: DecodingStep, draw: SampleTokensAttributes): StepInputs {
    const { tokenIds, rows: rowNumbers, doubles, history } = this.#inputs
    const values = drawValues(draw)
    const historyAddress = history.place(values.history)
    return {
      tokenIds: tokenIds.place(batch.tokenIds),
      rows: rowNumbers.place(rows),
      doubles: doubles.place(values.doubles),
      history: historyAddress,
      historyEnds: historyAddress + values.historyEnd * 4,
    }
  }

  #addCalls(plan: StepPlan, inputs: StepInputs, count: number, { parameters }: SampleTokensAttributes): void {
    const { config } = this
    const { hiddenSize, vocabularySize } = config
    const calls = this.#list
    const { embedding, layers, finalNorm, head } = this.#weights
    const { x, predicting, logits, sampled } = plan.buffers
    const { tokenIds: ids, rows: fromRows, doubles, history, historyEnds } = inputs
    if ('matrix' in embedding) {
      const to = { to: x, toRows: 0, count: plan.tokens, width: hiddenSize }
      callCopyRows(calls, { from: embedding.matrix, fromRows: ids, ...to })
    } else callEmbed(calls, { weight: embedding.panels, ids, out: x, rows: plan.tokens })
    calls.barrier()
    for (const [index, layer] of layers.entries()) addLayer(calls, plan, layer, this.#caches[index]!, index)

    // The norm of a row does not depend on the others: only the rows that predict a token need it.
    callCopyRows(calls, { from: x, fromRows, to: predicting, toRows: 0, count, width: hiddenSize })
    calls.barrier()
    const norm = { weight: finalNorm, rows: count, width: hiddenSize, epsilon: config.rmsNormEpsilon }
    callRmsNorm(calls, { x: predicting, out: predicting, ...norm })
    calls.barrier()
    callLinear(calls, { x: predicting, weight: head, y: logits, rows: count })
    calls.barrier()
    callSampleTokens(calls, {
      logits,
      rows: count,
      vocabulary: vocabularySize,
      sampled,
      parameters,
      doubles,
      history,
      historyEnds,
    })
  }

  #read(sampled: number, rows: number): SampledTokens {
    const { buffer } = this.backend.runtime.allocator.memory
    const floats = new Float32Array(buffer, sampled, 5 * rows)
    return {
      ids: new Int32Array(buffer, sampled, rows).slice(),
      logProbs: floats.slice(rows, 2 * rows),
      entropies: floats.slice(2 * rows, 3 * rows),
      statistics: floats.slice(3 * rows),
    }
  }
}

/** The same for steps whose calls are the same; null for one whose calls no other has. */
function keyOf(
  plan: StepPlan,
  inputs: StepInputs,
  count: number,
  { parameters: { temperature, topK } }: SampleTokensAttributes,
): string | null {
  const { tokens, buffers, positions, slots, panels, slotCopies, rotary, attention, kept } = plan
  if (slotCopies.length > 0) return null
  const numbers = {
    tokens,
    count,
    temperature,
    topK,
    positions,
    slots,
    x: buffers.x,
    work: buffers.normed,
    // Tables that have grown may begin where they did before: the sines then lie further on.
    ...rotary,
    panels: panels.list,
    panelEntries: panels.entries,
    attention: attention.list,
    attentionEntries: attention.entries,
    firstRow: kept?.firstRow,
    keptFrom: kept?.from,
    keptTo: kept?.to,
    keptCount: kept?.count,
    ...inputs,
  }
  return Object.values(numbers).join()
}

/** Addresses of what is kept of each layer's projections. */
function keptTables(backend: CpuBackend, config: ModelConfig, kept: KeptProjections): KeptPlaces['tables'] {
  return Array.from({ length: config.numLayers }, (_, layer) => {
    const tables = projections.map((projection) => [projection, backend.address(kept.table(layer, projection))])
    return Object.fromEntries(tables) as Record<Projection, number>
  })
}
