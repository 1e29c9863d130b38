import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PolicyUpdate, Safetensors, loadModel, parseGRPOConfig, rowValues, scoreTokens } from './api.js'
import type { CausalLM, GRPOConfig } from './api.js'
import {
  absolute,
  compareExactly,
  compareNumbers,
  compareRecord,
  ofLargest,
  ofOneOrMore,
  unsupported,
} from './compare.js'
import type { Row } from './compare.js'
import type { Part } from './referenceFiles.js'
import { readNumbers } from './referenceFiles.js'
import { logitsOf, realTokens, selectColumns, sharePrompts } from './sequences.js'

interface LoraReference {
  model: string
  temperature: number
  loss_type: GRPOConfig['lossType']
  num_items_in_batch: number
  gradient_accumulation_steps: number
  epsilon: number
  use_bias_correction_kl: boolean
  runs: Record<string, { beta: number; loss: number; grad_global_norm: number; metrics: Record<string, number> }>
}

/** A case as it is opened for one of its files. */
interface LoraCase {
  readonly folder: string
  readonly reference: LoraReference
  readonly policy: CausalLM
  /** Numbers of the case: prompts, completions, logits, log-probabilities. */
  readonly io: Safetensors
}

/** Adapters in PEFT's layout: logits, log-probabilities, and gradients of the whole model's loss. */
export const lora: Part = {
  name: 'lora',
  matches: /^lora\/[^/]+\/(adapter_model|io|grads_[^/]+|merged)\.safetensors$/,
  alsoReads: /^lora\/[^/]+\/(adapter_config|meta)\.json$/,
  async *run(file, context) {
    const folder = path.join(context.root, path.dirname(file))
    const reference = readNumbers(context, `${path.dirname(file)}/meta.json`) as LoraReference
    const name = path.basename(file, '.safetensors')
    if (name === 'merged') {
      yield unsupported('merged weights', 'no merging of an adapter into its model yet')
      return
    }
    const model = await loadModel(path.join(context.root, reference.model))
    const policy = model.withAdapter(folder)
    const io = Safetensors.open(path.join(folder, 'io.safetensors'))
    try {
      const opened = { folder, reference, policy, io }
      if (name === 'io') yield* logitsAndLogProbs(opened)
      else if (name === 'adapter_model') yield await savedAgain(opened)
      else yield* gradients(opened, name.replace('grads_', ''))
    } finally {
      io.close()
      policy.dispose()
      model.dispose()
    }
  },
}

/** Names and bits of the tensors after loading and saving. */
async function savedAgain({ folder, policy }: LoraCase): Promise<Row> {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'grpo-ts-conformance-'))
  try {
    await policy.saveAdapter(copy)
    const contents = [copy, folder].map((from) => {
      const tensors = Safetensors.open(path.join(from, 'adapter_model.safetensors'))
      const entries = tensors
        .names()
        .sort()
        .map((name) => ({ name, ...tensors.info(name), bits: Buffer.from(tensors.read(name)).toString('base64') }))
      tensors.close()
      return entries
    })
    return compareExactly('tensors, saved again', contents[0]!, contents[1]!)
  } finally {
    fs.rmSync(copy, { recursive: true })
  }
}

async function* logitsAndLogProbs({ reference, policy, io }: LoraCase): AsyncGenerator<Row> {
  const rows = realTokens(io, 'input_ids', 'attention_mask')
  const columns = rows.map((row) => row.columns)
  const ids = rows.map((row) => row.ids)
  const adapted = await logitsOf(policy, ids)
  yield compareNumbers('logits', adapted, selectColumns(io, 'logits_adapter', columns), absolute(1e-4))
  const base = await logitsOf(policy, ids, { reference: true })
  yield compareNumbers('logits, adapter off', base, selectColumns(io, 'logits_base', columns), absolute(1e-4))

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
async function* gradients({ folder, reference, policy, io }: LoraCase, run: string): AsyncGenerator<Row> {
  const expected = reference.runs[run]!
  const update = new PolicyUpdate(
    policy,
    parseGRPOConfig({
      lossType: reference.loss_type,
      beta: expected.beta,
      epsilon: reference.epsilon,
      useBiasCorrectionKl: reference.use_bias_correction_kl,
      temperature: reference.temperature,
      // apply() is called for the norm of the gradients.
      learningRate: 0,
    }),
    1,
  )
  const result = await update.accumulate(trainingRows(io, expected.beta !== 0), {
    numItemsInBatch: reference.num_items_in_batch,
    gradientAccumulationSteps: reference.gradient_accumulation_steps,
    stepsPerGeneration: 1,
  })
  const actual = update.gradients
  const { gradNorm } = update.apply()
  yield compareNumbers('loss', [result.loss], [expected.loss], ofOneOrMore(1e-4))
  yield compareRecord('metrics', result.metrics, expected.metrics, ofOneOrMore(1e-4))
  yield compareNumbers(
    'gradients',
    actual,
    readGradients(policy, path.join(folder, `grads_${run}.safetensors`)),
    ofLargest(1e-4),
  )
  yield compareNumbers('gradient norm', [gradNorm], [expected.grad_global_norm], ofLargest(1e-4))
}

function trainingRows(io: Safetensors, hasReference: boolean): Parameters<PolicyUpdate['accumulate']>[0] {
  const prompts = sharePrompts(realTokens(io, 'prompt_ids', 'prompt_mask').map((row) => row.ids))
  const completions = realTokens(io, 'completion_ids', 'completion_mask')
  const advantages = io.readFloat32('advantages')
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
      advantage: advantages[row]!,
      inLoss: true,
      samplingLogProbs: null,
      samplingEntropies: null,
      oldLogProbs: ofRow('old_per_token_logps'),
      refLogProbs: hasReference ? ofRow('ref_per_token_logps') : null,
    }
  })
}

/** Gradients in the order of the adapter's parameters. */
function readGradients(policy: CausalLM, file: string): Float32Array {
  const tensors = Safetensors.open(file)
  try {
    return Float32Array.from(policy.adapter!.parameters().flatMap(({ name }) => [...tensors.readFloat32(name)]))
  } finally {
    tensors.close()
  }
}
