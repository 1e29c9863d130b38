import * as tf from '../../src/bundled/tfjs.js'
import { UnsupportedError, grpoLoss, microBatchLoss } from './api.js'
import type { GRPOConfig, LossInputs, LossValues } from './api.js'
import { expectSetting, optionsIn, uncheckedConfig } from './options.js'

type Matrix = number[][]

/** What a micro-batch of a reference file goes into its loss with. */
export interface MicroBatchInputs {
  per_token_logps: Matrix
  old_per_token_logps: Matrix | null
  ref_per_token_logps?: Matrix | null
  sampling_per_token_logps?: Matrix | null
  entropies: Matrix
  completion_mask: Matrix
  tool_mask?: Matrix | null
  /** [B], or [B, 1] and [B, T] as subclasses of TRL's trainer may have them. */
  advantages: number[] | Matrix
  num_items_in_batch?: number
  importance_sampling_ratio?: Matrix | null
}

/** TRL's options for it, and some of the trainer around it. */
export interface MicroBatchConfig {
  mode?: string
  num_processes?: number
  gradient_accumulation_steps: number
  steps_per_generation: number
  epsilon_high_effective?: number
  use_vllm?: boolean
  vllm_importance_sampling_correction?: boolean
}

/** A micro-batch as the losses take it. */
export interface MicroBatch {
  readonly config: GRPOConfig
  readonly values: LossValues
  readonly position: { numItemsInBatch: number; gradientAccumulationSteps: number; stepsPerGeneration: number }
  readonly isTraining: boolean
  /** Whether the advantages have a number for each token, which makes TRL average some metrics over tokens. */
  readonly hasTokenAdvantages: boolean
}

/** Throws an UnsupportedError for what cannot be compared. */
export function readMicroBatch(given: MicroBatchConfig, inputs: MicroBatchInputs): MicroBatch {
  expectSetting('num_processes', given.num_processes, 1)
  if (given.mode !== 'eval') expectSetting('mode', given.mode, 'train')
  const config = uncheckedConfig(optionsIn(given))
  expectSetting('epsilon_high_effective', given.epsilon_high_effective, config.epsilonHigh ?? config.epsilon)
  const isTraining = given.mode !== 'eval'
  const mask = completionMask(inputs).flat()
  const shape = [inputs.per_token_logps.length, inputs.per_token_logps[0]!.length] as const
  const hasRatio = (given.use_vllm && given.vllm_importance_sampling_correction) ?? config.lossType === 'vespo'
  return {
    config,
    isTraining,
    hasTokenAdvantages: Array.isArray(inputs.advantages[0]) && inputs.advantages[0].length > 1,
    position: {
      numItemsInBatch: inputs.num_items_in_batch ?? 0,
      gradientAccumulationSteps: isTraining ? given.gradient_accumulation_steps : 1,
      stepsPerGeneration: isTraining ? given.steps_per_generation : 1,
    },
    values: {
      shape,
      logProbs: inputs.per_token_logps.flat(),
      entropies: inputs.entropies.flat(),
      oldLogProbs: inputs.old_per_token_logps?.flat() ?? null,
      refLogProbs: inputs.ref_per_token_logps?.flat() ?? null,
      samplingLogProbs: inputs.sampling_per_token_logps?.flat() ?? null,
      completionMask: mask,
      advantages: inputs.advantages.map((advantage, row) => advantageOf(advantage, columnsOf(mask, row, shape[1]))),
      importanceSamplingRatio: hasRatio ? (inputs.importance_sampling_ratio?.flat() ?? null) : null,
    },
  }
}

/** The columns of a row that are not masked. */
function columnsOf(mask: readonly number[], row: number, tokens: number): number[] {
  return Array.from({ length: tokens }, (_, t) => t).filter((t) => mask[row * tokens + t] !== 0)
}

/** Completion mask times tool mask. */
export function completionMask({ completion_mask, tool_mask }: MicroBatchInputs): Matrix {
  return completion_mask.map((row, i) => row.map((kept, t) => kept * (tool_mask?.[i]?.[t] ?? 1)))
}

/**
 * The advantage of a completion, given once or for each column: here all of its tokens have the same. Throws an UnsupportedError
 * for others.
 */
export function advantageOf(given: number | readonly number[], columns: readonly number[]): number {
  if (typeof given === 'number') return given
  const own = given.length === 1 ? given : columns.map((column) => given[column]!)
  if (own.some((value) => value !== own[0])) {
    throw new UnsupportedError(
      'advantages that differ within a completion: here every token of a completion has its advantage',
    )
  }
  return own[0] ?? 0
}

/** A loss with its gradients by the log-probabilities and entropies. */
export interface LossResult {
  readonly loss: number
  readonly gradient: Float32Array // [B · T]
  readonly entropyGradient: Float32Array // [B · T]
}

/** By {@link microBatchLoss}, which training takes. */
export function lossOf(
  { values, position, config }: MicroBatch,
  entropyCoef: number,
): LossResult & { metrics: Record<string, number> } {
  const { loss, dLogProbs, dEntropies, metrics } = microBatchLoss(values, { ...position, entropyCoef }, config)
  return { loss, gradient: dLogProbs, entropyGradient: dEntropies ?? new Float32Array(dLogProbs.length), metrics }
}

/** By {@link grpoLoss}, the composition of tensor operations. */
export async function tensorLossOf({ values, position, config }: MicroBatch, entropyCoef: number): Promise<LossResult> {
  const [rows, tokens] = values.shape
  const matrix = (data: ArrayLike<number>): tf.Tensor2D =>
    tf.tensor2d(Float32Array.from(data), [rows, data.length === rows && tokens > 1 ? 1 : tokens])
  const optional = (data: ArrayLike<number> | null | undefined): tf.Tensor2D | null => (data ? matrix(data) : null)
  const { loss, gradients } = tf.tidy(() => {
    const tensors: LossInputs = {
      ...position,
      entropyCoef,
      logProbs: matrix(values.logProbs),
      entropies: matrix(values.entropies),
      oldLogProbs: optional(values.oldLogProbs),
      refLogProbs: optional(values.refLogProbs),
      samplingLogProbs: optional(values.samplingLogProbs),
      completionMask: matrix(values.completionMask),
      advantages: tf.tensor1d([...Array.from(values.advantages)]),
      importanceSamplingRatio: optional(values.importanceSamplingRatio),
    }
    const { value, grads } = tf.valueAndGrads((logProbs: tf.Tensor, entropies: tf.Tensor) => {
      const given = { ...tensors, logProbs: logProbs as tf.Tensor2D, entropies: entropies as tf.Tensor2D }
      // tfjs refuses to differentiate by what the loss does not depend on.
      return tf.add(grpoLoss(given, config), tf.mul(tf.sum(entropies), 0))
    })([tensors.logProbs, tensors.entropies!])
    return { loss: value, gradients: grads }
  })
  const [value, gradient, entropyGradient] = await Promise.all([loss, ...gradients].map((tensor) => tensor.data()))
  tf.dispose([loss, ...gradients])
  return {
    loss: value![0]!,
    gradient: gradient as Float32Array,
    entropyGradient: entropyGradient as Float32Array,
  }
}
