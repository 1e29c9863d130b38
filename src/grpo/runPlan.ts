import { ConfigError, DataError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { asRewardFunction } from '../rewards/rewardCallback.js'
import type { RewardFunction } from '../rewards/reward.js'
import { checkModelFolder, checkStartingModel } from '../run/runEntries.js'
import { parseGRPOConfig } from './config/config.js'
import type { GRPOConfig } from './config/config.js'
import { checkGoldAnswers } from './goldAnswers.js'
import { memoryForecast, promptLengths, whenKnown } from './memory/forecast.js'
import type { MemoryForecast } from './memory/forecast.js'
import { checkMemory } from './memory/limits.js'
import { asPolicy } from '../policy/causalLM.js'
import type { Policy } from '../policy/causalLM.js'
import { policySampler, rolloutSampler } from './rollouts/sampler.js'
import type { Sampler } from './rollouts/sampler.js'
import type { Task } from '../tasks/task.js'
import type { GRPOTrainerOptions } from './trainer.js'

/** A run whose options were checked. */
export interface RunPlan {
  readonly policy: Policy
  /** All options, the defaults filled in. */
  readonly config: GRPOConfig
  readonly rewards: readonly RewardFunction[]
  readonly sampler: Sampler
  /** Optimizer steps of the whole run. */
  readonly maxSteps: number
  /** What the run will need at most; a promise, which an EngineError may reject, where the engine has to compile first. */
  readonly memoryForecast: MemoryForecast | Promise<MemoryForecast>
}

/**
 * Checks what a run is made of.
 * @throws ConfigError, DataError for what no run can be made of, EngineError when it will not fit into memory
 */
export function planRun(
  options: Omit<GRPOTrainerOptions, 'onWarning' | 'onProgress' | 'signal' | 'acceptChangedData'>,
): RunPlan {
  const { task, evalTask, rolloutEngine } = options
  const policy = asPolicy(options.policy)
  const list: unknown = options.rewards
  if (!Array.isArray(list)) throw new ConfigError(`rewards is ${quote(list)}; expected a list of reward functions`)
  checkTask('task', task)
  if (evalTask) checkTask('evalTask', evalTask)
  const rewards = options.rewards.map(asRewardFunction)
  if (rewards.length === 0) throw new ConfigError('rewards is empty; expected at least one reward function')
  const names = rewards.map(({ name }) => name)
  if (new Set(names).size < names.length) {
    throw new ConfigError(
      `two reward functions have the same name (${names.join(', ')}); metrics could not tell them apart`,
    )
  }
  if (task.problems.length === 0) throw new DataError(`task ${task.name} has no problems`)
  checkGoldAnswers(task, rewards)
  if (evalTask) checkGoldAnswers(evalTask, rewards)
  const config = parseGRPOConfig(options.config ?? {})
  const weights = config.rewardWeights?.length ?? rewards.length
  if (weights !== rewards.length) {
    throw new ConfigError(
      `rewardWeights has ${weights} weights for ${rewards.length} reward functions; give one for each`,
    )
  }
  checkEvaluation(options, config)
  checkOutputDir(policy, options)
  if (options.resume && options.outputDir === undefined) {
    throw new ConfigError('resume needs outputDir, the folder of the run to continue')
  }
  const maxSteps = config.maxSteps > 0 ? config.maxSteps : stepsForEpochs(task.problems.length, config)
  const sampler = rolloutEngine ? rolloutSampler(rolloutEngine, policy) : policySampler(policy)
  return { policy, config, rewards, sampler, maxSteps, memoryForecast: checkedForecast(policy, task, config) }
}

/** What a run will need. Throws an EngineError, or is rejected by one, when that will not fit into memory. */
function checkedForecast(policy: Policy, task: Task, config: GRPOConfig): MemoryForecast | Promise<MemoryForecast> {
  const checked = whenKnown(memoryForecast(policy, promptLengths(policy, task), config), (forecast) => {
    checkMemory(forecast, policy.engine)
    return forecast
  })
  // Who never trains need not learn that it would not have fitted.
  if (checked instanceof Promise) checked.catch(() => undefined)
  return checked
}

/** Throws a ConfigError for what is no task: from JavaScript it may be anything, such as the promise of one. */
function checkTask(name: string, task: unknown): void {
  if (isJsonObject(task) && Array.isArray(task.problems) && typeof task.prompt === 'function') return
  throw new ConfigError(
    `${name} is ${task instanceof Promise ? 'a promise' : quote(task)}; expected a task, such as await tasks.loadTask('word-problems')`,
  )
}

/** Throws a ConfigError where the run would replace the model that it starts from, or one that no run has made. */
function checkOutputDir(
  { folder, trained }: Policy,
  { outputDir, resume }: Pick<GRPOTrainerOptions, 'outputDir' | 'resume'>,
): void {
  if (outputDir === undefined) return
  const trainsAllWeights = trained.folderName === 'model'
  checkStartingModel(folder, outputDir, trainsAllWeights)
  if (trainsAllWeights && !resume) checkModelFolder(outputDir)
}

/** Throws a ConfigError for options of evaluation that cannot work. */
function checkEvaluation(
  { evalTask, outputDir }: Pick<GRPOTrainerOptions, 'evalTask' | 'outputDir'>,
  { evalStrategy, loadBestModelAtEnd, saveStrategy }: GRPOConfig,
): void {
  if (evalStrategy === 'steps' && !evalTask?.problems.length) {
    throw new ConfigError("evalStrategy 'steps' needs evalTask, a task with held-out problems")
  }
  if (loadBestModelAtEnd && (outputDir === undefined || saveStrategy === 'no')) {
    throw new ConfigError('loadBestModelAtEnd needs checkpoints: give outputDir, and saveStrategy steps')
  }
}

/** Optimizer steps that num_train_epochs passes over the problems take. */
export function stepsForEpochs(problems: number, config: GRPOConfig): number {
  const { generationBatchSize, numGenerations, numIterations, numTrainEpochs } = config
  const { stepsPerGeneration, gradientAccumulationSteps } = config
  const batches = (problems * numTrainEpochs * numGenerations) / generationBatchSize
  return Math.max(1, Math.ceil((batches * stepsPerGeneration * numIterations) / gradientAccumulationSteps))
}
