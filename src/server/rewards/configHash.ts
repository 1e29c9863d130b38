import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { TrainConfig } from '../../grpo/config/trainConfig.js'
import { isModuleFile } from '../../io/userModule.js'
import type { RewardSpec } from '../../rewards/loadReward.js'
import type { Task } from '../../tasks/task.js'

/**
 * SHA-256 of what decides what completions are worth: the problems with their answers, the rewards with their options and weights, and the
 * files of rewards and tasks of one's own, wherever they lie. An export holds it and asks the service for its own before the first step.
 */
export function rewardsHash({ run }: Pick<TrainConfig, 'run'>, task: Task): string {
  const { rewardWeights, maxCompletionLength, seed } = run
  const problems = task.problems.map(({ id, question, answer, answerForm, columns }) => [
    id,
    question,
    answer,
    answerForm,
    columns,
  ])
  const rewards = run.rewards.map((reward) => pathless(reward as RewardSpec))
  const what = { task: named(run.task), problems, rewards, rewardWeights, maxCompletionLength, seed }
  // Columns of a Parquet file may be BigInts, which JSON cannot say.
  return sha256(JSON.stringify(what, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)))
}

/** A reward with the contents of its file in place of the name. */
function pathless(reward: RewardSpec): unknown {
  if (typeof reward === 'string') {
    const name = reward.split(/[:?](?![\\/])/, 1)[0]!
    return named(name) + reward.slice(name.length)
  }
  const { name, when, ...options } = reward
  return { name: named(name), ...(when !== undefined && { when: pathless(when as RewardSpec) }), ...options }
}

function named(nameOrFile: string): string {
  return isModuleFile(nameOrFile) ? sha256(fs.readFileSync(nameOrFile)) : nameOrFile
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
