import { ConfigError } from '../errors.js'
import { goldFault } from '../grading/goldAnswer.js'
import { isJsonObject, quote } from '../io/json.js'
import { runUserCode } from '../io/userCode.js'
import { importModule } from '../io/userModule.js'
import { questionPrompt } from './questionPrompt.js'
import type { Problem } from '../grading/problem.js'
import { checkProblems } from './defineTask.js'
import type { MalformedRow, Prompt, Task } from './task.js'

/** The options that {@link loadTask} was given. */
type TaskModuleOptions = Readonly<Record<string, unknown>> & {
  readonly split?: string
  readonly limit?: number
  readonly onBadRows?: string
}

/**
 * Loads a task of a user's own: the default export of an ES module, a {@link Task} or a function that makes one from the
 * options (`split`, `seed`, `limit`, …). Problems need `id`, `question` and `answer`. Without a `prompt` the question is asked
 * as in the tasks of this library, after the `systemPrompt` if there is one. `limit` takes the first problems, `onBadRows: 'skip'`
 * leaves out those whose answer no completion can match (see {@link goldFault}).
 *
 * Throws a ConfigError for a module that cannot be loaded or exports something else, a DataError for malformed problems.
 */
export async function loadTaskModule(file: string, options: TaskModuleOptions): Promise<Task> {
  const exported = (await importModule(file)).default
  if (typeof exported !== 'function' && options.split === 'test') {
    throw new ConfigError(`${file} exports one task; to have a test split, export a function of { split }`)
  }
  const given: unknown =
    typeof exported === 'function'
      ? await runUserCode(`the task of ${file}`, () => (exported as (options: TaskModuleOptions) => unknown)(options))
      : exported
  if (!isJsonObject(given) || typeof given.name !== 'string' || !Array.isArray(given.problems)) {
    throw new ConfigError(
      `${file} exports ${quote(given)}; expected a task, { name, problems, prompt }, or a function of one`,
    )
  }
  const problems: readonly unknown[] = given.problems
  checkProblems(problems, file)
  // Without the option they are left to the run, which may have rewards that ask no grader.
  const malformedRows = options.onBadRows === 'skip' ? malformedProblems(problems, file) : []
  const bad = new Set(malformedRows.map(({ line }) => line))
  const usable = problems.filter((_, i) => !bad.has(i + 1))
  const task = given as unknown as Partial<Task> & Pick<Task, 'name'>
  const systemPrompt = task.systemPrompt ?? null
  return {
    ...task,
    name: task.name,
    systemPrompt,
    problems: usable.slice(0, options.limit),
    ...(malformedRows.length > 0 && { malformedRows }),
    prompt: (problem, tokenizer) =>
      task.prompt
        ? checkPrompt(
            runUserCode(`the prompt function of ${file}`, () => task.prompt!(problem, tokenizer)),
            file,
          )
        : questionPrompt(problem, [], systemPrompt, tokenizer),
  }
}

/** Throws a ConfigError for what a prompt function returns that is no prompt. */
function checkPrompt(prompt: Prompt, file: string): Prompt {
  const { text, ids } = Object(prompt) as Partial<Record<keyof Prompt, unknown>>
  if (typeof text === 'string' && Array.isArray(ids) && ids.every((id) => Number.isSafeInteger(id))) return prompt
  throw new ConfigError(
    `the prompt function of ${file} returned ${quote(prompt)}; expected { text, ids } with the tokens that the tokenizer makes of the text`,
  )
}

/** The problems whose gold answers cannot be graded, by their number from 1. */
function malformedProblems(problems: readonly Problem[], file: string): MalformedRow[] {
  return problems.flatMap((problem, i) => {
    const fault = goldFault(problem)
    return fault === null ? [] : [{ file, line: i + 1, ...fault }]
  })
}
