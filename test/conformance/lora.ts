import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PolicyUpdate, Safetensors, loadModel, mergeAdapter, parseGRPOConfig, rowValues, scoreTokens } from './api.js'
import type { CausalLM } from './api.js'
import {
  absolute,
  compareExactly,
  compareLogits,
  compareNumbers,
  compareRecord,
  ofLargest,
  ofOneOrMore,
  unsupported,
} from './compare.js'
import type { Row } from './compare.js'
import { comparePlaces } from './logits.js'
import { advantageOf } from './lossReference.js'
import { expectSetting, optionsIn } from './options.js'
import { describing, openTensors, readJson, readNumbers } from './referenceFiles.js'
import type { Part, ReferenceContext } from './referenceFiles.js'
import type { ReferenceTensors } from './referenceTensors.js'
import { logitsOf, realTokens, selectColumns, sharePrompts } from './sequences.js'

/** A run has options of GRPO by TRL's names, and so has the reference itself, for all of its runs. */
interface LoraReference {
  model: string
  temperature: number
  num_items_in_batch: number
  gradient_accumulation_steps: number
  reference?: string
  /** How the old log-probabilities were made. */
  old_per_token_logps?: string
  runs: Record<string, { loss: number; grad_global_norm: number; metrics: Record<string, number> }>
  merged?: { changed_tensors?: string[]; max_abs_diff_logits_merged_vs_adapter?: number }
}

/** A case as it is opened for one of its files. */
interface LoraCase {
  readonly context: ReferenceContext
  /** Its folder in the folder of reference files. */
  readonly folder: string
  readonly reference: LoraReference
  readonly policy: CausalLM
  /** Numbers of the case: prompts, completions, logits, log-probabilities. */
  readonly io: ReferenceTensors
}

/** Adapters in PEFT's layout: logits, log-probabilities, and gradients of the whole model's loss. */
export const lora: Part = {
  name: 'lora',
  matches: /^lora\/[^/]+\/(adapter_model|io|grads_[^/]+|merged)\.safetensors$/,
  alsoReads: /^lora\/[^/]+\/(adapter_config|meta)\.json$/,
  async *run(file, context) {
    const folder = path.dirname(file)
    const reference = readNumbers(context, `${folder}/meta.json`) as LoraReference
    describing(reference, 'old_per_token_logps')
    expectSetting('reference', reference.reference, 'adapter disabled')
    const name = path.basename(file, '.safetensors')
    if (name === 'merged') {
      yield* mergedWeights(context, folder, reference)
      return
    }
    const model = await loadModel(path.join(context.root, reference.model))
    const policy = model.withAdapter(path.join(context.root, folder))
    const io = openTensors(context, `${folder}/io.safetensors`)
    try {
      const opened = { context, folder, reference, policy, io }
      if (name === 'io') yield* logitsAndLogProbs(opened)
      else if (name === 'adapter_model') yield* savedAgain(opened)
      else yield* gradients(opened, name.replace('grads_', ''))
    } finally {
      io.close()
      policy.dispose()
      model.dispose()
    }
  },
}

/** Settings of adapter_config.json that say nothing of the adapter itself. */
const otherSettings = [
  'auto_mapping',
  'base_model_name_or_path',
  'inference_mode',
  'megatron_core',
  'peft_version',
  'qalora_group_size',
]

/** Settings that are off. */
const isOff = (value: unknown): boolean =>
  value === null || value === false || value === 0 || (typeof value === 'object' && Object.keys(value).length === 0)

/** Names and bits of the tensors after loading and saving. */
async function* savedAgain({ context, folder, policy }: LoraCase): AsyncGenerator<Row> {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-conformance-'))
  try {
    await policy.saveAdapter(copy)
    const contents = [copy, path.join(context.root, folder)].map((from) => {
      const tensors = Safetensors.open(path.join(from, 'adapter_model.safetensors'))
      const entries = tensors
        .names()
        .sort()
        .map((name) => ({ name, ...tensors.info(name), bits: Buffer.from(tensors.read(name)).toString('base64') }))
      tensors.close()
      return entries
    })
    yield compareExactly('tensors, saved again', contents[0]!, contents[1]!)
    const saved = JSON.parse(fs.readFileSync(path.join(copy, 'adapter_config.json'), 'utf8')) as Record<string, unknown>
    yield* compareSettings(context, `${folder}/adapter_config.json`, saved)
  } finally {
    fs.rmSync(copy, { recursive: true })
  }
}

/** The settings that an adapter saved here has, and those that are off in the reference. */
function* compareSettings(
  context: ReferenceContext,
  file: string,
  saved: Readonly<Record<string, unknown>>,
): Generator<Row> {
  const expected = readJson(context, file) as Record<string, unknown>
  // A setting that is not off, and that an adapter here does not have, is to be told as not read.
  const untracked = JSON.parse(fs.readFileSync(path.join(context.root, file), 'utf8')) as Record<string, unknown>
  for (const [name, value] of Object.entries(untracked)) {
    if (otherSettings.includes(name) || (!(name in saved) && isOff(value))) describing(expected, name)
  }
  const names = Object.keys(saved).filter((name) => name in expected && !otherSettings.includes(name))
  const settings = (of: Readonly<Record<string, unknown>>): string[] =>
    names.map((name) => `${name} ${JSON.stringify(asSet(name, of[name]))}`)
  yield compareExactly('settings, saved again', settings(saved), settings(expected))
}

/** PEFT lists modules in any order, and one layer as a number or in a list. */
function asSet(name: string, value: unknown): unknown {
  if (value === null || (name !== 'target_modules' && !name.startsWith('layers_'))) return value
  return typeof value === 'string' && name === 'target_modules' ? value : [value].flat().sort()
}

/** The weights of the model with the adapter added to them. */
async function* mergedWeights(
  context: ReferenceContext,
  folder: string,
  reference: LoraReference,
): AsyncGenerator<Row> {
  const { merged } = reference
  if (merged) describing(merged, 'max_abs_diff_logits_merged_vs_adapter')
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-conformance-'))
  const model = path.join(context.root, reference.model)
  const output = path.join(parent, 'merged')
  await mergeAdapter({ model, adapter: path.join(context.root, folder), output, dtype: 'float32' })
  const expected = openTensors(context, `${folder}/merged.safetensors`)
  const [base, actual] = [Safetensors.open(model), Safetensors.open(output)]
  try {
    const bits = (tensors: Safetensors, name: string): string =>
      Buffer.from(tensors.readFloat32(name).buffer).toString('base64')
    const changed = actual.names().filter((name) => bits(actual, name) !== bits(base, name))
    yield compareExactly('names of changed weights', changed.sort(), [...expected.names].sort())
    if (merged?.changed_tensors) yield compareExactly('names, as listed', changed, [...merged.changed_tensors].sort())
    for (const name of expected.names) {
      yield compareNumbers(
        `merged ${name.replace('model.layers.', '')}`,
        actual.readFloat32(name),
        expected.readFloat32(name),
        absolute(1e-6),
      )
    }
  } finally {
    for (const tensors of [base, actual, expected]) tensors.close()
    fs.rmSync(parent, { recursive: true })
  }
}

async function* logitsAndLogProbs({ reference, policy, io }: LoraCase): AsyncGenerator<Row> {
  const rows = realTokens(io, 'input_ids', 'attention_mask')
  const columns = rows.map((row) => row.columns)
  const ids = rows.map((row) => row.ids)
  yield* comparePlaces(io, '', columns)
  const adapted = await logitsOf(policy, ids)
  yield compareLogits('logits', adapted, selectColumns(io, 'logits_adapter', columns), absolute(1e-4))
  const base = await logitsOf(policy, ids, { reference: true })
  yield compareLogits('logits, adapter off', base, selectColumns(io, 'logits_base', columns), absolute(1e-4))

  const prompts = realTokens(io, 'prompt_ids', 'prompt_mask')
  const completionColumns = realTokens(io, 'completion_ids', 'completion_mask').map((row) => row.columns)
  const sequences = ids.map((inputIds, row) => ({ inputIds, promptLength: prompts[row]!.ids.length }))
  const { temperature } = reference
  const scores = await scoreTokens(policy, sequences, { temperature })
  const rowsOfPrompts = sequences.map(({ inputIds, promptLength }) => ({
    promptIds: inputIds.slice(0, promptLength),
    completionIds: inputIds.slice(promptLength),
  }))
  const logProbsOfBase = (await rowValues(policy, rowsOfPrompts, temperature, { reference: true })).logProbs
  for (const [quantity, actual, name] of [
    ['log-probs', scores.flatMap((score) => score.logProbs), 'per_token_logps'],
    ['entropies', scores.flatMap((score) => score.entropies), 'entropies'],
    ['log-probs, adapter off', logProbsOfBase.flat(), 'ref_per_token_logps'],
  ] as const) {
    yield compareNumbers(quantity, actual, selectColumns(io, name, completionColumns), absolute(2e-5))
  }
}

/** Loss, metrics and gradients of a micro-batch, by the update that training makes. */
async function* gradients({ context, folder, reference, policy, io }: LoraCase, run: string): AsyncGenerator<Row> {
  const { dropout } = policy.adapter!
  if (dropout > 0) {
    yield unsupported('gradients', `lora_dropout is ${dropout}: what it leaves out is drawn at random there`)
    return
  }
  const expected = reference.runs[run]!
  // apply() is called for the norm of the gradients.
  const config = parseGRPOConfig({ ...optionsIn(reference), ...optionsIn(expected), learning_rate: 0 })
  const { gradientAccumulationSteps, stepsPerGeneration } = config
  const update = new PolicyUpdate(policy, config, 1)
  const result = await update.accumulate(trainingRows(io, config.beta !== 0), {
    numItemsInBatch: reference.num_items_in_batch,
    gradientAccumulationSteps,
    stepsPerGeneration,
  })
  const actual = update.gradients
  const { gradNorm, metrics } = update.apply()
  yield compareNumbers('loss', [result.loss], [expected.loss], ofOneOrMore(1e-4))
  yield compareRecord('metrics', { ...result.metrics, ...metrics }, expected.metrics, ofOneOrMore(1e-4))
  const tensors = openTensors(context, `${folder}/grads_${run}.safetensors`)
  try {
    const names = policy.adapter!.parameters().map(({ name }) => name)
    const values = names.flatMap((name) => [...tensors.readFloat32(name)])
    yield compareNumbers('gradients', actual, values, ofLargest(1e-4))
  } finally {
    tensors.close()
  }
  yield compareNumbers('gradient norm', [gradNorm], [expected.grad_global_norm], ofLargest(1e-4))
}

function trainingRows(io: ReferenceTensors, hasReference: boolean): Parameters<PolicyUpdate['accumulate']>[0] {
  const prompts = sharePrompts(realTokens(io, 'prompt_ids', 'prompt_mask').map((row) => row.ids))
  const completions = realTokens(io, 'completion_ids', 'completion_mask')
  const advantages = io.readFloat32('advantages')
  const perRow = advantages.length / completions.length
  return completions.map(({ ids, columns }, row) => {
    // The numbers of this row only: no columns of the others.
    const ofRow = (name: string): number[] => [
      ...selectColumns(
        io,
        name,
        completions.map((_, i) => (i === row ? columns : [])),
      ),
    ]
    return {
      promptIds: prompts[row]!,
      completionIds: ids,
      advantage: advantageOf([...advantages.subarray(row * perRow, (row + 1) * perRow)], columns),
      inLoss: true,
      samplingLogProbs: null,
      samplingEntropies: null,
      oldLogProbs: ofRow('old_per_token_logps'),
      refLogProbs: hasReference ? ofRow('ref_per_token_logps') : null,
    }
  })
}
