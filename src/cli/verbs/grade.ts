import { setImmediate } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { DataError } from '../../errors.js'
import { untilAborted } from '../../io/untilAborted.js'
import { parseJsonFields } from '../../io/jsonFields.js'
import { gradeOf, graderOf } from '../../grading/gradeOf.js'
import { loadRewards } from '../../rewards/loadReward.js'
import { scoreCompletions } from '../../rewards/scoreCompletions.js'
import type { RewardFunction } from '../../rewards/reward.js'
import { problemOfRow, taskNames } from '../../tasks/loadTask.js'
import type { TaskOptions } from '../../tasks/loadTask.js'
import { checkOutput, readRows, writeRows } from '../terminal/batchFiles.js'
import type { Row } from '../terminal/batchFiles.js'
import type { Streams } from '../terminal/streams.js'
import { addTaskFlags, readTaskFlags } from '../run/taskFlags.js'
import { option } from '../../options/schema.js'
import { nameOption } from '../terminal/modelOptions.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { addRewardHelp } from '../terminal/rewardHelp.js'
import { Progress } from '../terminal/progress.js'

const flags = schemaFlags({
  task: nameOption.describe(`Whose problems they answer: ${taskNames.join(', ')}.`),
  input: nameOption.describe('JSON lines; - is standard input.'),
  output: nameOption.describe('JSON lines; - is standard output.'),
  rewards: z
    .array(nameOption)
    .optional()
    .describe('Rewards to compute, as in train. Defaults to those that need no options.'),
  maxCompletionLength: option(z.int().positive(), 256, 'For rewards that depend on it, in tokens.'),
})

type GradeOptions = ReturnType<typeof flags.parse>

const rowSchema = z.looseObject({
  completion: z.string(),
  prompt: z.string().optional(),
  completion_ids: z.array(z.int()).optional(),
  finish_reason: z.enum(['stop', 'length']).optional(),
})

/** Completions that are graded at the same time: those that run programs wait for them. */
const CONCURRENT = 4

export function addGradeCommand(program: Command, streams: Streams): void {
  const command = program
    .command('grade')
    .summary('whether given completions are right')
    .description(
      'Grades texts by themselves. Reads JSON lines {"completion": "...", "answer": "..."} with the columns that the task needs ' +
        '(countdown: numbers, target; programs: test, entry_point), and writes, in the same order, ' +
        '{"correct": true, "correct_lenient": true, "extracted": "18", "rewards": {...}}.',
    )
  flags.addTo(command)
  command.action((given: Flags) =>
    grade(flags.parse('grade', given), readTaskFlags('grade', given, taskFlagNames), streams),
  )
  addTaskFlags(command, taskFlagNames)
  addRewardHelp(command)
}

/** The options of tasks that matter to a text that is graded by itself. */
const taskFlagNames = ['reasoningFormat', 'grader', 'answerColumn', 'allowPython', 'timeLimit', 'memoryLimit'] as const

async function grade(options: GradeOptions, ofTask: TaskOptions, streams: Streams): Promise<void> {
  const { task, input, output, maxCompletionLength } = options
  checkOutput(output)
  const rewards = await loadRewards(options.rewards?.flatMap((specs) => specs.split(',')) ?? defaultRewards, {
    maxCompletionLength,
  })
  // Checks the name of the task even if there is no row.
  problemOfRow(task, {}, task)
  const rows = await readRows(input, streams.stdin)
  const results: Record<string, unknown>[] = []
  await interruptible(async (signal) => {
    onInterruption(signal, (interrupted) => streams.stderr.write(`${interrupted}: nothing was written\n`))
    const progress = new Progress(streams.stderr, rows.length, 'completions')
    let next = 0
    const work = async (): Promise<void> => {
      while (next < rows.length) {
        const index = next++
        // Most graders wait for nothing: without this, Ctrl-C would have no turn until the end.
        await setImmediate()
        results[index] = await untilAborted(gradeRow(rows[index]!, rewards, options, ofTask, signal), signal)
        progress.update(index + 1)
      }
    }
    try {
      await Promise.all(Array.from({ length: CONCURRENT }, work))
    } finally {
      progress.stop()
    }
  })
  writeRows(output, results, streams.stdout)
}

async function gradeRow(
  { where, value }: Row,
  rewards: readonly RewardFunction[],
  options: GradeOptions,
  ofTask: TaskOptions,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const row = parseJsonFields(rowSchema, value, where)
  const problem = problemOfRow(options.task, row, where, ofTask)
  if (typeof problem === 'string') throw new DataError(`${where}: ${problem}, which the task ${options.task} needs`)
  const { prompt = '' } = row
  const found = await gradeOf(row.completion, problem, prompt)
  // Rewards that ask for the grade again get this one: a program runs once.
  const graded = { ...problem, grader: Object.assign(() => found, graderOf(problem)) }
  const sample = {
    prompt,
    completion: row.completion,
    answer: problem.answer,
    ids: row.completion_ids ?? [],
    meta: { problem: graded, finishReason: row.finish_reason ?? 'stop' },
  }
  const { values } = await scoreCompletions(rewards, [sample], signal)
  return {
    correct: found.correct,
    correct_lenient: found.correctLenient,
    extracted: found.extracted,
    ...(found.reason !== undefined && { reason: found.reason }),
    rewards: Object.fromEntries(rewards.map(({ name }, k) => [name, values[0]![k] ?? null])),
  }
}

const defaultRewards: readonly string[] = [
  'correctness',
  'format',
  'partial_credit',
  'reasoning_steps',
  'step_arithmetic',
  'self_correction',
  'efficiency',
  'clarity',
  'language_consistency',
  'repetition_penalty',
]
