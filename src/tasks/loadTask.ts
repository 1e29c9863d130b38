import { z } from 'zod'
import { ConfigError } from '../errors.js'
import { didYouMean } from '../options/names.js'
import { parseOptions } from '../options/schema.js'
import { isModuleFile } from '../io/userModule.js'
import { hubDataset, resolveTaskData } from './hubDatasets.js'
import { loadTaskModule } from './loadTaskModule.js'
import { taskEntries } from './taskEntries.js'
import type { TaskEntry } from './taskEntries.js'
import type { TaskOptions } from './taskOptions.js'
import type { Problem } from '../grading/problem.js'
import type { Task } from './task.js'

export type { TaskOptions } from './taskOptions.js'

/** The names that {@link loadTask} knows. */
export const taskNames: readonly string[] = [...taskEntries.keys()]

/** A sentence on the problems of each task that {@link loadTask} knows, by its name. */
export const taskDescriptions: ReadonlyMap<string, string> = new Map(
  [...taskEntries].map(([name, { description }]) => [name, description]),
)

/**
 * Loads a task by its name, or from the file of a module (`./my-task.mjs`): see {@link loadTaskModule}. GSM8K, MATH
 * and HumanEval are downloaded from the Hub where no data is named.
 *
 * Throws a {@link ConfigError} for an unknown name or split, or an option that the task does not take, and a
 * {@link DataError} when its data cannot be used.
 */
export async function loadTask(name: string, options: TaskOptions = {}): Promise<Task> {
  if (isModuleFile(name)) return loadTaskModule(name, options as Readonly<Record<string, unknown>>)
  const entry = entryOf(name)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as TaskOptions
  const known = [...Object.keys(entry.options), ...('data' in entry.options ? ['onMalformedRow'] : [])]
  const unknown = Object.keys(given).find((option) => !known.includes(option))
  if (unknown !== undefined) {
    throw new ConfigError(`task ${name} takes no option '${unknown}'; it takes: ${known.join(', ')}`)
  }
  checkValues(name, entry, given)
  const data = given.data ?? hubDataset(name, given.split ?? 'train')
  if (data === null) return entry.load(given)
  return entry.load({ ...given, data: (await resolveTaskData(name, data)).folder })
}

/** Throws a {@link ConfigError} for values that are wrong: the types say which are right, but they may come from a YAML file. */
function checkValues(task: string, { options }: TaskEntry, given: TaskOptions): void {
  // These have forms that only a program gives, or checks of their own.
  const unchecked = ['difficulty', 'onMalformedRow', ...(given.systemPrompt === null ? ['systemPrompt'] : [])]
  const checked = Object.entries(given).filter(([name]) => !unchecked.includes(name))
  const shape = Object.fromEntries(checked.map(([name]) => [name, options[name]!]))
  parseOptions(`task ${task}`, z.strictObject(shape), Object.fromEntries(checked))
}

/**
 * The problem that a row describes, for grading texts by themselves: `answer`, and the task's own columns, such as `test` and
 * `entry_point` of a program; the question may be missing. Only with `reasoningFormat` does it ask for a form of the answer.
 *
 * Returns the reason if the row describes none. Throws a {@link ConfigError} for an unknown name.
 */
export function problemOfRow(
  name: string,
  row: Readonly<Record<string, unknown>>,
  id: string,
  options: TaskOptions = {},
): Problem | string {
  const problem = entryOf(name).problemOfRow(row, id, options)
  if (typeof problem === 'string') return problem
  const { reasoningFormat } = options
  if (reasoningFormat !== undefined) return { ...problem, answerForm: problem.answerForm ?? reasoningFormat }
  const unasked: { -readonly [Key in keyof Problem]: Problem[Key] } = { ...problem }
  delete unasked.answerForm
  return unasked
}

function entryOf(name: string): TaskEntry {
  const entry = taskEntries.get(name)
  if (entry === undefined) {
    throw new ConfigError(
      `unknown task '${name}'${didYouMean(name, taskNames)}; known tasks: ${taskNames.join(', ')}, or the file of a module ` +
        'such as ./my-task.mjs',
    )
  }
  return entry
}
