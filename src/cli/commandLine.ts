import { Command, CommanderError } from 'commander'
import { ConfigError } from '../errors.js'
import { camelCase, kebabCase, renamedOption } from '../options/names.js'
import { leftOutNote } from '../options/trlOptions.js'
import { packageVersion } from '../packageVersion.js'
import { addBenchCommand } from './bench/bench.js'
import { addDoctorCommand } from './verbs/doctor/doctor.js'
import { addDownloadCommand } from './verbs/download.js'
import { addExportCommand } from './verbs/export.js'
import { addEvalCommand } from './verbs/eval/evalCommand.js'
import { ExitCode, reportError } from './terminal/exitCode.js'
import { helpLayout } from './terminal/helpLayout.js'
import type { Streams } from './terminal/streams.js'
import { addGenerateCommand } from './verbs/generate.js'
import { addGradeCommand } from './verbs/grade.js'
import { addImportCommand } from './verbs/import.js'
import { addLintRewardCommand } from './verbs/lintReward.js'
import { addMergeCommand } from './verbs/merge.js'
import { addPretrainCommand } from './verbs/pretrain.js'
import { addPushCommand } from './verbs/push.js'
import { addQuantiseCommand } from './verbs/quantise.js'
import { addPreflightCommand } from './verbs/preflight.js'
import { addQuickstartCommand } from './quickstart/command.js'
import { addReportCommand } from './verbs/report.js'
import { addReviewCommand } from './verbs/review/reviewCommand.js'
import { addScoreCommand } from './verbs/score.js'
import { addSelfTestCommand } from './verbs/selftest.js'
import { addServeCommand } from './verbs/serve.js'
import { addServeRewardsCommand } from './verbs/serveRewards.js'
import { addSetupCommand } from './verbs/setup.js'
import { addTasksCommand } from './verbs/tasks.js'
import { addTrainCommand } from './verbs/train.js'

/** Adds a verb to the program. */
type AddCommand = (program: Command, streams: Streams) => void

/** In the order of the help text. */
const verbs: readonly AddCommand[] = [
  addQuickstartCommand,
  addTrainCommand,
  addPreflightCommand,
  addPretrainCommand,
  addEvalCommand,
  addTasksCommand,
  addGenerateCommand,
  addScoreCommand,
  addGradeCommand,
  addLintRewardCommand,
  addDownloadCommand,
  addImportCommand,
  addReportCommand,
  addReviewCommand,
  addMergeCommand,
  addQuantiseCommand,
  addPushCommand,
  addServeRewardsCommand,
  addExportCommand,
  addServeCommand,
  addSetupCommand,
  addDoctorCommand,
  addSelfTestCommand,
  addBenchCommand,
]

/** Runs `grpo-ts` with arguments (without the program's name), reports errors on stderr and returns the exit code. */
export async function runCommandLine(args: readonly string[], streams: Streams = process): Promise<number> {
  const program = new Command('grpo-ts')
    .description('Train reasoning language models with GRPO.')
    .version(`grpo-ts ${packageVersion()}`)
    .exitOverride()
    .showHelpAfterError('(--help shows the options)')
    .configureHelp(helpLayout)
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
      getOutHelpWidth: () => streams.stdout.columns ?? 80,
      getErrHelpWidth: () => streams.stderr.columns ?? 80,
    })
  for (const addVerb of verbs) addVerb(program, streams)
  try {
    await program.parseAsync(withKebabCaseFlags(args, program), { from: 'user' })
    return ExitCode.success
  } catch (error) {
    // commander has printed its message, the help text or the version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.success : ExitCode.usage
    return reportError(error, streams.stderr)
  }
}

/**
 * Flags may also be spelled as TRL spells its options: `--num_generations` becomes `--num-generations`. Throws a ConfigError
 * for an option of TRL that is none here, and for what other programs call a verb.
 */
function withKebabCaseFlags(args: readonly string[], program: Command): string[] {
  const verb = args[0] ?? ''
  const hint = otherVerbs[verb]
  if (hint !== undefined) throw new ConfigError(`there is no verb ${verb}: ${hint}`)
  const known = new Set(program.commands.flatMap(({ options }) => options.map(({ long }) => long)))
  const own = program.commands.find((command) => command.name() === verb)?.options ?? []
  const booleans = new Set(own.filter(({ optional }) => optional).map(({ long }) => long))
  return args.map((arg, i) => {
    const [flag = '', ...value] = arg.split('=')
    const normalized = flag.replaceAll('_', '-')
    // What stands behind a boolean is its value only where it is one: `train --do-eval run.yaml` names the file.
    const isTrue = booleans.has(normalized) && value.length === 0 && !['true', 'false'].includes(args[i + 1] ?? '')
    if (isTrue) return `${normalized}=true`
    if (known.has(normalized)) return [normalized, ...value].join('=')
    const renamed = flag.startsWith('--') ? renamedOption(camelCase(flag.slice(2).replaceAll('-', '_'))) : null
    if (renamed !== null) throw new ConfigError(`${flag} is renamed to --${kebabCase(renamed)}`)
    const note = flag.startsWith('--') ? leftOutNote(flag.slice(2).replaceAll('-', '_')) : null
    if (note !== null && ['train', 'preflight'].includes(verb)) {
      throw new ConfigError(`${flag} is ${note}`)
    }
    return arg
  })
}

/** Verbs that one may look for, and what does it here. */
const otherVerbs: Readonly<Record<string, string>> = {
  resume: 'grpo-ts train --resume, with the config or flags of the run, goes on from its latest checkpoint',
  evaluate: 'grpo-ts eval compares a model before and after training',
  grpo: 'grpo-ts train trains with GRPO',
  sft: 'only GRPO (grpo-ts train) and pre-training of small models (grpo-ts pretrain) are here',
  chat: 'grpo-ts generate --chat TEXT answers one message',
  upload: 'grpo-ts push publishes a run',
}
