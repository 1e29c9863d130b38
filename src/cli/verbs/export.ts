import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { exportRun } from '../../export/exportRun.js'
import { launchers } from '../../export/launchers/launchers.js'
import { exportTargets } from '../../export/targets.js'
import { readTrainConfig } from '../../grpo/config/readTrainConfig.js'
import { withDownloadProgress } from '../terminal/downloadProgress.js'
import { interruptible } from '../terminal/interruptible.js'
import type { Streams } from '../terminal/streams.js'

interface ExportFlags {
  readonly to: string
  readonly output: string
  readonly processes: number
  readonly launcher: string
}

export function addExportCommand(program: Command, streams: Streams): void {
  const targets = exportTargets.map(({ name, title }) => `${name} (${title})`)
  program
    .command('export')
    .summary('write a folder that trains a run with another engine, on more GPUs')
    .description(
      'Writes a folder that trains a run with another engine: its configuration and data in the form of that engine, a file that asks ' +
        'grpo-ts serve-rewards for the rewards, run.sh that starts both, and a README with what becomes of every option. What the engine ' +
        'cannot do is refused.',
    )
    .argument('<run>', 'folder of a run, or YAML file with its options')
    .addOption(
      new Option('--to <engine>', `what trains: ${targets.join(', ')}`)
        .choices(exportTargets.map(({ name }) => name))
        .makeOptionMandatory(),
    )
    .requiredOption('--output <folder>', 'folder to write, which must not exist or be empty')
    .option(
      '--processes <n>',
      'processes that train, one for each GPU; batches are divided among them',
      parseProcesses,
      1,
    )
    .addOption(
      new Option(
        '--launcher <name>',
        'what starts it: local, run.sh by hand; sky, SkyPilot; slurm, sbatch; hf-jobs, Hugging Face Jobs',
      )
        .choices(launchers.map(({ name }) => name))
        .default('local'),
    )
    .action((run: string, flags: ExportFlags) => exportFolder(run, flags, streams))
}

async function exportFolder(run: string, flags: ExportFlags, streams: Streams): Promise<void> {
  const { output, processes } = flags
  const target = exportTargets.find(({ name }) => name === flags.to)!
  const launcher = launchers.find(({ name }) => name === flags.launcher)!
  const config = readTrainConfig(run)
  const plan = await interruptible((signal) =>
    withDownloadProgress(streams.stderr, (onProgress) =>
      exportRun(config, { target, launcher, processes, output, download: { onProgress, signal } }),
    ),
  )
  const names = plan.rewards.map(({ name }) => name).join(', ')
  streams.stderr.write(
    `${target.title}: ${plan.prompts.length} problems, rewards ${names}, processes ${processes}; see README.md\n`,
  )
  streams.stdout.write(`${output}\n`)
}

function parseProcesses(text: string): number {
  const processes = Number(text)
  if (Number.isInteger(processes) && processes >= 1 && processes <= 100_000) return processes
  throw new InvalidArgumentError('Expected a whole number from 1.')
}
