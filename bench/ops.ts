import * as tf from '../src/bundled/tfjs.js'
import { cachedAttentionCall } from '../src/backend/cpu/kernels/attention.js'
import type { Runtime } from '../src/backend/cpu/runtime.js'
import { attentionPairs } from '../src/backend/operations.js'
import { formatTable } from '../src/cli/terminal/table.js'
import { runSlots } from '../src/engine/cpu/cacheSlots.js'
import { packGroups } from '../src/engine/cpu/packedBatch.js'
import type { AttentionOptions, AttentionSegment } from '../src/ops/attention.js'
import { runKernel } from '../src/ops/kernel.js'
import type { Frozen } from '../src/ops/kernel.js'
import type { KernelName } from '../src/ops/kernelSets.js'
import type { Backends } from './backends.js'
import { simdColumns } from './simd.js'
import type { Peaks } from './peak.js'
import { randomMatrix, randomValues, randomWeight } from './randomValues.js'
import { numberOf, percentOf, rounded } from './report.js'
import type { BenchRecord } from './report.js'
import { bestMilliseconds } from './timing.js'

/** What is measured of the ops beside `linear`; the widths are those of SmolLM2-135M. */
export interface OpSizes {
  /** Groups of a packed training batch, each of a prompt and 8 completions. */
  readonly groups: number
  readonly promptLength: number
  readonly completionLength: number
  /** Sequences that are decoded together, and rows of tokenLogProbs. */
  readonly rows: number
  readonly vocabularySize: number
  /** How long to measure each, in milliseconds. */
  readonly milliseconds: number
}

/** The training batches and decoding steps of the fixed workload; see workloads.ts. */
export const fixedWorkloadSizes: OpSizes = {
  groups: 2,
  promptLength: 73,
  completionLength: 64,
  rows: 64,
  vocabularySize: 49152,
  milliseconds: 150,
}

const HIDDEN = 576
const INTERMEDIATE = 1536
const NUM_HEADS = 9
const NUM_KEY_VALUE_HEADS = 3
const HEAD_DIM = 64
const GENERATIONS = 8

/** One call of a kernel, with what it needs and what it has to do. */
interface Case {
  readonly op: KernelName | 'Add'
  readonly size: string
  readonly inputs: Record<string, tf.Tensor>
  readonly attributes: object
  readonly frozen?: Frozen
  /** Multiplications and additions of matrix products, or bytes that have to be read and written. */
  readonly operations?: number
  readonly bytes?: number
  /** Calls the kernel otherwise than by its op. */
  readonly run?: () => void
  dispose?(): void
}

/**
 * Measures the ops in which a step spends its time, `linear` aside, forward and backward.
 * @returns a record of each measurement
 */
export async function measureOps(
  backends: Backends,
  peaks: Peaks,
  sizes: OpSizes,
  progress: (what: string) => void,
): Promise<BenchRecord[]> {
  const records: BenchRecord[] = []
  for (const build of [attentionCases, decodeCases, tokenLogProbsCases, elementwiseCases]) {
    for (const threads of backends.threads) {
      const runtime = await backends.use(threads)
      for (const work of build(sizes, runtime)) {
        progress(`${work.op} ${work.size}, threads: ${threads}`)
        const runOp = (): void => {
          // tfjs's Add is none of our ops, but ours in its place.
          tf.dispose(runKernel<tf.Tensor[]>(work.op as KernelName, work.inputs, work.attributes, work.frozen))
        }
        const milliseconds = bestMilliseconds(work.run ?? runOp, sizes.milliseconds)
        tf.dispose(work.inputs)
        work.dispose?.()
        const gflops = work.operations === undefined ? null : work.operations / milliseconds / 1e6
        const first = records.find(
          ({ op, size, threads: count }) => op === work.op && size === work.size && count === 1,
        )
        records.push({
          benchmark: 'op',
          op: work.op,
          size: work.size,
          threads,
          ms: rounded(milliseconds),
          gflops: gflops === null ? null : rounded(gflops),
          share_of_peak: gflops === null ? null : rounded(gflops / peaks.get(threads)!),
          gb_per_s: work.bytes === undefined ? null : rounded(work.bytes / milliseconds / 1e6),
          speedup_vs_1_thread: first && threads > 1 ? rounded((first.ms as number) / milliseconds) : null,
        })
      }
    }
  }
  return records
}

/** The table of the records of {@link measureOps}. */
export function opsTable(records: readonly BenchRecord[]): string {
  return formatTable<BenchRecord>(
    [
      { heading: 'op', text: ({ op }) => String(op), left: true },
      { heading: 'size', text: ({ size }) => String(size), left: true },
      { heading: 'threads', text: ({ threads }) => String(threads) },
      ...simdColumns(records),
      { heading: 'ms', text: numberOf('ms') },
      { heading: 'GFLOP/s', text: numberOf('gflops') },
      { heading: 'of peak', text: percentOf('share_of_peak') },
      { heading: 'GB/s', text: numberOf('gb_per_s') },
      { heading: '× 1 thread', text: numberOf('speedup_vs_1_thread') },
    ],
    records,
  )
}

/** Attention of a packed training batch, and its gradient. */
function attentionCases({ groups, promptLength, completionLength }: OpSizes): Case[] {
  const group = {
    promptIds: new Int32Array(promptLength),
    completions: Array.from({ length: GENERATIONS }, () => new Int32Array(completionLength)),
  }
  const { batch } = packGroups(Array.from({ length: groups }, () => group))
  const tokens = batch.tokenIds.length
  const inputs = attentionInputs(tokens, tokens)
  const attributes = attentionOptions(batch.segments)
  const product = attentionProduct(batch.segments)
  const [y, logSumExp] = runKernel<[tf.Tensor, tf.Tensor]>('Attention', inputs, attributes)
  const gradientInputs = { ...attentionInputs(tokens, tokens), dy: randomMatrix(tokens, HIDDEN), y, logSumExp }
  const size = `training, ${groups} groups, ${tokens} tokens`
  return [
    { op: 'Attention', size, inputs, attributes, operations: 2 * product },
    { op: 'AttentionGradient', size, inputs: gradientInputs, attributes, operations: 5 * product },
  ]
}

/** Attention of one step of decoding, halfway through the completions, over a cache of panels, and the sampling of its tokens. */
function decodeCases({ rows, promptLength, completionLength, vocabularySize }: OpSizes, runtime: Runtime): Case[] {
  const prompts = Math.ceil(rows / GENERATIONS)
  const [promptSlots, rowSlots] = [runSlots(promptLength), runSlots(completionLength)]
  const own = prompts * promptSlots
  const segments = Array.from({ length: rows }, (_, row): AttentionSegment => ({
    queryStart: row,
    queryLength: 1,
    prefixStart: Math.floor(row / GENERATIONS) * promptSlots,
    prefixLength: promptLength,
    keyStart: own + row * rowSlots,
    keyLength: Math.ceil(completionLength / 2),
  }))
  const parameters = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 }
  const uniforms = Float64Array.from({ length: rows }, (_, row) => (row + 0.5) / rows)
  return [
    {
      op: 'Attention',
      size: `decoding, ${rows} sequences`,
      operations: 2 * attentionProduct(segments),
      inputs: {},
      attributes: {},
      ...cachedAttention(runtime, segments, own + rows * rowSlots),
    },
    {
      op: 'SampleTokens',
      size: `${rows} × ${vocabularySize}`,
      bytes: 4 * rows * vocabularySize,
      inputs: { logits: randomMatrix(rows, vocabularySize) },
      attributes: { parameters, uniforms, histories: null },
    },
  ]
}

/** Attention of single tokens as sampling calls it. */
function cachedAttention(
  runtime: Runtime,
  segments: readonly AttentionSegment[],
  slots: number,
): Required<Pick<Case, 'run' | 'dispose'>> {
  const { allocator } = runtime
  const rows = segments.length
  const width = NUM_KEY_VALUE_HEADS * HEAD_DIM
  const attention = cachedAttentionCall(attentionOptions(segments), HIDDEN, runtime.threads)
  const place = (values: Float32Array | Int32Array): number => {
    const address = allocator.allocate(values.byteLength)
    new Int32Array(allocator.memory.buffer, address, values.length).set(new Int32Array(values.buffer))
    return address
  }
  const addresses = {
    q: place(randomValues(rows * HIDDEN)),
    keyPanels: place(randomValues(slots * width)),
    v: place(randomValues(slots * width)),
    y: allocator.allocate(rows * HIDDEN * 4),
    logSumExp: allocator.allocate(rows * NUM_HEADS * 4),
    list: place(attention.list),
  }
  return {
    run: () => {
      attention.call(runtime, addresses)
    },
    dispose: () => {
      for (const address of Object.values(addresses)) allocator.release(address)
    },
  }
}

function attentionInputs(queries: number, keys: number): Record<'q' | 'k' | 'v', tf.Tensor> {
  const width = NUM_KEY_VALUE_HEADS * HEAD_DIM
  return { q: randomMatrix(queries, HIDDEN), k: randomMatrix(keys, width), v: randomMatrix(keys, width) }
}

function attentionOptions(segments: readonly AttentionSegment[]): AttentionOptions {
  return { segments, numHeads: NUM_HEADS, numKeyValueHeads: NUM_KEY_VALUE_HEADS }
}

/** Operations of one product between queries and keys. */
function attentionProduct(segments: readonly AttentionSegment[]): number {
  return 2 * attentionPairs(segments) * HIDDEN
}

/** The log-probabilities of the tokens of a training batch, and their gradient, which computes the logits again. */
function tokenLogProbsCases({ groups, completionLength, vocabularySize }: OpSizes): Case[] {
  const rows = groups * GENERATIONS * completionLength
  const weight = randomWeight(vocabularySize, HIDDEN, 'bfloat16')
  const targets = Int32Array.from({ length: rows }, (_, row) => (row * 7919) % vocabularySize)
  const attributes = { targets, temperature: 1 }
  const frozen = { weight }
  // As small as the logits of a model.
  const hidden = tf.tidy(() => tf.mul(randomMatrix(rows, HIDDEN), 0.1))
  const [logProbs, entropies, statistics] = runKernel<[tf.Tensor, tf.Tensor, tf.Tensor]>(
    'TokenLogProbs',
    { hidden },
    attributes,
    frozen,
  )
  logProbs.dispose()
  const gradients = { dLogProbs: tf.tensor1d(randomValues(rows)), dEntropies: tf.zeros([rows]) }
  const product = 2 * rows * HIDDEN * vocabularySize
  const size = `${rows} × ${HIDDEN}→${vocabularySize}`
  return [
    { op: 'TokenLogProbs', size, inputs: { hidden: hidden.clone() }, attributes, frozen, operations: product },
    {
      op: 'TokenLogProbsGradient',
      size,
      attributes,
      frozen,
      operations: 2 * product,
      inputs: { hidden, entropies, statistics, ...gradients },
      dispose: () => {
        weight.dispose()
      },
    },
  ]
}

/** What works on single rows or elements of a training batch: bound by memory. */
function elementwiseCases({ groups, promptLength, completionLength }: OpSizes): Case[] {
  const rows = groups * (promptLength + GENERATIONS * (completionLength - 1))
  const bytes = (matrices: number, width: number): number => 4 * matrices * rows * width
  const matrix = (width: number): tf.Tensor => randomMatrix(rows, width)
  const weight = tf.ones([HIDDEN])
  const norm = { attributes: { epsilon: 1e-5 }, frozen: { weight } }
  const angles = tf.tidy(() => [tf.ones([rows, HEAD_DIM / 2]), tf.zeros([rows, HEAD_DIM / 2])] as const)
  return [
    {
      op: 'RmsNorm',
      size: `${rows} × ${HIDDEN}`,
      inputs: { x: matrix(HIDDEN) },
      ...norm,
      bytes: bytes(2, HIDDEN),
    },
    {
      op: 'RmsNormGradient',
      size: `${rows} × ${HIDDEN}`,
      ...norm,
      bytes: bytes(3, HIDDEN),
      inputs: { dy: matrix(HIDDEN), x: matrix(HIDDEN) },
      dispose: () => {
        weight.dispose()
      },
    },
    {
      op: 'Rope',
      size: `${rows} × ${HIDDEN}`,
      attributes: { inverse: false },
      bytes: bytes(2, HIDDEN),
      inputs: { x: matrix(HIDDEN), cos: angles[0], sin: angles[1] },
    },
    {
      op: 'Swiglu',
      size: `${rows} × ${INTERMEDIATE}`,
      attributes: {},
      bytes: bytes(3, INTERMEDIATE),
      inputs: { gate: matrix(INTERMEDIATE), up: matrix(INTERMEDIATE) },
    },
    {
      op: 'SwigluGradient',
      size: `${rows} × ${INTERMEDIATE}`,
      attributes: {},
      bytes: bytes(5, INTERMEDIATE),
      inputs: { dy: matrix(INTERMEDIATE), gate: matrix(INTERMEDIATE), up: matrix(INTERMEDIATE) },
    },
    {
      op: 'Add',
      size: `${rows} × ${HIDDEN}`,
      attributes: {},
      bytes: bytes(3, HIDDEN),
      inputs: { a: matrix(HIDDEN), b: matrix(HIDDEN) },
    },
  ]
}
