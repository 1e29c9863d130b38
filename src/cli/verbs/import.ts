import type { Command } from 'commander'
import { describeFinding } from '../../grpo/diagnosis/runDiagnosis.js'
import { importRun } from '../../import/importRun.js'
import type { ImportedRun } from '../../import/importedRun.js'
import { runLayout } from '../../run/layout.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import type { Streams } from '../terminal/streams.js'

interface ImportFlags {
  readonly output: string
  readonly config?: string
  readonly overwrite?: true
}

export function addImportCommand(program: Command, streams: Streams): void {
  program
    .command('import')
    .summary('make a run of what TRL, verl or OpenRLHF left')
    .description(
      'Makes the folder of a run of what another engine has trained, so that report, eval and push work on it: metrics, completions ' +
        'with their rewards, the adapter, and the diagnosis.',
    )
    .argument('<folder>', 'folder of grpo-ts export after its training, or the output folder of TRL, verl or OpenRLHF')
    .requiredOption('-o, --output <folder>', 'folder of the run, which is made')
    .option('--config <file>', 'options of the run, as grpo-ts train takes them (default: config.yaml of the export)')
    .option('--overwrite', 'replace the run that the output folder holds')
    .action((folder: string, flags: ImportFlags) => importFolder(folder, flags, streams))
}

async function importFolder(folder: string, flags: ImportFlags, streams: Streams): Promise<void> {
  const run = await interruptible((signal) => {
    onInterruption(signal, (interrupted) => streams.stderr.write(`${interrupted}: nothing is left behind\n`))
    return importRun({ folder, ...flags, signal })
  })
  streams.stdout.write(describeImport(run))
}

/** The adapter's own word for its model goes into a command that is copied to a shell. */
const harmless = /^[\w./@:+-]+$/

function describeImport(run: ImportedRun): string {
  const { folder, engine, steps, lastStep, completions, hasAdapter, model, task, notes, findings, report } = run
  const { adapter } = runLayout(folder)
  const lines: (readonly [string, string])[] = [
    ['engine', engine],
    ['steps', steps === lastStep ? count(steps) : `${count(steps)} logged, the last one ${count(lastStep)}`],
    ['samples', `${count(completions)} completions`],
    ['adapter', hasAdapter ? adapter : 'none'],
    ...notes.map((note) => ['note', note] as const),
    ...findings.map((finding) => [`step ${finding.step}`, describeFinding(finding)] as const),
    ['report', report],
  ]
  const next = hasAdapter
    ? `grpo-ts eval ${task === null ? `--model ${model !== null && harmless.test(model) ? model : 'MODEL'} --adapter ${adapter} --task TASK` : folder}`
    : null
  return [
    ...lines.map(([name, value]) => `${name.padEnd(9)}${value}\n`),
    ...(next === null ? [] : [`next     ${next}\n`]),
  ].join('')
}

function count(value: number): string {
  return value.toLocaleString('en')
}
