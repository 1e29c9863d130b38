import { ConfigError } from '../errors.js'
import { resolveDataset } from '../hub/resolve.js'
import { isModuleFile } from '../io/userModule.js'
import { arithmetic } from './arithmetic.js'
import { gsm8k } from './gsm8k.js'
import { loadTaskModule } from './loadTaskModule.js'
import type { Split, Task } from './task.js'

/** Options of all tasks together; each task rejects those that it does not take. */
export interface TaskOptions {
  /** File, folder or Hub id (`openai/gsm8k`, `openai/gsm8k@revision`) of the problems, for tasks that are read. */
  data?: string
  /** Defaults to `train`. */
  split?: Split
  /** Takes the first problems only. Defaults to all. */
  limit?: number
  /** For tasks that are generated; one that is read ignores it, since a run's seed goes to every task. Defaults to 0. */
  seed?: number
  /** Number of worked examples before each question. Defaults to the task's own number. */
  shots?: number
  /** The system message of a chat; null for none. Defaults to the task's own. */
  systemPrompt?: string | null
  /** As in {@link arithmetic}. */
  maxOperand?: number
  /** As in {@link arithmetic}. */
  bare?: boolean
}

interface TaskEntry {
  readonly optionNames: readonly (keyof TaskOptions)[]
  load(options: TaskOptions): Task | Promise<Task>
}

const commonOptions = ['split', 'limit', 'seed', 'shots', 'systemPrompt'] as const

const entries = new Map<string, TaskEntry>([
  [
    'gsm8k',
    {
      optionNames: [...commonOptions, 'data'],
      load({ data, ...options }) {
        if (data !== undefined) return gsm8k({ ...options, data })
        throw new ConfigError('task gsm8k needs data: a .jsonl or .parquet file, or a folder that holds train.jsonl')
      },
    },
  ],
  ['arithmetic', { optionNames: [...commonOptions, 'maxOperand', 'bare'], load: arithmetic }],
])

/** The names that {@link loadTask} knows. */
export const taskNames: readonly string[] = [...entries.keys()]

/**
 * Loads a task by its name, or from the file of a module (`./my-task.mjs`): see {@link loadTaskModule}.
 *
 * Throws a {@link ConfigError} for an unknown name or split, or an option that the task does not take, and a
 * {@link DataError} when its data cannot be used.
 */
export async function loadTask(name: string, options: TaskOptions = {}): Promise<Task> {
  if (isModuleFile(name)) return loadTaskModule(name, options as Readonly<Record<string, unknown>>)
  const entry = entries.get(name)
  if (entry === undefined) throw new ConfigError(`unknown task '${name}'; known tasks: ${taskNames.join(', ')}`)
  for (const [option, value] of Object.entries(options)) {
    if (value !== undefined && !entry.optionNames.some((known) => known === option)) {
      throw new ConfigError(`task ${name} takes no option '${option}'; it takes: ${entry.optionNames.join(', ')}`)
    }
  }
  // The type says so, but the options also come from a YAML file.
  const split: string = options.split ?? 'train'
  if (split !== 'train' && split !== 'test') throw new ConfigError(`split is '${split}'; it must be train or test`)
  if (options.data === undefined) return entry.load(options)
  return entry.load({ ...options, data: (await resolveDataset(options.data)).folder })
}
