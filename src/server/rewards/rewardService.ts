import { weightedSum } from '../../grpo/advantages.js'
import type { TrainConfig } from '../../grpo/config/trainConfig.js'
import { loadModelTokenizer } from '../../policy/modelTokenizer.js'
import { judgedCorrect } from '../../rewards/judge.js'
import { loadRewards } from '../../rewards/loadReward.js'
import type { RewardFunction } from '../../rewards/reward.js'
import { loadTask } from '../../tasks/loadTask.js'
import { checkAccess, startService } from '../http/service.js'
import type { RequestLine, Route, Service, ServiceOptions } from '../http/service.js'
import { rewardsHash } from './configHash.js'
import { REWARDS_PROTOCOL } from './protocol.js'
import type { RewardsHealth, RewardsResponse } from './protocol.js'
import { parseRemoteRequest, remoteRewards } from './remoteReward.js'
import { RewardMetrics } from './rewardMetrics.js'
import { parseRewardsRequest, rewardedTask, samplesOf } from './rewardsRequest.js'
import type { Outcome, ScoringSample } from './scoringJob.js'
import { ScoringPool } from './scoringPool.js'

/** Bounds of what clients send, and of what waits for them. */
const LIMITS = {
  maxBodyBytes: 64 * 2 ** 20,
  maxBufferedBytes: 256 * 2 ** 20,
  maxRequests: 1024,
  transferTimeout: 60_000,
} satisfies Partial<ServiceOptions>

/** How rewards are served. */
export interface RewardServiceOptions extends Pick<ServiceOptions, 'host' | 'port' | 'token'> {
  /** Threads that score. */
  readonly workers: number
  /** Milliseconds that a reward function may take for a completion. */
  readonly timeout: number
  /** Environment of the threads. Defaults to that of the process. */
  readonly env?: NodeJS.ProcessEnv
  readonly onRequest?: (line: RequestLine) => void
  readonly onWarning?: (message: string) => void
}

/** A service that listens, and what it serves. */
export interface RewardService extends Service {
  readonly health: RewardsHealth
}

/**
 * Serves the rewards of a run: `/v1/rewards`, OpenRLHF's `/get_reward`, `/health` and `/metrics`.
 *
 * Throws whatever loading the task, the rewards and the tokenizer throws, and what startService throws.
 */
export async function startRewardService(config: TrainConfig, options: RewardServiceOptions): Promise<RewardService> {
  checkAccess(options)
  const { run } = config
  const { workers, timeout, env = process.env, onRequest, onWarning } = options
  const rewards = await loadRewards(run.rewards, run)
  const task = await loadTask(run.task, config.task)
  const rewarded = rewardedTask(task, await loadModelTokenizer(run.model))
  const hash = rewardsHash(config, task)
  const names = rewards.map(({ name }) => name)
  const weights = rewards.map(({ weight }, k) => run.rewardWeights?.[k] ?? weight)
  const byName = <T>(valueOf: (k: number) => T): Record<string, T> =>
    Object.fromEntries(names.map((name, k) => [name, valueOf(k)]))
  const metrics = new RewardMetrics(names)
  const threads = { run, task: config.task, timeout, workers, env }
  const onEscaped = (who: string): void => {
    onWarning?.(`an error that nothing catches escaped ${who}`)
  }
  const pool = await ScoringPool.start({ ...threads, onEscaped }, rewards.map(takesBatches))

  const score = async (samples: readonly ScoringSample[], signal: AbortSignal): Promise<RewardsResponse> => {
    const outcomes = await pool.score(samples, signal)
    metrics.countOutcomes(outcomes)
    const values = outcomes.map((row) => row.map(({ value }) => value))
    return {
      version: REWARDS_PROTOCOL,
      rewards: byName((k) => values.map((row) => row[k]!)),
      weights: byName((k) => weights[k]!),
      total: values.map((row) => weightedSum(row, weights)),
      correct: judgedCorrect(rewards, values),
      errors: failuresOf(outcomes, names),
    }
  }
  const health = (): RewardsHealth => ({
    version: REWARDS_PROTOCOL,
    task: task.name,
    problems: task.problems.length,
    rewards: names,
    weights: byName((k) => weights[k]!),
    config_hash: hash,
    workers: pool.workers,
  })
  const routes: Route[] = [
    { method: 'GET', path: '/health', isOpen: true, answer: () => ({ body: health() }) },
    {
      method: 'GET',
      path: '/metrics',
      answer: () => ({ body: metrics.page(pool), type: 'text/plain; version=0.0.4; charset=utf-8' }),
    },
    {
      method: 'POST',
      path: '/v1/rewards',
      answer: async ({ body, signal }) => ({
        body: await score(await samplesOf(parseRewardsRequest(body), rewarded), signal),
      }),
    },
    {
      method: 'POST',
      path: '/get_reward',
      answer: async ({ body, signal }) => ({
        body: remoteRewards(await score(await parseRemoteRequest(body, rewarded), signal)),
      }),
    },
  ]
  try {
    const service = await startService(routes, {
      ...LIMITS,
      host: options.host,
      port: options.port,
      token: options.token,
      onRequest(line) {
        metrics.countRequest(line)
        onRequest?.(line)
      },
    })
    return {
      ...service,
      get health() {
        return health()
      },
      async stop(graceMilliseconds) {
        await service.stop(graceMilliseconds)
        await pool.end()
      },
    }
  } catch (error) {
    await pool.end()
    throw error
  }
}

function takesBatches(reward: RewardFunction): boolean {
  return reward.scoreBatch !== undefined
}

function failuresOf(outcomes: readonly (readonly Outcome[])[], names: readonly string[]): RewardsResponse['errors'] {
  return outcomes.flatMap((row, index) =>
    row.flatMap((outcome, k) =>
      outcome.error === undefined ? [] : [{ index, reward: names[k]!, message: outcome.error }],
    ),
  )
}
