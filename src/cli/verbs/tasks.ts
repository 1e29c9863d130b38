import { Option } from 'commander'
import type { Command } from 'commander'
import { parseDifficulty } from '../../tasks/difficulty.js'
import { graderNames } from '../../grading/namedGraders.js'
import { loadTask, taskNames } from '../../tasks/loadTask.js'
import type { TaskOptions } from '../../tasks/loadTask.js'
import { answerForms } from '../../grading/answerForm.js'
import { describeMalformed } from '../../tasks/rows/datasetTask.js'
import type { MalformedRow, Task } from '../../tasks/task.js'
import type { Streams } from '../commandLine.js'

interface TasksFlags extends Pick<
  TaskOptions,
  'data' | 'encoding' | 'split' | 'reasoningFormat' | 'questionColumn' | 'answerColumn' | 'grader'
> {
  limit: string
  seed?: string
  shots?: string
  difficulty?: string
}

export function addTasksCommand(program: Command, streams: Streams): void {
  program
    .command('tasks')
    .summary('list the tasks, or show problems of one as a model sees them')
    .description('Lists the tasks, or shows the first problems of one: prompt, answer and worked solution.')
    .argument('[name]', `one of ${taskNames.join(', ')}, or the file of a module`)
    .option('--data <path>', 'file, folder or Hub id of the problems, for tasks that are read')
    .option('--encoding <label>', 'encoding of data that is text, such as windows-1252')
    .addOption(new Option('--split <split>', 'part of the problems').choices(['train', 'test']).default('train'))
    .option('--limit <number>', 'how many problems to show', '3')
    .option('--seed <number>', 'seed of problems that are made up')
    .option('--shots <number>', 'worked examples before each question')
    .option('--difficulty <range>', 'difficulty, such as 3 or 2-4')
    .addOption(new Option('--reasoning-format <format>', 'how answers are marked').choices(answerForms))
    .option('--question-column <name>', 'column of the question, for task file; dots lead into nested columns')
    .option('--answer-column <name>', 'column of the answer, for task file, such as reward_model.ground_truth')
    .addOption(new Option('--grader <name>', 'how answers are compared, for task file').choices(graderNames))
    .action((name: string | undefined, flags: TasksFlags) => {
      if (name === undefined) streams.stdout.write(`${taskNames.join('\n')}\n`)
      else return showTask(name, flags, streams)
    })
}

async function showTask(name: string, flags: TasksFlags, streams: Streams): Promise<void> {
  const { limit, seed, shots, difficulty, ...rest } = flags
  const malformed: MalformedRow[] = []
  const isRead = flags.data !== undefined
  const task = await loadTask(name, {
    ...rest,
    // How many there are is worth knowing for what is read; what is made up has no end.
    ...(!isRead && { limit: Number(limit) }),
    ...(seed !== undefined && { seed: Number(seed) }),
    ...(shots !== undefined && { shots: Number(shots) }),
    ...(difficulty !== undefined && { difficulty: parseDifficulty(difficulty) }),
    ...(isRead && { onMalformedRow: (row: MalformedRow) => malformed.push(row) }),
  })
  const problems = task.problems.slice(0, Number(limit))
  const lines = [
    ...(isRead ? [`${task.name}: ${task.problems.length} problems`] : []),
    ...(task.systemPrompt === null ? [] : [`system prompt of a chat: ${task.systemPrompt}`]),
    ...problems.flatMap((problem) => describeProblem(task, problem)),
  ]
  streams.stdout.write(`${lines.join('\n')}\n`)
  if (malformed.length > 0) {
    streams.stderr.write(
      `warning: ${malformed.length} rows are malformed and left out: ${describeMalformed(malformed)}\n`,
    )
  }
}

function describeProblem(task: Task, problem: Task['problems'][0]): string[] {
  const { id, answer, solution, difficulty } = problem
  return [
    '',
    `--- ${id}${difficulty === undefined ? '' : `, difficulty ${difficulty}`}`,
    task.prompt(problem, null).text,
    `--- answer: ${answer}`,
    ...(solution === undefined ? [] : ['--- solution:', solution]),
  ]
}
