import type { TrainConfig } from '../../grpo/config/trainConfig.js'
import type { RolloutEngine } from '../../grpo/rollouts/rolloutEngine.js'
import { filterWarning, serversAgreement } from '../../grpo/rollouts/servers/options.js'
import { rolloutServers } from '../../grpo/rollouts/servers/rolloutServers.js'
import type { RolloutServersOptions } from '../../grpo/rollouts/servers/rolloutServers.js'
import { short } from '../../io/units.js'
import { printLine } from '../terminal/progress.js'
import type { Streams } from '../terminal/streams.js'

/**
 * Gives `body` the servers that a run samples by, as an option of the trainer, and says what they are; nothing where it samples by itself.
 * `outputDir` is the folder of the run, where this process is the one that trains in it.
 */
export async function withRolloutServers<T>(
  { run, grpo }: TrainConfig,
  { outputDir }: Pick<RolloutServersOptions, 'outputDir'>,
  { stdout, stderr }: Streams,
  body: (servers: { rolloutEngine?: RolloutEngine }) => Promise<T>,
): Promise<T> {
  if (run.rollout === null) return body({})
  const { engine, baseUrl } = run.rollout
  const rolloutEngine = rolloutServers(run.rollout, {
    ...(outputDir !== undefined && { outputDir }),
    agreement: serversAgreement(grpo),
    onChecked: (url, { mean, max, tokens }) => {
      printLine(
        stdout,
        `server   ${url}: log-probabilities of ${tokens} tokens are ${short(mean)} nats from the policy's on average, ${short(max)} at most`,
      )
    },
    onWarning: (message) => {
      printLine(stderr, `warning: ${message}`)
    },
  })
  stdout.write(`sampling by ${engine} server${baseUrl.length === 1 ? '' : 's'} ${baseUrl.join(', ')}\n`)
  const warning = filterWarning(grpo)
  if (warning !== null) stdout.write(`warning  ${warning}\n`)
  try {
    return await body({ rolloutEngine })
  } finally {
    await rolloutEngine.close()
  }
}
