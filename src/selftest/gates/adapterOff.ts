import type { CausalLM } from '../../policy/causalLM.js'
import type { Gate } from '../gate.js'
import { largestDifference, TEMPERATURE, testPrompts, withRandomAdapter } from '../gate.js'

/** With its adapter off a policy is the model that it was made from, to the last bit; so is one with a new adapter, nearly. */
export const adapterOff: Gate = {
  name: 'adapter off = base',
  async run(model) {
    const [promptIds = [], completionIds = []] = testPrompts(model, [8, 24])
    const values = async (policy: CausalLM, reference = false): Promise<number[]> => {
      const rows = [{ promptIds, completionIds }]
      return (await policy.engineModel.values(rows, { temperature: TEMPERATURE, reference })).logProbs.flat()
    }
    const base = await values(model)
    const fresh = model.withLora({ r: 4, alpha: 8 })
    const untrained = await values(fresh)
    fresh.dispose()
    return withRandomAdapter(model, async (policy) => {
      const off = await values(policy, true)
      const change = largestDifference(await values(policy), base)
      return {
        measured: Math.max(largestDifference(off, base), largestDifference(untrained, base)),
        allowed: 1e-6,
        holds: change > 1e-3,
        finding: `log-probabilities with the adapter off, and with a new one, against the base; switched on it changes them by ${change.toPrecision(2)}`,
      }
    })
  },
}
