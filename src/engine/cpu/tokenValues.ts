import { CpuBackend } from '../../backend/cpu/backend.js'
import * as tf from '../../bundled/tfjs.js'
import { record } from '../../ops/gradients.js'
import type { KnownTokenLogProbs } from '../../ops/tokenLogProbs.js'
import type { EngineRow, Recording, RecordOptions, TokenValues, ValuesOptions } from '../engine.js'
import { recordRuns, rowRuns, valuesOfRuns } from '../rowRuns.js'
import type { RowRun } from '../rowRuns.js'
import type { ForwardOptions } from './decoder.js'
import { dropoutKeys } from './dropoutKeys.js'
import type { KeptProjections } from './keptProjections.js'
import { cutRows, keptRows, packRows } from './packRows.js'
import type { PackedGroups } from './packedBatch.js'

/** Log-probabilities and entropies of the packed completion tokens of some rows, each [n]; `known` are these themselves. */
export type Forward = (
  packed: PackedGroups,
  temperature: number,
  options: Pick<ForwardOptions, 'recomputeLayers' | 'kept' | 'dropout'> & { known?: KnownTokenLogProbs | null },
) => [tf.Tensor1D, tf.Tensor1D]

/** Values of the completion tokens of some rows, without gradient. */
export function tokenValues(
  forward: Forward,
  rows: readonly EngineRow[],
  { temperature, dropout = null, maxTokens }: Pick<ValuesOptions, 'temperature' | 'dropout'> & { maxTokens: number },
): Promise<TokenValues> {
  return valuesOfRuns(rowRuns(cutRows(rows, maxTokens), dropout), async (run) => {
    const packed = packRows(run.rows)
    const tensors = tf.tidy(() => forward(packed, temperature, dropoutOf(run, packed)))
    try {
      return await readRows(tensors, run.rows)
    } finally {
      tf.dispose(tensors)
    }
  })
}

/** How rows are recorded. */
type RecordRowsOptions = Pick<RecordOptions, 'temperature' | 'dropout' | 'known'> & {
  maxTokens: number
  /** What sampling kept of the rows' tokens, by the policy as it is. */
  kept: KeptProjections | null
}

/** The values of some rows, recorded for the gradient with respect to `variables`. */
export function recordTokens(
  forward: Forward,
  rows: readonly EngineRow[],
  variables: readonly tf.Variable[],
  options: RecordRowsOptions,
): Promise<Recording> {
  const { dropout = null, known = null, maxTokens } = options
  return recordRuns(
    rowRuns(cutRows(rows, maxTokens), dropout),
    (run) => recordRun(forward, run, variables, options),
    async () => known ?? (await tokenValues(forward, rows, { ...options, maxTokens })),
  )
}

async function recordRun(
  forward: Forward,
  run: RowRun,
  variables: readonly tf.Variable[],
  { temperature, maxTokens, kept }: RecordRowsOptions,
): Promise<Recording> {
  const packed = packRows(run.rows)
  // Only a single row can be longer than what fits: then its layers are computed twice instead of kept.
  const recomputeLayers = packed.batch.tokenIds.length > maxTokens
  const places = kept && keptRows(run.rows, packed, kept)
  const completions = run.rows.map(({ completionIds }) => completionIds)
  const distributions = kept?.distributions.of(completions, temperature) ?? null
  let computed: Float32Array | null = null
  const onComputed = (logProbs: Float32Array): void => {
    computed = logProbs
  }
  const recording = record(() =>
    forward(packed, temperature, {
      recomputeLayers,
      known: distributions && { ...distributions, onComputed },
      ...(kept && places && { kept: { projections: kept, rows: places } }),
      ...dropoutOf(run, packed),
    }),
  )
  try {
    const values = await readRows(recording.outputs, run.rows)
    return {
      ...values,
      gradient(dLogProbs, dEntropies, sum) {
        // Nothing is waited for; what fails rejects all the same.
        return new Promise((resolve) => {
          // Copies, since a tensor may keep what it is made of.
          const dys = [dLogProbs, dEntropies].map((dy) => dy && tf.tensor1d(dy.slice()))
          try {
            addGradients(recording.gradients(dys, variables), variables, sum)
          } finally {
            tf.dispose(dys.filter((dy) => dy !== null))
          }
          resolve(computed ? splitRows(computed, run.rows) : values.logProbs)
        })
      },
      dispose() {
        recording.dispose()
      },
    }
  } catch (error) {
    recording.dispose()
    throw error
  }
}

function dropoutOf({ rows, dropout }: RowRun, packed: PackedGroups): Pick<ForwardOptions, 'dropout'> {
  return dropout ? { dropout: dropoutKeys(rows, packed, dropout) } : {}
}

async function readRows(tensors: readonly tf.Tensor[], rows: readonly EngineRow[]): Promise<TokenValues> {
  const [logProbs, entropies] = await Promise.all(tensors.map((tensor) => tensor.data<'float32'>()))
  return { logProbs: splitRows(logProbs!, rows), entropies: splitRows(entropies!, rows) }
}

/** One list for each row, of as many values as its completion has tokens. */
function splitRows(values: Float32Array, rows: readonly EngineRow[]): number[][] {
  let at = 0
  return rows.map(({ completionIds }) => [...values.subarray(at, (at += completionIds.length))])
}

/** Adds gradients of variables, in their order, to a vector, and frees them. */
export function addGradients(
  gradients: readonly (tf.Tensor | null)[],
  variables: readonly tf.Variable[],
  sum: Float32Array, // of all variables
): void {
  const backend = tf.backend()
  let at = 0
  for (const [i, { size }] of variables.entries()) {
    const gradient = gradients[i]
    // tfjs would copy them.
    const values =
      gradient && (backend instanceof CpuBackend ? backend.floats(gradient) : gradient.dataSync<'float32'>())
    for (let j = 0; values && j < size; j++) sum[at + j]! += values[j]!
    gradient?.dispose()
    at += size
  }
}
