import type { PreflightFile } from '../../run/preflightFile.js'
import { adviseOnMemory } from '../../policy/outOfMemory.js'
import type { RolloutGroup } from '../rollouts/rollouts.js'
import { memoryLimits, memoryOptions } from '../memory/limits.js'
import { planRun } from '../runPlan.js'
import type { GRPOTrainerOptions } from '../trainer.js'
import { checkMemoryForecast, forecastTime, measureTraining } from './forecast.js'
import { checkChatTemplate, checkEndOfSequence, checkPromptLengths, evenly } from './modelChecks.js'
import type { PreflightCheck } from './preflightCheck.js'
import { checkRewards } from './rewardChecks.js'
import { checkCompletionLength, checkSignal, notMeasured } from './rolloutChecks.js'
import { sampleFor } from './sample.js'

/** The part of the time that is for sampling; the rest is for measuring the training. */
const SAMPLING_SHARE = 2 / 3

/** Problems whose rewards are tested on gold and on adversarial answers. */
const REWARD_PROBLEMS = 10

/** What a preflight looks at: the run as the trainer would get it, and how long it may take. */
export interface PreflightOptions extends Pick<
  GRPOTrainerOptions,
  'policy' | 'task' | 'rewards' | 'rolloutEngine' | 'config'
> {
  /** Time for sampling and training, in seconds; what is not finished by then is reported as not measured. Defaults to 60. */
  maxSeconds?: number
  /** Ends it early with the reason of the signal. */
  signal?: AbortSignal
  /** Called while completions are sampled. */
  onProgress?: (progress: { completions: number; of: number; tokens: number }) => void
}

/** What a preflight found. */
export interface PreflightReport extends PreflightFile {
  /** Everything that was looked at. */
  readonly checks: readonly PreflightCheck[]
  /** Completion tokens a second. */
  readonly tokensPerSecond: number
  /** Of a step, and of the whole run. */
  readonly secondsPerStep: number
  /** Seconds that the whole run will take. */
  readonly runSeconds: number
}

/**
 * Looks before a run at what usually goes wrong with it: can completions end, are they as long as the limit allows, are the
 * problems neither too hard nor too easy, does the reward pay for gold answers and for nothing else, will time and memory do?
 *
 * Samples up to 4 completions of 20 problems with the settings of the run, and trains on a micro-batch of them without changing anything.
 * @returns what was found, and the groups that were sampled
 * @throws ConfigError, DataError for options that no run can have, EngineError for a run that does not fit into memory
 */
export async function preflight(
  options: PreflightOptions,
): Promise<{ report: PreflightReport; groups: readonly RolloutGroup[] }> {
  const { policy, task, rolloutEngine } = options
  const started = performance.now()
  const plan = planRun({
    policy,
    task,
    rolloutEngine,
    rewards: options.rewards,
    // What comes after steps needs what a preflight does not have.
    config: { ...options.config, evalStrategy: 'no', loadBestModelAtEnd: false, earlyStoppingPatience: null },
  })
  const { config, rewards, maxSteps } = plan
  const memoryForecast = await plan.memoryForecast
  // Compiling the programs of the forecast may have taken minutes.
  options.signal?.throwIfAborted()
  const checks = [
    checkChatTemplate(policy),
    checkEndOfSequence(policy),
    checkPromptLengths(policy, task, config.maxCompletionLength),
  ]
  const asked = evenly(task.problems, REWARD_PROBLEMS)
  checks.push(
    ...(await checkRewards(
      asked.map((problem) => ({ problem, promptText: task.prompt(problem, policy.tokenizer).text })),
      rewards,
    )),
  )

  const maxSeconds = options.maxSeconds ?? 60
  const advised = <T>(body: () => Promise<T>): Promise<T> => adviseOnMemory(policy, memoryOptions(config), body)
  const { groups, tokensPerSecond, rows } = await advised(() => sampleFor(SAMPLING_SHARE * maxSeconds, plan, options))
  const signal =
    groups.length === 0
      ? notMeasured(maxSeconds, config.maxCompletionLength, tokensPerSecond)
      : checkSignal(groups, config)
  if (groups.length > 0) checks.push(checkCompletionLength(groups, config))
  checks.push(...signal.checks)
  // Another size would have to be compiled by itself.
  const tokens = policy.engine.info.isCompiled ? Infinity : (1 - SAMPLING_SHARE) * maxSeconds * tokensPerSecond
  options.signal?.throwIfAborted()
  const training = await advised(() => measureTraining(policy, rows, config, { tokens }))
  const time = forecastTime(groups, { sampling: tokensPerSecond, training }, config, maxSteps)
  checks.push(time.check, checkMemoryForecast(memoryForecast, memoryLimits(policy.engine)))
  return {
    groups,
    report: {
      go: checks.every(({ status }) => status !== 'problem'),
      checks,
      passRate: signal.passRate,
      usableGroups: signal.usableGroups,
      tokensPerSecond,
      secondsPerStep: time.secondsPerStep,
      runSeconds: time.seconds,
      memoryBytes: memoryForecast.process,
      seconds: (performance.now() - started) / 1000,
    },
  }
}
