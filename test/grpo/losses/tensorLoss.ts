import * as tf from '../../../src/bundled/tfjs.js'
import { grpoLoss } from '../../../src/grpo/losses/grpoLoss.js'
import type { LossInputs } from '../../../src/grpo/losses/grpoLoss.js'
import type { LossConfig } from '../../../src/grpo/losses/lossValues.js'
import type { ReferenceInputs } from '../referenceLoss.js'

export function toTensors(inputs: ReferenceInputs): LossInputs & { entropies: tf.Tensor2D } {
  const tensor = (rows: ReferenceInputs['logProbs']): tf.Tensor2D => tf.tensor2d(rows.map((row) => [...row]))
  const optional = (rows: ReferenceInputs['logProbs'] | null): tf.Tensor2D | null => (rows ? tensor(rows) : null)
  return {
    ...inputs,
    logProbs: tensor(inputs.logProbs),
    entropies: tensor(inputs.entropies),
    oldLogProbs: optional(inputs.oldLogProbs),
    refLogProbs: tensor(inputs.refLogProbs),
    samplingLogProbs: optional(inputs.samplingLogProbs),
    completionMask: tensor(inputs.mask),
    advantages: tf.tensor1d([...inputs.advantages]),
    importanceSamplingRatio: optional(inputs.importanceSamplingRatio),
  }
}

/** The loss and its gradients with respect to log-probabilities and, when there is an entropy bonus, entropies. */
export async function lossAndGradients(
  inputs: LossInputs & { entropies: tf.Tensor2D },
  config: LossConfig,
): Promise<{ loss: number; logProbs: ArrayLike<number>; entropies: ArrayLike<number> | null }> {
  const hasBonus = inputs.entropyCoef !== 0
  const variables = hasBonus ? [inputs.logProbs, inputs.entropies] : [inputs.logProbs]
  const { value, grads } = tf.valueAndGrads((logProbs: tf.Tensor, entropies?: tf.Tensor) =>
    grpoLoss(
      { ...inputs, logProbs: logProbs as tf.Tensor2D, entropies: (entropies ?? inputs.entropies) as tf.Tensor2D },
      config,
    ),
  )(variables)
  const loss = (await value.data())[0]!
  const [logProbs, entropies] = await Promise.all(grads.map((gradient) => gradient.data()))
  tf.dispose([value, ...grads])
  return { loss, logProbs: logProbs!, entropies: entropies ?? null }
}
