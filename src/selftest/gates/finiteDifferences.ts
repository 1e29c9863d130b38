import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { PolicyUpdate } from '../../grpo/update/policyUpdate.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { Gate } from '../gate.js'
import { sampledRows, TEMPERATURE, withRandomAdapter } from '../gate.js'
import { gateConfig } from '../gateConfig.js'

/** By how much a step along a direction changes the loss: far above the rounding of float32, far below where it bends. */
const LOSS_CHANGE = 5e-3

/** No longer step than this, in weights of an adapter that are about 0.05. */
const LONGEST_STEP = 0.05

/**
 * The gradient of the whole loss, that of the policy with its importance ratio, the KL term and the entropy bonus, with respect
 * to the adapter is its slope: for each adapted module, along its gradient mixed with a random direction, it is compared with
 * (8 (L(h) − L(−h)) − (L(2h) − L(−2h))) / 12h.
 */
export const finiteDifferences: Gate = {
  name: 'finite differences',
  run: (model) =>
    withRandomAdapter(model, async (policy) => {
      const sampled = await sampledRows(policy, [5, 3])
      const [old, reference] = [
        await policy.engineModel.values(sampled, { temperature: TEMPERATURE }),
        await policy.engineModel.values(sampled, { temperature: TEMPERATURE, reference: true }),
      ]
      const rows = sampled.map((row, i) => ({
        ...row,
        // A ratio that is not 1 where the gradient is taken, and one that no step brings to the edge of clipping.
        oldLogProbs: old.logProbs[i]!.map((value, t) => value + 0.1 * Math.sin(3 * t + i)),
        refLogProbs: reference.logProbs[i]!,
      }))
      const config = gateConfig({ beta: 0.1, entropyCoef: 0.05, epsilon: 0.9, epsilonHigh: 9 })
      const numItemsInBatch = rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
      const update = new PolicyUpdate(policy, config, 1)
      const lossAt = async (): Promise<number> => {
        const position = { numItemsInBatch, gradientAccumulationSteps: 1, stepsPerGeneration: 1 }
        return (await update.accumulate(rows, position)).loss
      }
      await lossAt()
      const gradients = update.gradients
      const adapter = policy.adapter!
      const values = adapter.values.slice()
      let worst = { module: '', error: 0, slope: 0 }
      for (const { module, ranges } of modules(policy)) {
        const direction = mixedDirection(gradients, ranges)
        const expected = direction.reduce((sum, value, i) => sum + value * gradients[i]!, 0)
        const h = Math.min(LOSS_CHANGE / Math.abs(expected), LONGEST_STEP)
        const at = async (steps: number): Promise<number> => {
          adapter.setValues(values.map((value, i) => value + steps * h * direction[i]!))
          return lossAt()
        }
        const slope = (8 * ((await at(1)) - (await at(-1))) - ((await at(2)) - (await at(-2)))) / (12 * h)
        const error = Math.abs(slope - expected) / Math.abs(expected)
        if (!(error <= worst.error)) worst = { module, error: Number.isNaN(error) ? Infinity : error, slope: expected }
      }
      return {
        measured: worst.error,
        allowed: 0.01,
        finding: `slope of the whole loss along ${modules(policy).length} modules, relative; worst ${worst.module} (${worst.slope.toPrecision(2)})`,
      }
    }),
}

/** Where the parameters of each adapted module lie in the flat vector. */
function modules(policy: CausalLM): { module: string; ranges: [start: number, end: number][] }[] {
  const adapter = policy.adapter!
  let at = 0
  const ranges = adapter.entries.map(({ module, a, b }) => {
    const start = at
    at += a.values.length + b.values.length
    return { module, range: [start, at] as [number, number] }
  })
  return adapter.targetModules.map((module) => ({
    module,
    ranges: ranges.filter((each) => each.module === module).map(({ range }) => range),
  }))
}

/** A unit vector between the gradient of some parameters and a random direction; 0 for all others. */
function mixedDirection(gradients: Float32Array, ranges: readonly [number, number][]): Float32Array {
  const random = xoroshiro128plus(13)
  const direction = new Float32Array(gradients.length)
  const noise = new Float32Array(gradients.length)
  for (const [start, end] of ranges) {
    for (let i = start; i < end; i++) {
      direction[i] = gradients[i]!
      noise[i] = uniformFloat64(random) - 0.5
    }
  }
  const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  const [ofGradient, ofNoise] = [norm(direction), norm(noise)]
  return direction.map((value, i) => (value / ofGradient + noise[i]! / ofNoise) / Math.SQRT2)
}
