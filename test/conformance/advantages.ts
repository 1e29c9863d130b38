import { completionMetrics, computeAdvantages, rewardMetrics } from './api.js'
import type { GRPOConfig } from './api.js'
import { compareExactly, compareNumbers, compareRecord, ofOneOrMore } from './compare.js'
import type { Part } from './referenceFiles.js'
import { describing, readNumbers } from './referenceFiles.js'

interface AdvantagesReference {
  case: string
  note: string
  config: {
    num_generations: number
    reward_weights: number[] | null
    scale_rewards: GRPOConfig['scaleRewards']
    multi_objective_aggregation: GRPOConfig['multiObjectiveAggregation']
    mask_truncated_completions: boolean
  }
  inputs: {
    rewards_per_func: (number | null)[][]
    reward_func_names: string[]
    completion_ids: number[][]
    prompt_length_each: number
    eos_token_ids: number[]
    pad_token_id: number
  }
  outputs: {
    advantages: number[]
    num_items_in_batch: number
    completion_mask: number[][]
    metrics: Record<string, number>
  }
}

/** Group advantages and the metrics of rewards and completions. */
export const advantages: Part = {
  name: 'advantages',
  matches: /^advantages\/[^/]+\.json$/,
  *run(file, context) {
    const reference = readNumbers(context, file) as AdvantagesReference
    describing(reference, 'case', 'note')
    const { config, inputs, outputs } = reference
    const result = computeAdvantages(inputs.rewards_per_func, {
      numGenerations: config.num_generations,
      scaleRewards: config.scale_rewards,
      multiObjectiveAggregation: config.multi_objective_aggregation,
      ...(config.reward_weights ? { rewardWeights: config.reward_weights } : {}),
    })
    yield compareNumbers('advantages', result.advantages, outputs.advantages, ofOneOrMore(1e-5))
    const ends = [...inputs.eos_token_ids, inputs.pad_token_id]
    const { completion_ids: completions } = inputs
    const terminated = completions.map((ids) => ends.includes(ids.at(-1)!))
    const longest = Math.max(...completions.map((ids) => ids.length))
    const mask = completions.map((ids, row) => {
      const isInLoss = terminated[row]! || !config.mask_truncated_completions
      return Array.from({ length: longest }, (_, t) => (isInLoss && t < ids.length ? 1 : 0))
    })
    yield compareExactly('mask of completions', mask, outputs.completion_mask)
    const tokensInLoss = mask.flat().reduce((sum: number, one) => sum + one, 0)
    yield compareExactly('tokens in the loss', [tokensInLoss], [outputs.num_items_in_batch])
    const lengths = completions.map((ids) => ids.length)
    const metrics = {
      ...rewardMetrics(inputs.reward_func_names, inputs.rewards_per_func, result),
      ...completionMetrics(lengths, terminated),
      num_tokens: lengths.reduce((sum, length) => sum + inputs.prompt_length_each + length, 0),
    }
    yield compareRecord('metrics', metrics, outputs.metrics, ofOneOrMore(1e-5))
  },
}
