import { ConfigError, DataError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { runUserCode } from '../io/userCode.js'
import { importModule } from '../io/userModule.js'
import { questionPrompt } from './questionPrompt.js'
import type { Problem } from '../grading/problem.js'
import type { Task } from './task.js'

/** The options that {@link loadTask} was given. */
type TaskModuleOptions = Readonly<Record<string, unknown>> & { readonly split?: string; readonly limit?: number }

/**
 * Loads a task of a user's own: the default export of an ES module, a {@link Task} or a function that makes one from the
 * options (`split`, `seed`, `limit`, …). Problems need `id`, `question` and `answer`. Without a `prompt` the question is asked
 * as in the tasks of this library, after the `systemPrompt` if there is one. `limit` takes the first problems.
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
  const problems = given.problems as readonly unknown[]
  const ids = new Set<unknown>()
  for (const [i, problem] of problems.entries()) {
    const fields = isJsonObject(problem) ? [problem.id, problem.question, problem.answer] : []
    if (fields.length === 0 || !fields.every((field) => typeof field === 'string')) {
      throw new DataError(`${file}: problem ${i} is ${quote(problem)}; expected { id, question, answer } as texts`)
    }
    if (ids.has(fields[0]))
      throw new DataError(`${file}: the id ${quote(fields[0])} is there twice; expected each once`)
    ids.add(fields[0])
  }
  const task = given as unknown as Partial<Task> & Pick<Task, 'name'>
  const systemPrompt = task.systemPrompt ?? null
  return {
    ...task,
    ...{ name: task.name, systemPrompt, problems: (problems as readonly Problem[]).slice(0, options.limit) },
    prompt: (problem, tokenizer) =>
      task.prompt
        ? runUserCode(`the prompt function of ${file}`, () => task.prompt!(problem, tokenizer))
        : questionPrompt(problem, [], systemPrompt, tokenizer),
  }
}
