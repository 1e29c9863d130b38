import type { CausalLM } from '../../policy/causalLM.js'
import { judgedCorrect } from '../../rewards/judge.js'
import type { RewardFunction } from '../../rewards/reward.js'
import { scoreCompletions } from '../../rewards/scoreCompletions.js'
import type { Completion, SamplingOptions } from '../../engine/sampling.js'
import type { Problem } from '../../grading/problem.js'
import type { Task } from '../../tasks/task.js'
import { computeAdvantages } from '../advantages.js'
import { completionMetrics } from '../metrics/completion.js'
import type { GRPOConfig } from '../config/config.js'
import { needsOldLogProbs } from '../config/rules.js'
import { importanceSamplingRatio } from '../losses/rolloutImportanceSampling.js'
import { groupMetrics } from '../metrics/groupMetrics.js'
import { rewardMetrics } from '../metrics/reward.js'
import { lossMask, numSampled } from '../update/trainingRow.js'
import type { TrainingRow } from '../update/trainingRow.js'
import { policySampler } from './sampler.js'
import type { Sampler } from './sampler.js'
import { samplerMetrics, scoredByPolicy } from './policyScores.js'

/** A completion with everything that was worked out about it. */
export interface ScoredCompletion extends Completion {
  /** By the name of the reward function; null where it did not judge the completion. */
  readonly rewards: Readonly<Record<string, number | null>>
  /** Whether the answer is right, by the reward that judges correctness; null where none does. */
  readonly correct: boolean | null
  /** Weighted sum; null when no function judged the completion. */
  readonly reward: number | null
  /** How much better than its group: what its tokens are reinforced by. */
  readonly advantage: number
  /** log p of each token by the policy's own engine, in nats; only where a rollout engine with a tolerance sampled. */
  readonly oldLogProbs?: readonly number[]
  /** log p of each token under the reference model, in nats; only with beta above 0. */
  readonly refLogProbs?: readonly number[]
}

/** A problem and the completions that are compared with each other. */
export interface RolloutGroup {
  /** What was asked. */
  readonly problem: Problem
  /** The prompt as text. */
  readonly promptText: string
  /** Tokens of the prompt. */
  readonly promptIds: readonly number[]
  /** The completions of the prompt, with rewards and advantages. */
  readonly completions: readonly ScoredCompletion[]
}

/** A generation batch: what was sampled, what it is worth, and the rows to train on. */
export interface Rollouts {
  /** A group for each problem. */
  readonly groups: readonly RolloutGroup[]
  /** [generationBatchSize] Their completions as the update takes them, group by group. */
  readonly rows: readonly TrainingRow[]
  /** Tokens in the loss. */
  readonly numItemsInBatch: number
  /** Prompt tokens (once for each completion, as TRL counts) and sampled tokens. */
  readonly numTokens: number
  /** completions/…, rewards/…, reward, reward_std, frac_reward_zero_std, and those of {@link groupMetrics} */
  readonly metrics: Record<string, number>
}

/** A problem, its completions, and what the reward functions say of each. */
export interface SampledGroup {
  readonly problem: Problem
  readonly promptText: string
  readonly promptIds: readonly number[]
  readonly completions: readonly (Completion & Pick<ScoredCompletion, 'oldLogProbs'>)[]
  readonly rewards: readonly (readonly (number | null)[])[] // [numGenerations][functions]
  readonly correct: readonly (boolean | null)[] // [numGenerations]
}

/** How {@link sampleGroups} samples. */
export interface SamplingRun {
  /** The same seed gives the same completions. */
  readonly seed: number
  /** What samples. Defaults to the policy itself. */
  readonly sampler?: Sampler
  /** Optimizer steps made. Defaults to 0. */
  readonly step?: number
  /** Keeps what training on the completions will need again: see SamplingOptions. */
  readonly keep?: boolean
  /** Ends the sampling early with the reason of the signal. */
  readonly signal?: AbortSignal
  /** Called with the number of tokens sampled so far. */
  readonly onProgress?: (tokens: number) => void
  /** Told what a grader failed with, whose completion is then not judged. Defaults to none. */
  readonly onWarning?: ((message: string) => void) | undefined
}

/** Samples `numGenerations` completions for each problem and has them judged. */
export async function sampleGroups(
  policy: CausalLM,
  task: Task,
  problems: readonly Problem[],
  rewards: readonly RewardFunction[],
  config: SamplingOptions & Pick<GRPOConfig, 'numGenerations'>,
  options: SamplingRun,
): Promise<{ groups: SampledGroup[]; metrics: Record<string, number> }> {
  const prompts = problems.map((problem) => task.prompt(problem, policy.tokenizer))
  const { sampler = policySampler(policy), step = 0 } = options
  const completions = await sampler.sample(
    prompts.map(({ ids }) => ids),
    { ...config, ...options },
    step,
  )
  const { numGenerations } = config
  const scores = await scoreCompletions(
    rewards,
    completions.flat().map(({ text, ids, finishReason }, i) => {
      const place = Math.floor(i / numGenerations)
      const problem = problems[place]!
      const meta = { problem, finishReason }
      return { prompt: prompts[place]!.text, completion: text, answer: problem.answer, ids, meta }
    }),
    options.signal,
  )
  for (const message of scores.gradingErrors) options.onWarning?.(`a completion is not judged: ${message}`)
  const correct = judgedCorrect(rewards, scores.values)
  return {
    groups: problems.map((problem, g) => {
      const range = [g * numGenerations, (g + 1) * numGenerations] as const
      return {
        problem,
        promptText: prompts[g]!.text,
        promptIds: prompts[g]!.ids,
        completions: completions[g]!,
        rewards: scores.values.slice(...range),
        correct: correct.slice(...range),
      }
    }),
    metrics: scores.metrics,
  }
}

/**
 * Compares the completions of each group with each other and measures the batch that they make.
 * @throws GrpoError when what sampled is far from the policy
 */
export async function completeRollouts(
  policy: CausalLM,
  groupsAsSampled: readonly SampledGroup[],
  rewards: readonly RewardFunction[],
  config: GRPOConfig,
  sampler = policySampler(policy),
): Promise<Rollouts> {
  const sampled = await scoredByPolicy(policy, groupsAsSampled, config, sampler.agreement)
  const rewardsPerFunction = sampled.flatMap((group) => group.rewards)
  const advantages = computeAdvantages(rewardsPerFunction, {
    ...config,
    rewardWeights: config.rewardWeights ?? rewards.map(({ weight }) => weight),
  })
  const groups = sampled.map(({ completions, rewards: values, correct, ...group }, g) => ({
    ...group,
    completions: completions.map((completion, j): ScoredCompletion => {
      const i = g * config.numGenerations + j
      return {
        ...completion,
        rewards: Object.fromEntries(rewards.map(({ name }, k) => [name, values[j]![k]!])),
        correct: correct[j]!,
        reward: advantages.rewards[i]!,
        advantage: advantages.advantages[i]!,
      }
    }),
  }))
  const reference =
    config.beta === 0
      ? null
      : await policy.engineModel.values(trainingRows(groups, null, config), {
          temperature: config.temperature,
          reference: true,
          maxTokens: config.maxTokensPerPass,
        })
  const completions = sampled.flatMap((group) => group.completions)
  const rollouts = rolloutsOf(groups, reference?.logProbs ?? null, config, {
    ...completionMetrics(
      completions.map(({ ids, mask }) => numSampled(ids, mask)),
      completions.map(({ finishReason }) => finishReason === 'stop'),
    ),
    ...rewardMetrics(
      rewards.map(({ name }) => name),
      rewardsPerFunction,
      advantages,
    ),
    ...groupMetrics(groups),
  })
  return { ...rollouts, metrics: { ...rollouts.metrics, ...samplerMetrics(rollouts.rows, sampler) } }
}

/**
 * Samples a group of completions for each problem, has them judged and compares them within their group.
 * @throws ConfigError for prompts that leave no room for a completion, GrpoError for a reward function that fails
 */
export async function collectRollouts(
  policy: CausalLM,
  task: Task,
  problems: readonly Problem[],
  rewards: readonly RewardFunction[],
  config: GRPOConfig,
  options: SamplingRun,
): Promise<Rollouts> {
  const { groups, metrics } = await sampleGroups(policy, task, problems, rewards, config, options)
  const rollouts = await completeRollouts(policy, groups, rewards, config, options.sampler)
  return { ...rollouts, metrics: { ...rollouts.metrics, ...metrics } }
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
    groups: refLogProbs ? withReference(groups, refLogProbs) : groups,
    rows,
    metrics,
    numItemsInBatch: rows.reduce((sum, row) => sum + (row.inLoss ? numSampled(row.completionIds, row.mask) : 0), 0),
    numTokens: rows.reduce((sum, row) => sum + row.promptIds.length + numSampled(row.completionIds, row.mask), 0),
  }
}

function withReference(
  groups: readonly RolloutGroup[],
  refLogProbs: readonly (readonly number[])[],
): readonly RolloutGroup[] {
  return groups.map((group, g) => ({
    ...group,
    completions: group.completions.map((completion, j) => ({
      ...completion,
      refLogProbs: refLogProbs[g * group.completions.length + j]!,
    })),
  }))
}

function trainingRows(
  groups: readonly RolloutGroup[],
  refLogProbs: readonly (readonly number[])[] | null,
  config: GRPOConfig,
): TrainingRow[] {
  return groups.flatMap(({ promptIds, completions }, g) =>
    completions.map((completion, j): TrainingRow => {
      const row: TrainingRow = {
        promptIds,
        completionIds: completion.ids,
        mask: completion.mask ?? null,
        advantage: completion.advantage,
        inLoss: !(config.maskTruncatedCompletions && completion.finishReason === 'length'),
        samplingLogProbs: completion.logProbs,
        samplingEntropies: completion.entropies,
        // Where sampling and training compute the same function, what was recorded needs no second forward pass.
        oldLogProbs: completion.oldLogProbs ?? (needsOldLogProbs(config) ? completion.logProbs : null),
        refLogProbs: refLogProbs ? refLogProbs[g * completions.length + j]! : null,
      }
      const { oldLogProbs } = completion
      if (!oldLogProbs || !config.vllmImportanceSamplingCorrection) return row
      const scored = { oldLogProbs, samplingLogProbs: completion.logProbs, lossMask: lossMask(row) }
      return { ...row, importanceSamplingRatio: importanceSamplingRatio(scored, config) }
    }),
  )
}
