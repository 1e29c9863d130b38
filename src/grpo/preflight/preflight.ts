import { roomForCompletion } from '../../engine/sampling.js'
import { ConfigError } from '../../errors.js'
import type { PreflightFile } from '../../run/preflightFile.js'
import { collectRollouts } from '../rollouts/rollouts.js'
import type { RolloutGroup } from '../rollouts/rollouts.js'
import { planRun } from '../runPlan.js'
import type { GRPOTrainerOptions } from '../trainer.js'
import { checkMemoryForecast, forecastTime, measureTraining, rowOf, rowsOf } from './forecast.js'
import { checkChatTemplate, checkEndOfSequence, checkPromptLengths, evenly } from './modelChecks.js'
import type { PreflightCheck } from './preflightCheck.js'
import { checkRewards } from './rewardChecks.js'
import type { TrainingRow } from '../update/trainingRow.js'
import { checkCompletionLength, checkSignal, notMeasured } from './rolloutChecks.js'

/** Problems that are tried, and completions of each. */
const PROBLEMS = 20
const GENERATIONS = 4

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
 * @throws ConfigError, DataError for options that no run can have, BackendError for a run that does not fit into memory
 */
export async function preflight(
  options: PreflightOptions,
): Promise<{ report: PreflightReport; groups: readonly RolloutGroup[] }> {
  const { policy, task, rolloutEngine } = options
  const started = performance.now()
  const { config, rewards, sampler, maxSteps, memoryForecast } = planRun({
    policy,
    task,
    rolloutEngine,
    rewards: options.rewards,
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

  const maxSeconds = options.maxSeconds ?? 60
  const { groups, tokensPerSecond, rows } = await sample(SAMPLING_SHARE * maxSeconds)
  const signal =
    groups.length === 0
      ? notMeasured(maxSeconds, config.maxCompletionLength, tokensPerSecond)
      : checkSignal(groups, config)
  if (groups.length > 0) checks.push(checkCompletionLength(groups, config))
  checks.push(...signal.checks)
  const training = await measureTraining(policy, rows, config, {
    tokens: (1 - SAMPLING_SHARE) * maxSeconds * tokensPerSecond,
  })
  const time = forecastTime(groups, { sampling: tokensPerSecond, training }, config, maxSteps)
  checks.push(time.check, checkMemoryForecast(memoryForecast))
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

  /** Groups of some problems, as many as the seconds allow, and rows to train on: theirs, or one of the same length. */
  async function sample(
    seconds: number,
  ): Promise<{ groups: RolloutGroup[]; tokensPerSecond: number; rows: readonly TrainingRow[] }> {
    const { signal, onProgress } = options
    const { maxPositions } = policy.config
    const asked = evenly(task.problems, PROBLEMS)
    const rooms = asked.map((problem) =>
      roomForCompletion(task.prompt(problem, policy.tokenizer).ids.length, maxPositions),
    )
    const problems = asked.filter((_, i) => rooms[i]! >= config.maxCompletionLength)
    if (problems.length === 0) {
      const least = Math.min(...rooms)
      throw new ConfigError(
        `no prompt of task ${task.name} leaves room for maxCompletionLength ${config.maxCompletionLength} in the ` +
          `${maxPositions} positions of the model; ` +
          (least < 1 ? 'take a task with shorter prompts, or fewer shots' : `set it to ${least} or less`),
      )
    }
    const begun = performance.now()
    const elapsed = (): number => (performance.now() - begun) / 1000
    const timeIsUp = new AbortController()
    const settings = { ...config, numGenerations: GENERATIONS, beta: 0 }
    const groups: RolloutGroup[] = []
    let tokens = 0
    let tokensPerSecond = 0
    // One problem shows the speed; then as many as there is time for, which together take less than one by one.
    for (let at = 0, size = 1; at < problems.length; at += size) {
      if (at > 0) size = Math.min(problems.length - at, Math.floor((seconds - elapsed()) / (elapsed() / at)))
      if (size < 1) break
      const before = elapsed()
      let sampled = 0
      try {
        const rollouts = await collectRollouts(policy, task, problems.slice(at, at + size), rewards, settings, {
          seed: config.seed + at,
          sampler,
          signal: AbortSignal.any([timeIsUp.signal, ...(signal ? [signal] : [])]),
          onProgress: (done) => {
            sampled = done
            // The larger batches run at the speed of a run's own.
            tokensPerSecond = done / (elapsed() - before)
            const completions = groups.length * GENERATIONS
            onProgress?.({ completions, of: problems.length * GENERATIONS, tokens: tokens + done })
            if (elapsed() > seconds) timeIsUp.abort()
          },
        })
        groups.push(...rollouts.groups)
        if (sampled > 0) continue
        // A rollout engine need not tell how it goes on.
        sampled = rollouts.rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
        tokensPerSecond = sampled / (elapsed() - before)
      } catch (error) {
        if (!timeIsUp.signal.aborted || signal?.aborted) throw error
        break
      } finally {
        tokens += sampled
      }
    }
    if (groups.length > 0) return { groups, tokensPerSecond, rows: groups.flatMap(rowsOf) }
    const promptIds = task.prompt(problems[0]!, policy.tokenizer).ids
    const completionIds = Array.from({ length: config.maxCompletionLength }, (_, i) => promptIds[i % promptIds.length]!)
    return { groups, tokensPerSecond, rows: [rowOf(promptIds, completionIds)] }
  }
}
