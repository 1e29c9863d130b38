/**
 * The embedded model before and after a short training on each task of its own size (a word problem, a deduction, a program): the
 * table of docs/tasks.md.
 *
 *     npm run bench:small-tasks -- [--seeds 3] [--steps 40] [--problems 200] [--learning-rate 3e-3] [--page docs/tasks.md]
 */
import path from 'node:path'
import { Command } from 'commander'
import { runOptions } from '../src/cli/quickstart/settings.js'
import { selectEngine } from '../src/engine/registry.js'
import { fillPage } from './quickstart/markdown.js'
import { measureSmallTask, smallTasks } from './smallTasks/measure.js'
import type { SmallTaskResult } from './smallTasks/measure.js'
import { smallTasksTable } from './smallTasks/table.js'

const { seeds, steps, problems, learningRate, only, model, page } = new Command('npm run bench:small-tasks --')
  .option('--seeds <N>', 'trainings of each task, with the seeds 1 to N', Number, 3)
  .option('--steps <N>', 'optimizer steps of a training', Number, 40)
  .option('--problems <N>', 'held-out problems of each task', Number, 200)
  .option('--learning-rate <N>', 'learning rate', Number, 3e-3)
  .option('--only <tasks...>', `some of ${smallTasks.join(', ')}: prints the table, and leaves the page as it is`)
  .option('--model <folder>', 'folder or name of the model', runOptions.model)
  .option('--page <file>', 'the page', path.join('docs', 'tasks.md'))
  .parse()
  .opts<{
    seeds: number
    steps: number
    problems: number
    learningRate: number
    only?: string[]
    model: string
    page: string
  }>()

await selectEngine('cpu')
const results: SmallTaskResult[] = []
for (const task of smallTasks.filter((name) => only?.includes(name) ?? true)) {
  const result = await measureSmallTask({ model, task, seeds, steps, problems, learningRate })
  results.push(result)
  console.log(`${task}: ${result.trained.map(({ seconds }) => seconds.toFixed(0)).join(', ')} s`)
}
const table = smallTasksTable(results)
console.log(`\n${table}`)
if (!only) {
  const body =
    `\`${path.basename(model)}\` before and after ${steps} steps of 8 problems with 8 completions each, learning rate ${learningRate.toExponential()}, ` +
    `${seeds} trainings of each task; ${problems} problems that were not trained on, answered by the likeliest tokens and once sampled at ` +
    `temperature 1:\n\n${table}`
  fillPage(
    page,
    'Tasks',
    [{ name: 'small-tasks', heading: 'What the embedded model learns', body }],
    'bench:small-tasks',
  )
}
// Lanes of the sandbox are still there.
process.exit(0)
