import * as tf from '@tensorflow/tfjs'
import type { CausalLM } from '../model/causalLM.js'
import { selectRows } from '../ops/selectRows.js'
import { packRows } from './trainingRow.js'
import type { TrainingRow } from './trainingRow.js'

/** log π (nats, at a temperature) of every completion token of some rows, without gradient. */
export async function rowLogProbs(
  policy: CausalLM,
  rows: readonly Pick<TrainingRow, 'promptIds' | 'completionIds'>[],
  temperature: number,
  options: {
    /** Switch the adapter off: the reference policy. Defaults to false. */
    reference?: boolean
  } = {},
): Promise<number[][]> {
  const { batch, rows: predicting, targets } = packRows(rows)
  const compute = (): tf.Tensor1D =>
    tf.tidy(() => {
      const hidden = selectRows(policy.forward(batch), predicting)
      return policy.tokenLogProbs(hidden, targets, temperature).logProbs
    })
  const logProbs = options.reference ? policy.withoutAdapter(compute) : compute()
  const values = await logProbs.data()
  logProbs.dispose()
  let at = 0
  return rows.map(({ completionIds }) => [...values.subarray(at, (at += completionIds.length))])
}
