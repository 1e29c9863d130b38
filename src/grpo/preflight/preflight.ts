import { ConfigError } from '../../errors.js'
import { asRewardFunction } from '../../rewards/rewardCallback.js'
import { collectRollouts } from '../rollouts/rollouts.js'
import type { RolloutGroup } from '../rollouts/rollouts.js'
import { GRPOTrainer } from '../trainer.js'
import type { GRPOTrainerOptions } from '../trainer.js'
import { checkMemoryForecast, forecastTime, measureTraining } from './forecast.js'
import { checkChatTemplate, checkEndOfSequence, checkPromptLengths, evenly } from './modelChecks.js'
import type { PreflightCheck } from './preflightCheck.js'
import { checkRewards } from './rewardChecks.js'
import { checkCompletionLength, checkSignal } from './rolloutChecks.js'

/** Problems that are tried, completions of each, and problems of the first batch, after which the speed is known. */
const PROBLEMS = 20
const GENERATIONS = 4
const FIRST_BATCH = 4

/** Problems whose rewards are tested on gold and on adversarial answers. */
const REWARD_PROBLEMS = 10

export interface PreflightOptions extends Pick<GRPOTrainerOptions, 'policy' | 'task' | 'rewards' | 'config'> {
  /** Time for sampling, in seconds; the first 16 completions are finished in any case. Defaults to 60. */
  maxSeconds?: number
  /** Ends it early with the reason of the signal. */
  signal?: AbortSignal
  /** Called while completions are sampled. */
  onProgress?: (progress: { completions: number; of: number; tokens: number }) => void
}

export interface PreflightReport {
  /** False when a check found a problem. */
  readonly go: boolean
  readonly checks: readonly PreflightCheck[]
  /** Share of completions that were right (by the reward for correctness; without one, that earned anything). */
  readonly passRate: number
  /** Expected share of groups of numGenerations that hold right and wrong completions. */
  readonly usableGroups: number
  /** Completion tokens a second. */
  readonly tokensPerSecond: number
  /** Of a step, and of the whole run. */
  readonly secondsPerStep: number
  readonly runSeconds: number
  /** Memory that the run will need at most. */
  readonly memoryBytes: number
  /** What the preflight itself took. */
  readonly seconds: number
}

/**
 * Looks before a run at what usually goes wrong with it: can completions end, are they as long as the limit allows, are the
 * problems neither too hard nor too easy, does the reward pay for gold answers and for nothing else, will time and memory do?
 *
 * Samples up to 4 completions of 20 problems with the settings of the run, and trains on a micro-batch of them without changing anything.
 * @returns what was found, and the groups that were sampled
 * @throws ConfigError, DataError for options that no run can have, BackendError for a run that does not fit into memory
 */
export async function preflight(
  options: PreflightOptions,
): Promise<{ report: PreflightReport; groups: readonly RolloutGroup[] }> {
  const { policy, task } = options
  const rewards = options.rewards.map(asRewardFunction)
  const started = performance.now()
  // Checks the options as a run does.
  const { config, maxSteps, memoryForecast } = new GRPOTrainer({
    ...{ policy, task, rewards },
    // What comes after steps needs what a preflight does not have.
    config: { ...options.config, evalStrategy: 'no', loadBestModelAtEnd: false, earlyStoppingPatience: null },
  })
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

  const { groups, tokensPerSecond } = await sample(options)
  checks.push(checkCompletionLength(groups, config))
  const signal = checkSignal(groups, config)
  checks.push(...signal.checks)
  const training = await measureTraining(policy, groups, config)
  const time = forecastTime(groups, { sampling: tokensPerSecond, training }, config, maxSteps)
  checks.push(time.check, checkMemoryForecast(memoryForecast))
  return {
    groups,
    report: {
      go: checks.every(({ status }) => status !== 'problem'),
      checks,
      ...{ passRate: signal.passRate, usableGroups: signal.usableGroups, tokensPerSecond },
      ...{ secondsPerStep: time.secondsPerStep, runSeconds: time.seconds, memoryBytes: memoryForecast.process },
      seconds: (performance.now() - started) / 1000,
    },
  }

  /** Groups of some problems, as many as the time allows. */
  async function sample({ signal, onProgress, maxSeconds = 60 }: PreflightOptions): Promise<{
    groups: RolloutGroup[]
    tokensPerSecond: number
  }> {
    const room = policy.config.maxPositions - config.maxCompletionLength + 1
    const problems = evenly(task.problems, PROBLEMS).filter(
      (problem) => task.prompt(problem, policy.tokenizer).ids.length <= room,
    )
    if (problems.length === 0) {
      throw new ConfigError(
        `no prompt of task ${task.name} leaves room for maxCompletionLength ${config.maxCompletionLength} in the ` +
          `${policy.config.maxPositions} positions of the model; set a smaller maxCompletionLength`,
      )
    }
    const groups: RolloutGroup[] = []
    let tokens = 0
    let seconds = 0
    let tokensPerSecond = 0
    // After the first batch the speed is known, and all others fit into one.
    for (let at = 0, size = FIRST_BATCH; at < problems.length; at += size) {
      if (at > 0) {
        const each = seconds / at
        size = Math.min(problems.length - at, Math.floor((maxSeconds - seconds) / each))
        if (size < 1) break
      }
      const before = performance.now()
      const settings = { ...config, numGenerations: GENERATIONS, beta: 0 }
      const rollouts = await collectRollouts(policy, task, problems.slice(at, at + size), rewards, settings, {
        seed: config.seed + at,
        ...(signal && { signal }),
        onProgress: (done) =>
          onProgress?.({
            completions: groups.length * GENERATIONS,
            of: problems.length * GENERATIONS,
            tokens: tokens + done,
          }),
      })
      groups.push(...rollouts.groups)
      const sampled = rollouts.groups
        .flatMap(({ completions }) => completions)
        .reduce((sum, { ids }) => sum + ids.length, 0)
      const took = (performance.now() - before) / 1000
      // The first batch also warms up, and a run's batches are more like the larger second one.
      tokensPerSecond = sampled / took
      tokens += sampled
      seconds += took
    }
    return { groups, tokensPerSecond }
  }
}
