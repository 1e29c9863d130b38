import path from 'node:path'
import type { Command } from 'commander'
import { engineOptions } from '../../engine/engineOptions.js'
import { ConfigError } from '../../errors.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Streams } from '../terminal/streams.js'
import { quickstart } from './quickstart.js'

const OUTPUT_DIR = path.join('runs', 'quickstart')

const ofEngine = schemaFlags(engineOptions)

type QuickstartFlags = Record<string, string> & { seed: string; placebo?: true; outputDir: string }

export function addQuickstartCommand(program: Command, streams: Streams): void {
  const command = program
    .command('quickstart')
    .summary('a small model learns to reason by GRPO, in minutes')
    .description(
      'Evaluates the embedded model on word problems, trains it with GRPO, evaluates it again on the same held-out problems, ' +
        'and shows what changed. After Ctrl-C the same command goes on; a finished run is replaced.',
    )
    .option('--seed <number>', 'of the adapter, the problems and the sampling', '42')
    .option('--placebo', 'train with a random reward, to see what is left of the gain')
    .option('--output-dir <folder>', 'folder of the run', OUTPUT_DIR)
  ofEngine.addTo(command)
  command.action(async ({ seed, placebo, outputDir, ...given }: QuickstartFlags) => {
    const number = Number(seed)
    if (!/^\d+$/.test(seed) || number >= 2 ** 32) {
      throw new ConfigError(`--seed is '${seed}'; expected a whole number from 0 to ${2 ** 32 - 1}`)
    }
    const run = ofEngine.parse('quickstart', given)
    await quickstart({ seed: number, placebo: placebo ?? false, outputDir, run }, streams)
  })
}
