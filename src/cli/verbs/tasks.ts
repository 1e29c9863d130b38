import type { Command } from 'commander'
import { loadTask, taskDescriptions, taskNames } from '../../tasks/loadTask.js'
import type { TaskOptions } from '../../tasks/loadTask.js'
import { describeMalformed } from '../../tasks/rows/datasetTask.js'
import type { MalformedRow, Task } from '../../tasks/task.js'
import type { Streams } from '../terminal/streams.js'
import { addTaskFlags, readTaskFlags } from '../run/taskFlags.js'
import { commonOptions } from '../../tasks/taskOptions.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'

const flags = schemaFlags({ seed: commonOptions.seed.optional().describe(commonOptions.seed.description!) })

/** Problems that are shown without `--limit`. */
const SHOWN = 3

export function addTasksCommand(program: Command, streams: Streams): void {
  const command = program
    .command('tasks')
    .summary('list the tasks, or show problems of one as a model sees them')
    .description('Lists the tasks, or shows the first problems of one: prompt, answer and worked solution.')
    .argument('[name]', `one of ${taskNames.join(', ')}, or the file of a module`)
  flags.addTo(command)
  command.action((name: string | undefined, given: Flags) => {
    const options = { ...readTaskFlags('tasks', given), ...flags.parse('tasks', given) }
    if (name !== undefined) return showTask(name, options, streams)
    streams.stdout.write(listTasks())
  })
  addTaskFlags(command)
}

/** A line a task. */
function listTasks(): string {
  const width = Math.max(...taskNames.map(({ length }) => length))
  return [...taskDescriptions].map(([name, description]) => `${name.padEnd(width)}  ${description}\n`).join('')
}

async function showTask(name: string, options: TaskOptions, streams: Streams): Promise<void> {
  const { limit = SHOWN, ...rest } = options
  const malformed: MalformedRow[] = []
  const isRead = options.data !== undefined
  const task = await loadTask(name, {
    ...rest,
    // How many there are is worth knowing for what is read; what is made up has no end.
    ...(isRead ? { onMalformedRow: (row: MalformedRow) => malformed.push(row) } : { limit }),
  })
  const problems = task.problems.slice(0, limit)
  const lines = [
    ...(isRead ? [`${task.name}: ${task.problems.length} problems`] : []),
    ...(task.systemPrompt === null ? [] : [`system prompt of a chat: ${task.systemPrompt}`]),
    ...problems.flatMap((problem) => describeProblem(task, problem)),
  ]
  streams.stdout.write(`${lines.join('\n')}\n`)
  if (malformed.length > 0) {
    streams.stderr.write(`warning: malformed rows left out (${malformed.length}): ${describeMalformed(malformed)}\n`)
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
