import * as tf from '../../bundled/tfjs.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { packGroups } from '../../engine/cpu/packedBatch.js'
import type { Gate } from '../gate.js'
import { largestDifference, testPrompts, withRandomAdapter } from '../gate.js'

/** With its adapter off a policy is the model that it was made from, to the last bit; so is one with a new adapter, nearly. */
export const adapterOff: Gate = {
  name: 'adapter off = base',
  async run(model) {
    const [prompt] = testPrompts(model, [8])
    const { batch } = packGroups([{ promptIds: prompt!, completions: [] }])
    const forward = (policy: CausalLM): tf.Tensor => tf.tidy(() => policy.logits(policy.forward(batch)))
    const read = async (logits: tf.Tensor): Promise<Float32Array> => {
      const values = await logits.data<'float32'>()
      logits.dispose()
      return values
    }
    const base = await read(forward(model))
    const fresh = model.withLora({ r: 4, alpha: 8 })
    const untrained = await read(forward(fresh))
    fresh.dispose()
    return withRandomAdapter(model, async (policy) => {
      const off = await read(policy.withoutAdapter(() => forward(policy)))
      const on = await read(forward(policy))
      const change = largestDifference(on, base)
      return {
        measured: Math.max(largestDifference(off, base), largestDifference(untrained, base)),
        ...{ allowed: 1e-6, holds: change > 1e-3 },
        finding: `logits with the adapter off, and with a new one, against the base; switched on it changes them by ${change.toPrecision(2)}`,
      }
    })
  },
}
