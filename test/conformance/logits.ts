import path from 'node:path'
import { Safetensors, loadModel, scoreTokens } from './api.js'
import type { CausalLM } from './api.js'
import { absolute, compareNumbers } from './compare.js'
import type { Row } from './compare.js'
import type { Part } from './referenceFiles.js'
import { readJson } from './referenceFiles.js'
import { logitsOf, realTokens, selectColumns } from './sequences.js'

interface LogitsReference {
  model: string
  temperatures: number[]
}

/** Logits of whole models, and log-probabilities and entropies made of them. */
export const logits: Part = {
  name: 'logits',
  matches: /^logits\/[^/]+\.safetensors$/,
  async *run(file, context) {
    const reference = readJson(context, file.replace('.safetensors', '.json')) as LogitsReference
    const model = await loadModel(path.join(context.root, reference.model))
    const tensors = Safetensors.open(path.join(context.root, file))
    try {
      yield* compareBatch(model, tensors, '', reference.temperatures)
      yield* compareBatch(model, tensors, 'leftpad.', reference.temperatures)
    } finally {
      tensors.close()
      model.dispose()
    }
  },
}

async function* compareBatch(
  model: CausalLM,
  tensors: Safetensors,
  prefix: string,
  temperatures: readonly number[],
): AsyncGenerator<Row> {
  const rows = realTokens(tensors, `${prefix}input_ids`, `${prefix}attention_mask`)
  const columns = rows.map((row) => row.columns)
  const sequences = rows.map((row) => row.ids)
  const expected = selectColumns(tensors, `${prefix}logits`, columns)
  yield compareNumbers(`${prefix}logits`, await logitsOf(model, sequences), expected, absolute(1e-4))

  // The numbers at a column are of the token in the next one.
  const scored = columns.map((row) => row.slice(0, -1))
  for (const temperature of temperatures) {
    const scores = await scoreTokens(
      model,
      sequences.map((inputIds) => ({ inputIds, promptLength: 1 })),
      { temperature },
    )
    const suffix = `t${String(temperature).replace('.', '_')}`
    const logProbs = selectColumns(tensors, `${prefix}logps_${suffix}`, scored)
    const entropies = selectColumns(tensors, `${prefix}entropy_${suffix}`, scored)
    const quantity = `at temperature ${temperature}`
    yield compareNumbers(
      `${prefix}log-probs ${quantity}`,
      scores.flatMap((score) => score.logProbs),
      logProbs,
      absolute(2e-5),
    )
    yield compareNumbers(
      `${prefix}entropies ${quantity}`,
      scores.flatMap((score) => score.entropies),
      entropies,
      absolute(2e-5),
    )
  }
}
