import type { Task } from '../tasks/task.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { countValues, plots } from './charts/plot.js'
import { table } from './table.js'
import { traces } from './traces.js'

/** Problems that the table shows. */
const SHOWN = 5

/**
 * Shows the problems of a task: the first ones, how long questions are and how answers that are numbers are distributed, and of one problem
 * the prompt as the model gets it, the answer, and the worked solution, if there is one.
 */
export function problems(task: Task, tokenizer: Tokenizer): void {
  const [example] = task.problems
  if (!example) return
  table(
    task.problems.slice(0, SHOWN).map(({ question, answer, difficulty }) => ({ question, answer, difficulty })),
    { caption: `${task.name}: the first of ${task.problems.length.toLocaleString('en')} problems` },
  )
  const lengths = task.problems.map(({ question }) => tokenizer.encode(question).length)
  const numbers = task.problems.map(({ answer }) => Number(answer)).filter(Number.isFinite)
  plots([
    countValues({ problems: lengths }, { title: 'Length of the questions', xaxis: { title: 'tokens' } }),
    ...(numbers.length === 0
      ? []
      : [countValues({ problems: numbers }, { title: 'Answers', xaxis: { title: 'answer' } })]),
  ])
  traces([
    { title: 'The prompt, as the model gets it', text: task.prompt(example, tokenizer).text },
    { title: 'The answer, all that training uses', text: example.answer },
    { title: 'A worked solution, which training never sees', text: example.solution ?? '(the task has none)' },
  ])
}
