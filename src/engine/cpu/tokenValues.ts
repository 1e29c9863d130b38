import { CpuBackend } from '../../backend/cpu/backend.js'
import * as tf from '../../bundled/tfjs.js'
import { record } from '../../ops/gradients.js'
import type { Recording as TensorRecording } from '../../ops/gradients.js'
import type { KnownTokenLogProbs } from '../../ops/tokenLogProbs.js'
import type { EngineRow, Recording, RecordOptions, TokenValues, ValuesOptions } from '../engine.js'
import { rowRuns } from '../rowRuns.js'
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
export async function tokenValues(
  forward: Forward,
  rows: readonly EngineRow[],
  { temperature, dropout = null, maxTokens }: Pick<ValuesOptions, 'temperature' | 'dropout'> & { maxTokens: number },
): Promise<TokenValues> {
  const logProbs: (readonly number[])[] = []
  const entropies: (readonly number[])[] = []
  for (const run of rowRuns(cutRows(rows, maxTokens), dropout)) {
    const packed = packRows(run.rows)
    const tensors = tf.tidy(() => forward(packed, temperature, dropoutOf(run, packed)))
    const values = await readRows(tensors, run.rows)
    tf.dispose(tensors)
    logProbs.push(...values.logProbs)
    entropies.push(...values.entropies)
  }
  return { logProbs, entropies }
}

/**
 * The values of some rows, recorded for the gradient with respect to `variables`. Rows that do not fit into memory together are
 * computed twice: for their values, unless these are known, and one run after another for the gradient.
 */
export async function recordTokens(
  forward: Forward,
  rows: readonly EngineRow[],
  variables: readonly tf.Variable[],
  options: Pick<RecordOptions, 'temperature' | 'dropout' | 'known'> & {
    maxTokens: number
    /** What sampling kept of the rows' tokens, by the policy as it is. */
    kept: KeptProjections | null
  },
): Promise<Recording> {
  const { dropout = null, known = null, maxTokens } = options
  const runs = rowRuns(cutRows(rows, maxTokens), dropout)
  const whole = runs.length === 1 ? await recordRun(forward, runs[0]!, options) : null
  const values = whole ?? known ?? (await tokenValues(forward, rows, { ...options, maxTokens }))
  return {
    logProbs: values.logProbs,
    entropies: values.entropies,
    async gradient(dLogProbs, dEntropies, sum) {
      const logProbs: (readonly number[])[] = []
      let at = 0
      for (const run of runs) {
        const recorded = whole ?? (await recordRun(forward, run, options))
        const end = at + run.rows.reduce((count, { completionIds }) => count + completionIds.length, 0)
        const part = (all: Float32Array): tf.Tensor1D => tf.tensor1d(all.slice(at, end))
        const dys = [part(dLogProbs), dEntropies && part(dEntropies)]
        try {
          addGradients(recorded.recording.gradients(dys, variables), variables, sum)
        } finally {
          tf.dispose(dys.filter((dy) => dy !== null))
        }
        logProbs.push(...recorded.computed())
        at = end
      }
      return logProbs
    },
    dispose() {
      whole?.recording.dispose()
    },
  }
}

interface RecordedRun extends TokenValues {
  readonly recording: TensorRecording
  /** log π of each token as this pass computed it, once its gradient was taken. */
  readonly computed: () => TokenValues['logProbs']
}

async function recordRun(
  forward: Forward,
  run: RowRun,
  { temperature, maxTokens, kept }: { temperature: number; maxTokens: number; kept: KeptProjections | null },
): Promise<RecordedRun> {
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
      recording,
      computed: () => (computed ? splitRows(computed, run.rows) : values.logProbs),
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
