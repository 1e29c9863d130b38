import { ConfigError } from '../errors.js'
import { asPolicy } from '../policy/causalLM.js'
import type { CausalLM } from '../policy/causalLM.js'
import type { RolloutGroup } from './rollouts/rollouts.js'

/** How far the gradients of single groups are from each other. */
export interface GradientVariance {
  /** Mean squared distance of a group's gradient from the mean of all groups: the trace of their covariance. */
  readonly variance: number
  /** Squared length of the gradient that they have in common, without the part that chance adds to it; may be below 0 by chance. */
  readonly signal: number
}

/**
 * Measures how much the policy gradient scatters from group to group when each completion counts with a weight of its own, such as its
 * reward or its advantage. The gradient of a group is Σ weight · ∇ log π(completion) / completions. Computes a forward and a backward
 * pass of every group; the policy stays as it is.
 * @param weigh the weights of a group's completions, in their order
 * @param options.temperature as the groups were sampled. Defaults to 1
 * @throws ConfigError for fewer than two groups, or a model of which nothing is trained
 */
export async function gradientVariance(
  policy: CausalLM,
  groups: readonly RolloutGroup[],
  weigh: (group: RolloutGroup) => readonly number[],
  { temperature = 1 }: { temperature?: number } = {},
): Promise<GradientVariance> {
  if (groups.length < 2) {
    throw new ConfigError(`gradientVariance: got ${groups.length} groups; expected at least 2, to compare them`)
  }
  const { length } = asPolicy(policy).trained.parameters.values
  const sum = new Float64Array(length)
  let squares = 0
  for (const group of groups) {
    const gradient = await gradientOf(policy, group, weigh(group), temperature, new Float32Array(length))
    for (let i = 0; i < length; i++) sum[i]! += gradient[i]!
    squares += squaredLength(gradient)
  }
  const count = groups.length
  // Σ|g|² = Σ|g − mean|² + n|mean|²
  const variance = (squares - squaredLength(sum) / count) / (count - 1)
  return { variance, signal: squaredLength(sum) / count ** 2 - variance / count }
}

async function gradientOf(
  policy: CausalLM,
  { promptIds, completions }: RolloutGroup,
  weights: readonly number[],
  temperature: number,
  sum: Float32Array,
): Promise<Float32Array> {
  const rows = completions.map(({ ids }) => ({ promptIds, completionIds: ids }))
  const recording = await policy.engineModel.record(rows, { temperature })
  const dLogProbs = completions.flatMap(({ ids }, i) => ids.map(() => weights[i]! / completions.length))
  await recording.gradient(Float32Array.from(dLogProbs), null, sum)
  return sum
}

function squaredLength(values: Float32Array | Float64Array): number {
  let sum = 0
  for (const value of values) sum += value * value
  return sum
}
