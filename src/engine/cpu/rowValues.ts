import * as tf from '../../bundled/tfjs.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { ForwardOptions } from './decoder.js'
import type { KeptProjections } from './keptProjections.js'
import type { PackedGroups } from './packedBatch.js'
import { record } from '../../ops/gradients.js'
import type { Recording } from '../../ops/gradients.js'
import { selectRows } from '../../ops/selectRows.js'
import { maximumTokens } from './activations.js'
import { dropoutKeys } from './dropoutKeys.js'
import type { RowDropout } from './dropoutKeys.js'
import { cutRows, keptRows, packRows } from '../../grpo/update/trainingRow.js'
import type { TrainingRow } from '../../grpo/update/trainingRow.js'

type Row = Pick<TrainingRow, 'promptIds' | 'completionIds'>

/** Values of the completion tokens of some rows, in nats. */
export interface RowValues {
  readonly logProbs: readonly number[][] // [B][L] log π of each token
  readonly entropies: readonly number[][] // [B][L] entropy of the distribution that it was drawn from
}

/** Log-probabilities and entropies (nats, at a temperature) of every completion token of some rows, without gradient. */
export async function rowValues(
  policy: CausalLM,
  rows: readonly Row[],
  temperature: number,
  options: {
    /** Switch the adapter off: the reference policy. Defaults to false. */
    reference?: boolean
    /** Tokens that are computed together. Defaults to {@link maximumTokens}. */
    maxTokens?: number
    /** The adapter's dropout, as in the pass with gradient. Defaults to none. */
    dropout?: RowDropout | undefined
  } = {},
): Promise<RowValues> {
  const logProbs: number[][] = []
  const entropies: number[][] = []
  for (const run of cutRows(rows, options.maxTokens ?? maximumTokens(policy))) {
    const packed = packRows(run)
    const dropout = options.dropout && dropoutKeys(run, packed, options.dropout)
    const compute = (): tf.Tensor1D[] =>
      tf.tidy(() => forwardRows(policy, packed, temperature, { ...(dropout && { dropout }) }))
    const tensors = options.reference ? policy.withoutAdapter(compute) : compute()
    const values = await readRows(tensors, run)
    tf.dispose(tensors)
    logProbs.push(...values.logProbs)
    entropies.push(...values.entropies)
  }
  return { logProbs, entropies }
}

/** As {@link rowValues} for rows that fit into memory together, recorded for the gradient of [log-probabilities; entropies]. */
export async function recordRows(
  policy: CausalLM,
  rows: readonly Row[],
  temperature: number,
  options: {
    maxTokens: number
    /** What sampling kept of the rows' tokens, by the policy as it is. Defaults to none. */
    kept?: KeptProjections | undefined
    /** The adapter's dropout. Not together with `kept`. Defaults to none. */
    dropout?: RowDropout | undefined
  },
): Promise<RowValues & { recording: Recording }> {
  const packed = packRows(rows)
  // Only a single row can be longer than what fits: then its layers are computed twice instead of kept.
  const tooLong = packed.batch.tokenIds.length > options.maxTokens
  const places = options.kept && keptRows(rows, packed, options.kept)
  const kept = options.kept && places && { projections: options.kept, rows: places }
  const dropout = options.dropout && dropoutKeys(rows, packed, options.dropout)
  const recording = record(() =>
    forwardRows(policy, packed, temperature, {
      recomputeLayers: tooLong,
      ...(kept && { kept }),
      ...(dropout && { dropout }),
    }),
  )
  return { ...(await readRows(recording.outputs, rows)), recording }
}

function forwardRows(
  policy: CausalLM,
  { batch, rows, targets }: PackedGroups,
  temperature: number,
  options: Pick<ForwardOptions, 'recomputeLayers' | 'kept' | 'dropout'> = {},
): [tf.Tensor1D, tf.Tensor1D] /* log-probabilities and entropies, each [n] */ {
  const hidden = selectRows(policy.forward(batch, options), rows)
  const { logProbs, entropies } = policy.tokenLogProbs(hidden, targets, temperature)
  return [logProbs, entropies]
}

async function readRows(tensors: readonly tf.Tensor[], rows: readonly Row[]): Promise<RowValues> {
  const [logProbs, entropies] = await Promise.all(tensors.map((tensor) => tensor.data()))
  let at = 0
  const ranges = rows.map(({ completionIds }) => [at, (at += completionIds.length)] as const)
  return {
    logProbs: ranges.map(([start, end]) => [...logProbs!.subarray(start, end)]),
    entropies: ranges.map(([start, end]) => [...entropies!.subarray(start, end)]),
  }
}
