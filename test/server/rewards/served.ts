import { parseTrainConfig } from '../../../src/grpo/config/trainConfig.js'
import { startRewardService } from '../../../src/server/rewards/rewardService.js'
import type { RewardService, RewardServiceOptions } from '../../../src/server/rewards/rewardService.js'
import type { RewardsResponse } from '../../../src/server/rewards/protocol.js'
import { ask } from '../http/client.js'

/** Starts the service of a run of the embedded model. */
export function serve(
  config: Readonly<Record<string, unknown>>,
  options: Partial<RewardServiceOptions> = {},
): Promise<RewardService> {
  return startRewardService(parseTrainConfig({ model: 'word-problems-2m', ...config }), {
    host: '127.0.0.1',
    port: 0,
    token: null,
    workers: 1,
    timeout: 60_000,
    ...options,
  })
}

/** The rewards of a batch. Throws an Error with the answer when there are none. */
export async function rewardsOf(service: RewardService, body: unknown): Promise<RewardsResponse> {
  const answer = await ask(service, '/v1/rewards', { body })
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body}`)
  return JSON.parse(answer.body) as RewardsResponse
}
