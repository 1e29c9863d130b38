import type { CausalLM } from '../model/causalLM.js'
import type { RewardFunction } from '../rewards/reward.js'
import { scoreCompletions } from '../rewards/scoreCompletions.js'
import { generate } from '../rollout/generate.js'
import type { Completion } from '../rollout/generate.js'
import type { Problem, Task } from '../tasks/task.js'
import { computeAdvantages } from './advantages.js'
import { completionMetrics } from './completionMetrics.js'
import type { GRPOConfig } from './config.js'
import { needsOldLogProbs } from './configRules.js'
import { groupMetrics } from './metrics/groupMetrics.js'
import { rewardMetrics } from './rewardMetrics.js'
import { rowValues } from './rowValues.js'
import type { TrainingRow } from './trainingRow.js'

/** A completion with everything that was worked out about it. */
export interface ScoredCompletion extends Completion {
  /** By the name of the reward function; null where it did not judge the completion. */
  readonly rewards: Readonly<Record<string, number | null>>
  /** Weighted sum; null when no function judged the completion. */
  readonly reward: number | null
  /** How much better than its group: what its tokens are reinforced by. */
  readonly advantage: number
}

/** A problem and the completions that are compared with each other. */
export interface RolloutGroup {
  readonly problem: Problem
  readonly promptText: string
  readonly promptIds: readonly number[]
  readonly completions: readonly ScoredCompletion[]
}

/** A generation batch: what was sampled, what it is worth, and the rows to train on. */
export interface Rollouts {
  readonly groups: readonly RolloutGroup[]
  readonly rows: readonly TrainingRow[] // [generationBatchSize]
  /** Completion tokens in the loss. */
  readonly numItemsInBatch: number
  /** Prompt tokens (once for each completion, as TRL counts) and completion tokens. */
  readonly numTokens: number
  /** completions/…, rewards/…, reward, reward_std, frac_reward_zero_std, and those of {@link groupMetrics} */
  readonly metrics: Record<string, number>
}

/** Samples a group of completions for each problem, has them judged and compares them within their group. */
export async function collectRollouts(
  policy: CausalLM,
  task: Task,
  problems: readonly Problem[],
  rewards: readonly RewardFunction[],
  config: GRPOConfig,
  options: { seed: number; signal?: AbortSignal; onProgress?: (tokens: number) => void },
): Promise<Rollouts> {
  const prompts = problems.map((problem) => task.prompt(problem, policy.tokenizer))
  const completions = await generate(
    policy,
    prompts.map(({ ids }) => ids),
    { ...config, ...options, minP: config.minP ?? 0 },
  )
  const flat = completions.flat()
  const scores = await scoreCompletions(
    rewards,
    flat.map(({ text, ids, finishReason }, i) => {
      const place = Math.floor(i / config.numGenerations)
      const prompt = { problem: problems[place]!, promptText: prompts[place]!.text }
      return { ...prompt, completion: text, completionIds: ids, finishReason }
    }),
    options.signal,
  )
  const rewardsPerFunction = scores.values
  const advantages = computeAdvantages(rewardsPerFunction, {
    ...config,
    rewardWeights: config.rewardWeights ?? rewards.map(({ weight }) => weight),
  })
  const groups = problems.map((problem, g) => ({
    problem,
    promptText: prompts[g]!.text,
    promptIds: prompts[g]!.ids,
    completions: completions[g]!.map((completion, j): ScoredCompletion => {
      const i = g * config.numGenerations + j
      return {
        ...completion,
        rewards: Object.fromEntries(rewards.map(({ name }, k) => [name, rewardsPerFunction[i]![k]!])),
        reward: advantages.rewards[i]!,
        advantage: advantages.advantages[i]!,
      }
    }),
  }))
  const reference =
    config.beta === 0
      ? null
      : await rowValues(policy, trainingRows(groups, null, config), config.temperature, {
          reference: true,
          ...(config.maxTokensPerPass !== null && { maxTokens: config.maxTokensPerPass }),
        })
  return rolloutsOf(groups, reference?.logProbs ?? null, config, {
    ...completionMetrics(
      flat.map(({ ids }) => ids.length),
      flat.map(({ finishReason }) => finishReason === 'stop'),
    ),
    ...rewardMetrics(
      rewards.map(({ name }) => name),
      rewardsPerFunction,
      advantages,
    ),
    ...groupMetrics(groups),
    ...scores.metrics,
  })
}

/** A generation batch from its groups and what was measured on it. */
export function rolloutsOf(
  groups: readonly RolloutGroup[],
  refLogProbs: readonly (readonly number[])[] | null, // [generationBatchSize][L]
  config: GRPOConfig,
  metrics: Record<string, number>,
): Rollouts {
  const rows = trainingRows(groups, refLogProbs, config)
  return {
    ...{ groups, rows, metrics },
    numItemsInBatch: rows.reduce((sum, row) => sum + (row.inLoss ? row.completionIds.length : 0), 0),
    numTokens: rows.reduce((sum, row) => sum + row.promptIds.length + row.completionIds.length, 0),
  }
}

function trainingRows(
  groups: readonly RolloutGroup[],
  refLogProbs: readonly (readonly number[])[] | null,
  config: GRPOConfig,
): TrainingRow[] {
  return groups.flatMap(({ promptIds, completions }, g) =>
    completions.map((completion, j): TrainingRow => ({
      promptIds,
      completionIds: completion.ids,
      advantage: completion.advantage,
      inLoss: !(config.maskTruncatedCompletions && completion.finishReason === 'length'),
      samplingLogProbs: completion.logProbs,
      samplingEntropies: completion.entropies,
      // Sampling and training compute the same function, so what was recorded needs no second forward pass.
      oldLogProbs: needsOldLogProbs(config) ? completion.logProbs : null,
      refLogProbs: refLogProbs ? refLogProbs[g * completions.length + j]! : null,
    })),
  )
}
