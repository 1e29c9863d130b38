import os from 'node:os'
import type { Command } from 'commander'
import { z } from 'zod'
import { readTrainConfig } from '../../grpo/config/readTrainConfig.js'
import { option } from '../../options/schema.js'
import { MAXIMUM_TIMEOUT } from '../../rewards/reward.js'
import { startRewardService } from '../../server/rewards/rewardService.js'
import { pinSources } from '../run/pinSources.js'
import { interruptible } from '../terminal/interruptible.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { keepUp, readToken, requestLog, serviceOptions } from '../terminal/service.js'
import type { Streams } from '../terminal/streams.js'

const TOKEN_VARIABLE = 'GRPO_TS_REWARDS_TOKEN'

const flags = schemaFlags({
  ...serviceOptions(8765, TOKEN_VARIABLE),
  workers: option(
    z.int().positive().max(1024),
    os.availableParallelism(),
    'Threads that score; by default one for each core.',
  ),
  timeout: option(
    z.int().positive().max(MAXIMUM_TIMEOUT),
    60_000,
    'Milliseconds that a reward function may take for a completion, which then has no value of it.',
  ),
})

export function addServeRewardsCommand(program: Command, streams: Streams): void {
  const command = program
    .command('serve-rewards')
    .summary("serve a run's rewards to another trainer, over HTTP")
    .description(
      'Scores completions with the task and the rewards of a run, for trainers such as TRL, verl and OpenRLHF: POST /v1/rewards, ' +
        "OpenRLHF's /get_reward, GET /health and /metrics (Prometheus). Of the model only the tokenizer is loaded. Ctrl-C ends it.",
    )
    .argument('<config>', 'YAML file with the options of a run, or the folder of a run')
  flags.addTo(command)
  command.action(async (fileOrFolder: string, given: Flags) => {
    await serveRewards(fileOrFolder, flags.parse('serve-rewards', given), streams)
  })
}

async function serveRewards(
  fileOrFolder: string,
  { tokenFile, ...options }: ReturnType<typeof flags.parse>,
  streams: Streams,
): Promise<void> {
  // Rewards, and the programs that they run, do not get it.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== TOKEN_VARIABLE))
  const token = readToken(tokenFile, TOKEN_VARIABLE)
  const config = await pinSources(readTrainConfig(fileOrFolder), streams)
  await interruptible(async (signal) => {
    const service = await startRewardService(config, {
      ...options,
      token,
      env,
      onRequest: requestLog(streams.stderr),
      onWarning: (message) => streams.stderr.write(`warning: ${message}\n`),
    })
    const { task, problems, rewards, workers } = service.health
    streams.stdout.write(
      `task     ${task}, ${problems} problems\nrewards  ${rewards.join(', ')}\nworkers  ${workers}\n`,
    )
    await keepUp(service, signal, streams)
  })
}
