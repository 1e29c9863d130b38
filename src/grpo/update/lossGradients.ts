import * as tf from '../../bundled/tfjs.js'
import { record } from '../../ops/gradients.js'
import type { BatchPosition } from '../losses/aggregation.js'
import { grpoLoss } from '../losses/grpoLoss.js'
import type { LossConfig } from '../losses/grpoLoss.js'

/** A micro-batch's values on the host, row-major, 0 where there is no token. Log-probabilities and entropies in nats. */
export interface LossValues {
  readonly shape: readonly [rows: number, tokens: number]
  readonly logProbs: Float32Array // [B · T]
  readonly entropies: Float32Array // [B · T]
  readonly oldLogProbs: Float32Array | null // [B · T]
  readonly refLogProbs: Float32Array | null // [B · T]
  readonly samplingLogProbs: Float32Array | null // [B · T]
  readonly completionMask: Float32Array // [B · T]
  readonly advantages: readonly number[] // [B]
}

/** The loss of a micro-batch, and its gradient with respect to the log-probability and the entropy of each token. */
export interface LossGradients {
  readonly loss: number
  readonly dLogProbs: Float32Array // [B · T]
  /** Null when the loss does not depend on the entropies: without an entropy bonus. */
  readonly dEntropies: Float32Array | null // [B · T]
}

/**
 * The loss and where it pulls: {@link grpoLoss} differentiated by the values it was given. What pulls the model's weights then
 * is the model's own gradient, which may be computed a few rows at a time.
 */
export async function lossGradients(
  values: LossValues,
  position: BatchPosition & { entropyCoef: number },
  config: LossConfig,
): Promise<LossGradients> {
  const tensors: tf.Tensor[] = []
  const matrix = (data: Float32Array): tf.Tensor2D => {
    const tensor = tf.tensor2d(data, [...values.shape])
    tensors.push(tensor)
    return tensor
  }
  const optional = (data: Float32Array | null): tf.Tensor2D | null => data && matrix(data)
  const logProbs = matrix(values.logProbs)
  const entropies = matrix(values.entropies)
  try {
    const recording = record(() => [
      grpoLoss(
        {
          ...position,
          ...{ logProbs, entropies },
          oldLogProbs: optional(values.oldLogProbs),
          refLogProbs: optional(values.refLogProbs),
          samplingLogProbs: optional(values.samplingLogProbs),
          completionMask: matrix(values.completionMask),
          advantages: tf.tensor1d([...values.advantages]),
        },
        config,
      ),
    ])
    const one = tf.scalar(1)
    tensors.push(one)
    const [loss] = await recording.outputs[0]!.data()
    const gradients = recording.gradients([one], [logProbs, entropies])
    tensors.push(...gradients.filter((gradient) => gradient !== null))
    const [dLogProbs, dEntropies] = await Promise.all(
      gradients.map(async (gradient) => (await gradient?.data()) ?? null),
    )
    return {
      loss: loss!,
      dLogProbs: (dLogProbs as Float32Array | null) ?? new Float32Array(values.logProbs.length),
      dEntropies: dEntropies as Float32Array | null,
    }
  } finally {
    tf.dispose(tensors)
  }
}
