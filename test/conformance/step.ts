import path from 'node:path'
import {
  PolicyUpdate,
  completionMetrics,
  computeAdvantages,
  loadModel,
  needsOldLogProbs,
  parseGRPOConfig,
  rewardMetrics,
  rowValues,
} from './api.js'
import type { CausalLM, GRPOConfig, TrainingRow } from './api.js'
import { absolute, compareExactly, compareNumbers, compareRecord, ofLargest, ofOneOrMore } from './compare.js'
import type { Row } from './compare.js'
import type { Part } from './referenceFiles.js'
import { expectSetting, loraOptionsIn, optionsIn } from './options.js'
import type { LoraReferenceConfig } from './options.js'
import { describing, omit, openTensors, readNumbers } from './referenceFiles.js'
import type { ReferenceTensors } from './referenceTensors.js'
import { sharePrompts } from './sequences.js'

interface GenerationBatch {
  prompt_ids: number[][]
  completion_ids: number[][]
  rewards: (number | null)[][]
  advantages: number[]
  completion_mask: number[][]
  num_items_in_batch: number
  old_per_token_logps?: number[][]
  ref_per_token_logps?: number[][]
  /** Of the engine that sampled. */
  sampling_per_token_logps?: number[][]
}

interface StepReference {
  case?: string
  note?: string
  model: string
  /** Options of GRPO by TRL's names, and some beside them. */
  config: {
    lora: LoraReferenceConfig
    optim?: string
    eos_token_ids: number[]
    pad_token_id?: number | null
  }
  generation_batches: GenerationBatch[]
  micro_batch_losses: number[]
  logs: Record<string, number>[]
  /** How far the reference itself is apart when it is repeated with another attention kernel. */
  max_abs_diff_when_repeated_with_another_attention_kernel?: Record<string, number>
}

/** A generation batch as our own code works it out. */
interface ScoredBatch {
  readonly rows: readonly TrainingRow[]
  readonly numItemsInBatch: number
  readonly metrics: Record<string, number>
}

/** Whole GRPO steps with given completions and rewards: advantages, micro-batches, gradients, optimizer. */
export const step: Part = {
  name: 'step',
  matches: /^step\/[^/]+\.json$/,
  alsoReads: /^step\/[^/]+\.safetensors$/,
  async *run(file, context) {
    const reference = readNumbers(context, file) as StepReference
    describing(reference, 'case', 'note', 'max_abs_diff_when_repeated_with_another_attention_kernel')
    if (reference.config.optim !== 'adamw_torch_fused') expectSetting('optim', reference.config.optim, 'adamw_torch')
    const model = await loadModel(path.join(context.root, reference.model))
    const policy = model.withLora(loraOptionsIn(reference.config.lora))
    const tensors = openTensors(context, file.replace('.json', '.safetensors'))
    try {
      const adapter = policy.adapter!
      adapter.setValues(adapter.parameters().flatMap(({ name }) => [...tensors.readFloat32(`init.${name}`)]))
      yield* trainingRun(policy, reference, tensors)
    } finally {
      tensors.close()
      policy.dispose()
      model.dispose()
    }
  },
}

async function* trainingRun(
  policy: CausalLM,
  reference: StepReference,
  tensors: ReferenceTensors,
): AsyncGenerator<Row> {
  const config = parseGRPOConfig(optionsIn(reference.config))
  const { gradientAccumulationSteps, stepsPerGeneration, numIterations, perDeviceTrainBatchSize } = config
  const update = new PolicyUpdate(policy, config, config.maxSteps)
  const { eos_token_ids: ends, pad_token_id: pad } = reference.config
  const endsAndPad = pad == null ? ends : [...ends, pad]
  let batch: ScoredBatch | undefined
  let numTokens = 0
  let microStep = 0
  for (const [index, logs] of reference.logs.entries()) {
    const prefix = `step ${index + 1}`
    const results: Awaited<ReturnType<PolicyUpdate['accumulate']>>[] = []
    const expectedLosses = reference.micro_batch_losses.slice(microStep, microStep + gradientAccumulationSteps)
    let metrics: Record<string, number> = {}
    for (let i = 0; i < gradientAccumulationSteps; i++) {
      const place = microStep % (stepsPerGeneration * numIterations)
      if (place === 0 || !batch) {
        const expected = reference.generation_batches[microStep / (stepsPerGeneration * numIterations)]!
        batch = await scoreBatch(policy, expected, config, endsAndPad)
        yield* compareBatch(prefix, batch, expected)
        metrics = batch.metrics
        numTokens += batch.rows.reduce((sum, row) => sum + row.promptIds.length + row.completionIds.length, 0)
      }
      const first = (place % stepsPerGeneration) * perDeviceTrainBatchSize
      const { numItemsInBatch } = batch
      const position = { numItemsInBatch, gradientAccumulationSteps, stepsPerGeneration }
      results.push(await update.accumulate(batch.rows.slice(first, first + perDeviceTrainBatchSize), position))
      microStep++
    }
    const losses = results.map(({ loss }) => loss)
    yield compareNumbers(`${prefix} losses of micro-batches`, losses, expectedLosses, absolute(1e-4))
    const gradients = update.gradients
    yield compareNumbers(`${prefix} gradients`, gradients, read(policy, tensors, `grad${index + 1}`), ofLargest(1e-3))
    const { gradNorm, learningRate, metrics: updateMetrics } = update.apply()
    const actual = policy.adapter!.values.slice()
    yield compareNumbers(`${prefix} weights`, actual, read(policy, tensors, `step${index + 1}`), absolute(1e-4))
    // How far through its prompts a run is belongs to the data loader, not to the step.
    describing(logs, 'epoch')
    const expectedLogs = omit(logs, 'epoch')
    const names = Object.keys(results[0]!.metrics)
    const mean = (name: string): number =>
      results.reduce((sum, result) => sum + result.metrics[name]!, 0) / results.length
    metrics = {
      ...metrics,
      ...Object.fromEntries(names.map((name) => [name, mean(name)])),
      ...updateMetrics,
      loss: losses.reduce((sum, loss) => sum + loss, 0),
      grad_norm: gradNorm,
      learning_rate: learningRate,
      num_tokens: numTokens,
    }
    yield compareRecord(`${prefix} metrics`, metrics, expectedLogs, ofOneOrMore(1e-4))
  }
}

/** Advantages, log-probabilities and metrics of given completions and rewards. */
async function scoreBatch(
  policy: CausalLM,
  batch: GenerationBatch,
  config: GRPOConfig,
  ends: readonly number[],
): Promise<ScoredBatch> {
  const { rewardWeights, ...rest } = config
  const result = computeAdvantages(batch.rewards, { ...rest, ...(rewardWeights ? { rewardWeights } : {}) })
  const terminated = batch.completion_ids.map((ids) => ends.includes(ids.at(-1)!))
  const prompts = sharePrompts(batch.prompt_ids)
  const sequences = batch.completion_ids.map((completionIds, row) => ({ promptIds: prompts[row]!, completionIds }))
  const oldLogProbs = needsOldLogProbs(config)
    ? (await rowValues(policy, sequences, config.temperature)).logProbs
    : null
  const refLogProbs =
    config.beta === 0 ? null : (await rowValues(policy, sequences, config.temperature, { reference: true })).logProbs
  const rows = sequences.map((sequence, row) => ({
    ...sequence,
    advantage: result.advantages[row]!,
    inLoss: terminated[row]! || !config.maskTruncatedCompletions,
    samplingLogProbs: batch.sampling_per_token_logps?.[row]?.slice(0, sequence.completionIds.length) ?? null,
    samplingEntropies: null,
    oldLogProbs: oldLogProbs?.[row] ?? null,
    refLogProbs: refLogProbs?.[row] ?? null,
  }))
  const functionNames = batch.rewards[0]!.map((_, k) => `func${k}`)
  return {
    rows,
    numItemsInBatch: rows.reduce((sum, row) => sum + (row.inLoss ? row.completionIds.length : 0), 0),
    metrics: {
      ...rewardMetrics(functionNames, batch.rewards, result),
      ...completionMetrics(
        rows.map((row) => row.completionIds.length),
        terminated,
      ),
    },
  }
}

function* compareBatch(
  prefix: string,
  { rows, numItemsInBatch }: ScoredBatch,
  expected: GenerationBatch,
): Generator<Row> {
  const advantages = rows.map((row) => row.advantage)
  yield compareNumbers(`${prefix} advantages`, advantages, expected.advantages, ofOneOrMore(1e-5))
  const longest = Math.max(...rows.map((row) => row.completionIds.length))
  const mask = rows.map(({ completionIds, inLoss }) =>
    Array.from({ length: longest }, (_, t) => (inLoss && t < completionIds.length ? 1 : 0)),
  )
  yield compareExactly(`${prefix} mask of completions`, mask, expected.completion_mask)
  yield compareExactly(`${prefix} tokens in the loss`, [numItemsInBatch], [expected.num_items_in_batch])
  for (const [quantity, field, key] of [
    ['old log-probs', 'oldLogProbs', 'old_per_token_logps'],
    ['reference log-probs', 'refLogProbs', 'ref_per_token_logps'],
  ] as const) {
    const reference = expected[key]
    if (!reference) continue
    // The reference has 0 in place of what is masked.
    const inLoss = rows.flatMap((row, i) => (row.inLoss ? [i] : []))
    const actual = inLoss.flatMap((i) => rows[i]![field] ?? [])
    const expectedLogProbs = inLoss.flatMap((i) => reference[i]!.slice(0, rows[i]!.completionIds.length))
    yield compareNumbers(`${prefix} ${quantity}`, actual, expectedLogProbs, absolute(1e-4))
  }
}

/** Tensors of an adapter, in the order of its parameters. */
function read(policy: CausalLM, tensors: ReferenceTensors, prefix: string): Float32Array {
  return Float32Array.from(
    policy.adapter!.parameters().flatMap(({ name }) => [...tensors.readFloat32(`${prefix}.${name}`)]),
  )
}
