import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { TrainConfig } from '../../grpo/config/trainConfig.js'
import { isModuleFile } from '../../io/userModule.js'
import { withModuleFiles } from '../../rewards/loadReward.js'
import type { Task } from '../../tasks/task.js'

/**
 * SHA-256 of what decides what completions are worth: the problems with their answers, the rewards with their options and weights, and the
 * contents of the files of rewards and tasks of one's own, wherever they lie. An export holds it and asks the service for its own before
 * the first step.
 */
export function rewardsHash({ run }: Pick<TrainConfig, 'run'>, task: Task): string {
  const { rewardWeights, maxCompletionLength, seed } = run
  const contents = (file: string): string => sha256(fs.readFileSync(file))
  const rewards = run.rewards.map((reward) => withModuleFiles(reward, contents))
  const files = isModuleFile(run.task) ? [contents(run.task)] : []
  const problems = task.problems.map(({ id, question, answer }) => [id, question, answer])
  return sha256(JSON.stringify({ task: task.name, problems, rewards, rewardWeights, maxCompletionLength, seed, files }))
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
