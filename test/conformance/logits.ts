import path from 'node:path'
import { loadModel, scoreTokens } from './api.js'
import type { CausalLM } from './api.js'
import { absolute, compareExactly, compareLogits, compareNumbers } from './compare.js'
import type { Row } from './compare.js'
import type { Part } from './referenceFiles.js'
import { describing, openTensors, readJson } from './referenceFiles.js'
import type { ReferenceTensors } from './referenceTensors.js'
import { logitsOf, realTokens, selectColumns } from './sequences.js'

interface LogitsReference {
  model: string
  temperatures: number[]
  max_abs_diff_logits_if_positions_ignore_padding?: Record<string, number>
}

/** Logits of whole models, and log-probabilities and entropies made of them. */
export const logits: Part = {
  name: 'logits',
  matches: /^logits\/[^/]+\.safetensors$/,
  alsoReads: /^logits\/[^/]+\.json$/,
  async *run(file, context) {
    const reference = readJson(context, file.replace('.safetensors', '.json')) as LogitsReference
    describing(reference, 'max_abs_diff_logits_if_positions_ignore_padding')
    const model = await loadModel(path.join(context.root, reference.model))
    const tensors = openTensors(context, file)
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
  tensors: ReferenceTensors,
  prefix: string,
  temperatures: readonly number[],
): AsyncGenerator<Row> {
  const rows = realTokens(tensors, `${prefix}input_ids`, `${prefix}attention_mask`)
  const columns = rows.map((row) => row.columns)
  const sequences = rows.map((row) => row.ids)
  const expected = selectColumns(tensors, `${prefix}logits`, columns)
  yield compareLogits(`${prefix}logits`, await logitsOf(model, sequences), expected, absolute(1e-4))

  // The numbers at a column are of the token in the next one.
  const scored = columns.map((row) => row.slice(0, -1))
  yield* comparePlaces(tensors, prefix, columns)
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

/** Positions of the tokens and, where the reference has it, the mask of those that are predicted from the one before. */
export function* comparePlaces(
  tensors: ReferenceTensors,
  prefix: string,
  columns: readonly (readonly number[])[],
): Generator<Row> {
  if (tensors.names.includes(`${prefix}position_ids`)) {
    const [, width] = tensors.info(`${prefix}position_ids`).shape as [number, number]
    const positions = tensors.readIntegers(`${prefix}position_ids`)
    yield compareExactly(
      `${prefix}positions`,
      columns.map((row) => row.map((_, place) => place)),
      columns.map((row, i) => row.map((column) => positions[i * width + column])),
    )
  }
  if (!tensors.names.includes(`${prefix}target_mask`)) return
  const [, width] = tensors.info(`${prefix}target_mask`).shape as [number, number]
  const mask = tensors.readIntegers(`${prefix}target_mask`)
  const predicted = columns.map((row) =>
    Array.from({ length: width }, (_, t) => (row.includes(t) && row.includes(t + 1) ? 1 : 0)),
  )
  yield compareExactly(`${prefix}mask of targets`, [...mask], predicted.flat())
}
