import type { Command } from 'commander'
import { ConfigError } from '../../errors.js'
import { expandPath } from '../../io/expandPath.js'
import { quote } from '../../io/json.js'
import { kebabCase } from '../../options/names.js'
import { taskFlagSchemas } from '../../tasks/taskOptions.js'
import type { TaskFlagName, TaskOptions } from '../../tasks/taskOptions.js'
import { schemaFlags } from './schemaFlags.js'
import type { Flags, SchemaFlags } from './schemaFlags.js'
import { taskOptionsFrom } from './trainConfig.js'

const allNames = Object.keys(taskFlagSchemas) as TaskFlagName[]

function flagsOf(names: readonly TaskFlagName[]): SchemaFlags {
  return schemaFlags(Object.fromEntries(names.map((name) => [name, taskFlagSchemas[name]])))
}

/** Adds a flag for every option of tasks, or for some of them: `--reasoning-format`. */
export function addTaskFlags(command: Command, names: readonly TaskFlagName[] = allNames): void {
  flagsOf(names).addTo(command, () => 'Options of the task:')
}

/** The options of a task that were given as flags. Throws a ConfigError that names the flag for a value of a wrong type. */
export function readTaskFlags(given: object, names: readonly TaskFlagName[] = allNames): TaskOptions {
  const values = flagsOf(names).read(given as Flags)
  for (const [name, value] of Object.entries(values)) {
    const schema = taskFlagSchemas[name as TaskFlagName]
    const [issue] = schema.safeParse(value).error?.issues ?? []
    if (issue) {
      throw new ConfigError(`--${kebabCase(name)}: ${issue.message}, got ${quote(value)}. ${schema.description ?? ''}`)
    }
  }
  const options = taskOptionsFrom(values)
  return options.data === undefined ? options : { ...options, data: expandPath(options.data) }
}
