import fs from 'node:fs'
import os from 'node:os'
import type { Command } from 'commander'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import { readTrainConfig } from '../../grpo/config/readTrainConfig.js'
import { untilAborted } from '../../io/untilAborted.js'
import { option } from '../../options/schema.js'
import { MAXIMUM_TIMEOUT } from '../../rewards/reward.js'
import type { RequestLine } from '../../server/http/service.js'
import { startRewardService } from '../../server/rewards/rewardService.js'
import { pinSources } from '../run/pinSources.js'
import { Interrupted } from '../terminal/exitCode.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import type { Streams } from '../terminal/streams.js'

/** Holds the token, where no file does: in a flag, every user of the machine could read it. */
const TOKEN_VARIABLE = 'GRPO_TS_REWARDS_TOKEN'
/** Milliseconds in which requests are answered that are worked on when the service is to end. */
const GRACE = 30_000

const flags = schemaFlags({
  host: option(z.string().min(1), '127.0.0.1', 'Address to listen at; beyond this machine only with a token.'),
  port: option(z.int().nonnegative().max(65535), 8765, 'Port to listen on; 0 = a free one.'),
  tokenFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      `File with the token that requests have to show. Defaults to the environment's ${TOKEN_VARIABLE}, or none.`,
    ),
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
  const { [TOKEN_VARIABLE]: fromEnvironment, ...env } = process.env
  const token = tokenFile === undefined ? (fromEnvironment ?? null) : readToken(tokenFile)
  const config = await pinSources(readTrainConfig(fileOrFolder), streams)
  await interruptible(async (signal) => {
    const service = await startRewardService(config, {
      ...options,
      token,
      env,
      onRequest: (line) => streams.stderr.write(`${describeRequest(line)}\n`),
      onWarning: (message) => streams.stderr.write(`warning: ${message}\n`),
    })
    const { task, problems, rewards, workers } = service.health
    streams.stdout.write(
      `task     ${task}, ${problems} problems\nrewards  ${rewards.join(', ')}\nworkers  ${workers}\nserving  ${service.url}\n`,
    )
    onInterruption(signal, (interrupted) => {
      streams.stderr.write(`${interrupted}: answering what is worked on; Ctrl-C again ends it at once\n`)
    })
    try {
      await untilAborted(new Promise<never>(() => undefined), signal)
    } catch (error) {
      // Ctrl-C is how it is meant to end.
      if (!(error instanceof Interrupted && error.signal === 'SIGINT')) throw error
    } finally {
      await service.stop(GRACE)
    }
  })
}

function readToken(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new ConfigError(`--token-file ${file} cannot be read (${(cause as Error).message})`, { cause })
  }
}

/** One line for each request: nothing of its contents, nor of what clients name. */
function describeRequest({ method, path, status, milliseconds, bytes, error }: RequestLine): string {
  const line = `${new Date().toISOString()} ${method} ${path} ${status} ${milliseconds.toFixed(1)} ms ${bytes} bytes`
  return error === null ? line : `${line}: ${error}`
}
