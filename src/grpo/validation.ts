import { ConfigError } from '../errors.js'
import type { CausalLM } from '../policy/causalLM.js'
import { adviseOnMemory } from '../policy/outOfMemory.js'
import type { RewardFunction } from '../rewards/reward.js'
import type { Task } from '../tasks/task.js'
import { weightedSum } from './advantages.js'
import type { GRPOConfig } from './config/config.js'
import { shareCorrect } from './metrics/signal.js'
import { sampleGroups } from './rollouts/rollouts.js'
import type { SamplingRun } from './rollouts/rollouts.js'
import { mean } from './metrics/statistics.js'

/**
 * Evaluates a policy on held-out problems, `numGenerationsEval` completions of each at `evalTemperature`, with the same random
 * numbers each time:
 *
 * - `eval_accuracy`: fraction of the completions that are right, of those that a reward judges; absent where none does
 * - `eval_reward`: mean of the weighted sum of all rewards; `eval_rewards/<name>/mean` of each
 * - `eval_completions/mean_length` (tokens), `eval_completions/clipped_ratio`
 */
export async function evaluatePolicy(
  policy: CausalLM,
  task: Task,
  rewards: readonly RewardFunction[],
  config: GRPOConfig,
  options: Pick<SamplingRun, 'onWarning'> = {},
): Promise<Record<string, number>> {
  const sampling = { ...config, numGenerations: config.numGenerationsEval, temperature: config.evalTemperature }
  const { maxCompletionLength, numGenerationsEval } = config
  const { groups } = await adviseOnMemory(policy, { maxCompletionLength, numGenerationsEval }, () =>
    sampleGroups(policy, task, task.problems, rewards, sampling, { ...options, seed: config.seed }),
  )
  const values = groups.flatMap((group) => group.rewards)
  const completions = groups.flatMap((group) => group.completions)
  const weights = config.rewardWeights ?? rewards.map(({ weight }) => weight)
  const names = rewards.map(({ name }) => name)
  const means = names.map((_, k) => mean(values.map((row) => row[k]!)))
  const accuracy = shareCorrect(groups.flatMap(({ correct }) => correct))
  return {
    ...(accuracy !== null && { eval_accuracy: accuracy }),
    eval_reward: mean(values.map((row) => weightedSum(row, weights))),
    ...Object.fromEntries(names.map((name, k) => [`eval_rewards/${name}/mean`, means[k]!])),
    'eval_completions/mean_length': mean(completions.map(({ ids }) => ids.length)),
    'eval_completions/clipped_ratio': mean(completions.map(({ finishReason }) => (finishReason === 'length' ? 1 : 0))),
  }
}

/** The best evaluation so far, and the number of evaluations since that were no better. */
export interface BestEvaluation {
  readonly best: { readonly step: number; readonly metric: number } | null
  readonly evaluationsSinceBest: number
}

/** Compares an evaluation with the best one before. Throws a ConfigError when it lacks the metric, naming those it has. */
export function compareWithBest(
  { best, evaluationsSinceBest }: BestEvaluation,
  step: number,
  metrics: Readonly<Record<string, number>>,
  config: Pick<GRPOConfig, 'metricForBestModel' | 'greaterIsBetter' | 'earlyStoppingThreshold'>,
): BestEvaluation {
  const { metricForBestModel: given, greaterIsBetter, earlyStoppingThreshold } = config
  const name =
    given === null
      ? 'eval_' + ('eval_accuracy' in metrics ? 'accuracy' : 'reward')
      : `eval_${given.replace(/^eval_/, '')}`
  const metric = metrics[name]
  if (metric === undefined) {
    throw new ConfigError(
      `metricForBestModel is ${given}, but an evaluation gives ${Object.keys(metrics).join(', ')}; take one of these`,
    )
  }
  const gain = best === null ? Infinity : (greaterIsBetter ? 1 : -1) * (metric - best.metric)
  // The mean of nothing is no reason to keep a checkpoint.
  if (Number.isFinite(metric) && gain > (best === null ? 0 : earlyStoppingThreshold)) {
    return { best: { step, metric }, evaluationsSinceBest: 0 }
  }
  return { best, evaluationsSinceBest: evaluationsSinceBest + 1 }
}
