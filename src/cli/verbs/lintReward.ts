import type { Command } from 'commander'
import { z } from 'zod'
import { GrpoError } from '../../errors.js'
import { weightedSum } from '../../rewards/combinators.js'
import { lintReward } from '../../rewards/lint/lintReward.js'
import type { LintReport, LintRow } from '../../rewards/lint/lintReward.js'
import { loadReward, rewardNames } from '../../rewards/loadReward.js'
import { loadTask } from '../../tasks/loadTask.js'
import type { TaskOptions } from '../../tasks/loadTask.js'
import type { Streams } from '../terminal/streams.js'
import { addTaskFlags, readTaskFlags } from '../run/taskFlags.js'
import { option } from '../../options/schema.js'
import { nameOption } from '../terminal/modelOptions.js'
import { addRewardHelp } from '../terminal/rewardHelp.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { formatTable } from '../terminal/table.js'
import type { Column } from '../terminal/table.js'

const flags = schemaFlags({
  task: option(nameOption, 'arithmetic', 'Whose problems they answer.'),
  seed: option(z.int().nonnegative(), 0, 'Seed of problems that are made up.'),
  maxCompletionLength: option(z.int().positive(), 256, 'For rewards that depend on it, in tokens.'),
  all: option(z.boolean(), false, 'Show all completions, not only those that are paid.'),
})

type LintRewardOptions = ReturnType<typeof flags.parse>

export function addLintRewardCommand(program: Command, streams: Streams): void {
  const command = program
    .command('lint-reward')
    .summary('what a reward pays for right, nearly right and adversarial completions')
    .description(
      'Shows rewards completions made up for the problems of a task: gold, near misses, and texts that try to be paid for ' +
        'nothing (empty, tags only, every number listed, prompt echo, injected tags …). Several rewards are taken together, ' +
        'as in training. Ends with 1 when an adversarial completion is paid like gold, or the reward fails on one.',
    )
    .argument('<rewards...>', `${rewardNames.join(', ')}, or the file of a module; as in train: format:0.2`)
  flags.addTo(command)
  command.action((specs: string[], given: Flags) =>
    lint(specs, flags.parse('lint-reward', given), readTaskFlags('lint-reward', given), streams),
  )
  addTaskFlags(command)
  addRewardHelp(command)
}

/** Problems that are taken without `--limit`. */
const PROBLEMS = 20

async function lint(
  specs: readonly string[],
  options: LintRewardOptions,
  ofTask: TaskOptions,
  streams: Streams,
): Promise<void> {
  const { maxCompletionLength, seed } = options
  const rewards = await Promise.all(specs.map((spec) => loadReward(spec, { maxCompletionLength })))
  const reward = rewards.length === 1 ? rewards[0]! : weightedSum(rewards)
  const task = await loadTask(options.task, { limit: PROBLEMS, seed, ...ofTask })
  const report = await lintReward(reward, task.problems, { promptText: (problem) => task.prompt(problem, null).text })
  streams.stdout.write(formatReport(report, options.all))
  const verdict = `${report.reward}: ${report.verdict}: ${report.explanation}`
  if (report.verdict === 'exploitable' || report.verdict === 'fails') throw new GrpoError(verdict)
  streams.stdout.write(`${verdict}\n`)
}

function formatReport(report: LintReport, all: boolean): string {
  const rows = report.rows.filter((row) => all || row.kind === 'gold' || row.error !== null || (row.max ?? 0) > 0)
  const hidden = report.rows.length - rows.length
  return (
    formatTable(columns, rows) +
    (hidden > 0 ? `${hidden} more completions are paid 0 or less (--all shows them)\n` : '')
  )
}

const columns: readonly Column<LintRow>[] = [
  { heading: 'completion', left: true, text: ({ name }) => name },
  { heading: 'kind', left: true, text: ({ kind }) => kind },
  { heading: 'mean', text: ({ mean }) => mean?.toFixed(2) ?? '-' },
  { heading: 'min', text: ({ min }) => min?.toFixed(2) ?? '-' },
  { heading: 'max', text: ({ max }) => max?.toFixed(2) ?? '-' },
  {
    heading: 'paid like gold',
    text: ({ kind, paidLikeGold, problems }) => (kind === 'adversarial' ? `${paidLikeGold} of ${problems}` : null),
  },
]
