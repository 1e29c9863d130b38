import fs from 'node:fs'
import type { TrainConfig } from '../../src/grpo/config/trainConfig.js'
import { resolveModel } from '../../src/hub/resolve.js'
import { loadRewards } from '../../src/rewards/loadReward.js'
import { scoreCompletions } from '../../src/rewards/scoreCompletions.js'
import { loadTask } from '../../src/tasks/loadTask.js'
import { Tokenizer } from '../../src/text/tokenizer.js'

/** A batch that an engine asked rewards for, and what it got, as grpo_ts_rewards.py logs it. */
export interface LoggedBatch {
  /** From 0; of one process. */
  readonly step: number
  readonly problem_ids: readonly string[]
  readonly completions: readonly string[]
  readonly completion_ids: readonly (readonly number[])[]
  readonly rewards: Readonly<Record<string, readonly (number | null)[]>>
}

/** What GRPO_TS_REWARDS_LOG holds so far, of all processes; a line that is being written is left out. */
export function readRewardsLog(file: string, processes: number): LoggedBatch[] {
  return Array.from({ length: processes }, (_, rank) => `${file}.${rank}`)
    .filter((one) => fs.existsSync(one))
    .flatMap((one) =>
      fs
        .readFileSync(one, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line, step) => ({ ...(JSON.parse(line) as Omit<LoggedBatch, 'step'>), step })),
    )
}

/** Texts and rewards of the same tokens, by this library in this process. */
export async function rewardsOfLibrary(
  config: TrainConfig,
  batches: readonly LoggedBatch[],
): Promise<Pick<LoggedBatch, 'completions' | 'rewards'>[]> {
  const task = await loadTask(config.run.task, config.task)
  const tokenizer = Tokenizer.load((await resolveModel(config.run.model)).folder)
  const rewards = await loadRewards(config.run.rewards, config.run)
  const problems = new Map(task.problems.map((problem) => [problem.id, problem]))
  return Promise.all(
    batches.map(async ({ problem_ids: problemIds, completion_ids: completionIds }) => {
      const samples = completionIds.map((ids, i) => {
        const problem = problems.get(problemIds[i]!)!
        return {
          prompt: task.prompt(problem, tokenizer).text,
          completion: tokenizer.decode(ids, { skipSpecialTokens: true }),
          answer: problem.answer,
          ids,
          meta: {
            problem,
            finishReason: tokenizer.eosTokenIds.includes(ids.at(-1) ?? -1) ? ('stop' as const) : ('length' as const),
          },
        }
      })
      const { values } = await scoreCompletions(rewards, samples)
      return {
        completions: samples.map(({ completion }) => completion),
        rewards: Object.fromEntries(rewards.map(({ name }, k) => [name, values.map((row) => row[k]!)])),
      }
    }),
  )
}
