import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { TrainConfig } from '../../grpo/config/trainConfig.js'
import { isModuleFile } from '../../io/userModule.js'
import type { Task } from '../../tasks/task.js'

/**
 * SHA-256 of what decides what completions are worth: the problems with their answers, the rewards with their options and weights, and the
 * files of rewards and tasks of one's own. An export holds it and asks the service for its own before the first step.
 */
export function rewardsHash({ run }: Pick<TrainConfig, 'run'>, task: Task): string {
  const { rewards, rewardWeights, maxCompletionLength, seed } = run
  const names = [
    run.task,
    ...rewards.map((reward) => (typeof reward === 'string' ? reward.split(/[:?](?![\\/])/, 1)[0]! : reward.name)),
  ]
  const files = names.filter(isModuleFile).map((file) => sha256(fs.readFileSync(file)))
  const problems = task.problems.map(({ id, question, answer }) => [id, question, answer])
  return sha256(JSON.stringify({ task: task.name, problems, rewards, rewardWeights, maxCompletionLength, seed, files }))
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
