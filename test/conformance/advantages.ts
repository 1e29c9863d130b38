import { completionMetrics, computeAdvantages, rewardMetrics } from './api.js'
import type { GRPOConfig } from './api.js'
import { compareNumbers, compareRecord, ofOneOrMore } from './compare.js'
import type { Part } from './referenceFiles.js'
import { omit, readNumbers } from './referenceFiles.js'

interface AdvantagesReference {
  config: {
    num_generations: number
    reward_weights: number[] | null
    scale_rewards: GRPOConfig['scaleRewards']
    multi_objective_aggregation: GRPOConfig['multiObjectiveAggregation']
  }
  inputs: {
    rewards_per_func: (number | null)[][]
    reward_func_names: string[]
    completion_ids: number[][]
    eos_token_ids: number[]
    pad_token_id: number
  }
  outputs: { advantages: number[]; metrics: Record<string, number> }
}

/** Group advantages and the metrics of rewards and completions. */
export const advantages: Part = {
  name: 'advantages',
  matches: /^advantages\/[^/]+\.json$/,
  *run(file, context) {
    const { config, inputs, outputs } = readNumbers(context, file) as AdvantagesReference
    const result = computeAdvantages(inputs.rewards_per_func, {
      numGenerations: config.num_generations,
      scaleRewards: config.scale_rewards,
      multiObjectiveAggregation: config.multi_objective_aggregation,
      ...(config.reward_weights ? { rewardWeights: config.reward_weights } : {}),
    })
    yield compareNumbers('advantages', result.advantages, outputs.advantages, ofOneOrMore(1e-5))
    const ends = [...inputs.eos_token_ids, inputs.pad_token_id]
    const metrics = {
      ...rewardMetrics(inputs.reward_func_names, inputs.rewards_per_func, result),
      ...completionMetrics(
        inputs.completion_ids.map((ids) => ids.length),
        inputs.completion_ids.map((ids) => ends.includes(ids.at(-1)!)),
      ),
    }
    // num_tokens is the trainer's count over the run; the step cases have it.
    const expected = omit(outputs.metrics, 'num_tokens')
    yield compareRecord('metrics', metrics, expected, ofOneOrMore(1e-5))
  },
}
