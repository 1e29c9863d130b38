import { quantizedDtypes } from '../quantization/weightFormat.js'
import type { QuantizedCopy } from '../model/quantizedCopy.js'
import type { Evaluation } from '../run/evaluation.js'
import { cardPolicies } from './results.js'

/** What the weights of the base model were kept in, in words, such as `int4, groups of 32, embeddings int8`. */
export interface BaseWeights {
  /** While the adapter was trained; null where they were not quantised. */
  readonly trained: string | null
  /** While it was measured; null where nothing says it. */
  readonly measured: string | null
  /** The dtype of the run where that quantises; null elsewhere. */
  readonly dtype: string | null
}

/** What the files of a run say of the weights that an adapter was trained against. */
export function baseWeightsOf(
  config: Readonly<Record<string, unknown>> | null, // of the run
  copy: QuantizedCopy | null, // what the files of the base model say
  evaluation: Evaluation | null,
): BaseWeights {
  const policies = evaluation && cardPolicies(evaluation)
  const measured = policies?.trained.weightFormat ?? null
  const dtype = quantizedDtypes.find((one) => one === config?.dtype) ?? null
  if (dtype !== null) return { trained: isOf(measured, dtype) ? measured : dtype, measured, dtype }
  return { trained: copy && (measured ?? copy.method), measured, dtype }
}

/** What is to be told of the numbers where weights were quantised; nothing where none were. */
export function weightLimits({ trained, measured }: BaseWeights): string[] {
  if (trained !== null && measured !== null && measured !== trained) {
    return [`Trained against quantised weights of the base model (${trained}), and measured with them in ${measured}.`]
  }
  if (trained !== null) {
    return [
      `Trained${measured === null ? '' : ' and measured'} against quantised weights of the base model (${trained}): with its weights in ` +
        'another format it was not measured.',
    ]
  }
  if (!quantizedDtypes.some((dtype) => isOf(measured, dtype))) return []
  return [`Measured with quantised weights of the base model (${measured}), against which it was not trained.`]
}

function isOf(format: string | null, dtype: string): boolean {
  return format?.startsWith(dtype) ?? false
}
