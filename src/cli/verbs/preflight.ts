import type { Command } from 'commander'
import { z } from 'zod'
import { GrpoError } from '../../errors.js'
import type { Streams } from '../terminal/streams.js'
import { option } from '../../options/schema.js'
import { addRewardHelp } from '../terminal/rewardHelp.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { interruptible } from '../terminal/interruptible.js'
import { pinSources } from '../run/pinSources.js'
import { runPreflight } from '../run/runPreflight.js'
import { withRolloutServers } from '../run/withRolloutServers.js'
import { writePreflight } from '../../run/preflightFile.js'
import { withRun } from './train.js'
import { parseTrainConfig } from '../../grpo/config/trainConfig.js'
import { addTrainFlags, readTrainFlags } from '../run/trainFlags.js'
import { runLayout } from '../../run/layout.js'
import { readConfigFile } from '../../run/configFile.js'

const ownFlags = schemaFlags({
  // More than before a run, since it is what was asked for.
  maxSeconds: option(z.number().positive(), 60, 'Time for sampling and training.'),
})

export function addPreflightCommand(program: Command, streams: Streams): void {
  const command = program
    .command('preflight')
    .summary('look at what usually goes wrong with a run before it starts')
    .description(
      'Samples up to 4 completions of 20 problems with the options of a run, within about a minute, and says go, or what to ' +
        'change. Takes the options of train.',
    )
    .argument('[config]', 'YAML file with options')
  addTrainFlags(command)
  addRewardHelp(command)
  ownFlags.addTo(command)
  command.action(async (file: string | undefined, flags: Flags) => {
    const { maxSeconds } = ownFlags.parse('preflight', flags)
    const fromFile = file === undefined ? {} : readConfigFile(file)
    const config = await pinSources(parseTrainConfig(fromFile, readTrainFlags(flags)), streams)
    await withRun(config, streams, async (policy, { task, rewards }) => {
      const options = { policy, task, rewards, config: config.grpo, maxSeconds }
      // Without the folder of the run, in which another process may train.
      const report = await withRolloutServers(config, {}, streams, (servers) =>
        interruptible((signal) => runPreflight({ ...options, ...servers, signal }, { all: true }, streams)),
      )
      writePreflight(config.run.outputDir, report)
      if (!report.go) {
        throw new GrpoError(
          `this run would hardly learn anything; see the problems above and ${runLayout(config.run.outputDir).preflight}`,
        )
      }
    })
  })
}
