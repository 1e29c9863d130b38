import type { CausalLM } from '../../policy/causalLM.js'
import type { RewardFunction } from '../../rewards/reward.js'
import type { Task } from '../../tasks/task.js'
import { weightedSum } from '../advantages.js'
import type { GRPOConfig } from '../config/config.js'
import { EQUAL_REWARDS, shareCorrect } from '../metrics/signal.js'
import type { PromptSampler } from './promptSampler.js'
import { completeRollouts, sampleGroups } from './rollouts.js'
import type { Rollouts, SampledGroup, SamplingRun } from './rollouts.js'
import { mean } from '../metrics/statistics.js'

/** Seeds of further rounds of a batch lie this far apart, beyond those of all batches. */
const SEEDS_BETWEEN_ROUNDS = 2 ** 40

/**
 * A generation batch of the next prompts.
 *
 * With `dynamicSampling` (DAPO, arXiv 2503.14476, section 3.2), groups whose rewards are all equal teach nothing: they are
 * dropped, and groups of further prompts sampled in their place, in at most `maxNumGenBatches` rounds; what is still missing
 * then is filled up with dropped groups, the latest first. Metrics of it:
 *
 * - `dynamic_sampling/num_gen_batches`: rounds
 * - `dynamic_sampling/dropped_groups`: fraction of the sampled groups that are not trained on
 * - `dynamic_sampling/reward`: mean reward of all that was sampled; `reward` is of the groups trained on
 *
 * With `difficultyPools` every problem's pass rate is passed on to the sampler of prompts.
 */
export async function sampleRollouts(
  policy: CausalLM,
  task: Task,
  prompts: PromptSampler,
  rewards: readonly RewardFunction[],
  config: GRPOConfig,
  options: SamplingRun,
): Promise<Rollouts> {
  const wanted = config.generationBatchSize / config.numGenerations
  const weights = config.rewardWeights ?? rewards.map(({ weight }) => weight)
  const kept: SampledGroup[] = []
  const dropped: SampledGroup[] = []
  const metrics: Record<string, number> = {}
  let rounds = 0
  do {
    const places = Array.from({ length: wanted - kept.length }, () => prompts.next())
    const round = await sampleGroups(
      policy,
      task,
      places.map((place) => task.problems[place]!),
      rewards,
      config,
      { ...options, seed: options.seed + rounds * SEEDS_BETWEEN_ROUNDS },
    )
    rounds++
    for (const [name, value] of Object.entries(round.metrics)) metrics[name] = (metrics[name] ?? 0) + value
    for (const [i, group] of round.groups.entries()) {
      if (config.difficultyPools) prompts.record(places[i]!, passRate(group, weights))
      const list = config.dynamicSampling && !hasSignal(group, weights, config) ? dropped : kept
      list.push(group)
    }
  } while (kept.length < wanted && rounds < config.maxNumGenBatches)
  const all = [...kept, ...dropped]
  const groups = [...kept, ...dropped.slice(kept.length - wanted)].slice(0, wanted)
  const rollouts = await completeRollouts(policy, groups, rewards, config, options.sampler)
  Object.assign(metrics, rollouts.metrics)
  if (config.dynamicSampling) {
    metrics['dynamic_sampling/num_gen_batches'] = rounds
    metrics['dynamic_sampling/dropped_groups'] = (all.length - groups.length) / all.length
    metrics['dynamic_sampling/reward'] = meanReward(all, weights)
  }
  if (config.difficultyPools) Object.assign(metrics, prompts.poolMetrics())
  return { ...rollouts, metrics }
}

/** Whether any completion of a group gets another advantage than 0. */
export function hasSignal(
  { rewards }: Pick<SampledGroup, 'rewards'>,
  weights: readonly number[],
  { multiObjectiveAggregation }: Pick<GRPOConfig, 'multiObjectiveAggregation'>,
): boolean {
  const columns =
    multiObjectiveAggregation === 'normalize_then_sum'
      ? weights.map((weight, k) => rewards.map((row) => (weight === 0 ? null : row[k]!)))
      : [rewards.map((row) => weightedSum(row, weights))]
  return columns.some((column) => {
    const values = column.filter((value) => value !== null)
    return values.length > 1 && Math.max(...values) - Math.min(...values) > EQUAL_REWARDS
  })
}

/** Share of right completions; where none is judged, mean of the weighted sum, taken as a number from 0 to 1; null for none. */
function passRate(group: SampledGroup, weights: readonly number[]): number | null {
  const share = shareCorrect(group.correct)
  if (share !== null) return share
  const values = group.rewards.map((row) => weightedSum(row, weights)).filter((value) => value !== null)
  if (values.length === 0) return null
  return values.reduce((sum, value) => sum + Math.min(1, Math.max(0, value)), 0) / values.length
}

function meanReward(groups: readonly SampledGroup[], weights: readonly number[]): number {
  return mean(groups.flatMap(({ rewards }) => rewards.map((row) => weightedSum(row, weights))))
}
