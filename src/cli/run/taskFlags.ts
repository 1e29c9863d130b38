import type { Command } from 'commander'
import type { z } from 'zod'
import { expandPath } from '../../io/expandPath.js'
import { taskFlagSchemas } from '../../tasks/taskEntries.js'
import type { TaskFlagName } from '../../tasks/taskEntries.js'
import type { TaskOptions } from '../../tasks/taskOptions.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags, SchemaFlags } from '../terminal/schemaFlags.js'
import { taskOptionsFrom } from '../../grpo/config/trainConfig.js'

const allNames = Object.keys(taskFlagSchemas) as TaskFlagName[]

function flagsOf(names: readonly TaskFlagName[]): SchemaFlags<Record<string, z.ZodOptional>> {
  return schemaFlags(
    Object.fromEntries(
      names.map((name) => [name, taskFlagSchemas[name].optional().describe(taskFlagSchemas[name].description ?? '')]),
    ),
  )
}

/** Adds a flag for every option of tasks, or for some of them: `--reasoning-format`. */
export function addTaskFlags(command: Command, names: readonly TaskFlagName[] = allNames): void {
  flagsOf(names).addTo(command, () => 'Options of the task:')
}

/** The options of a task among the flags of a verb. Throws a ConfigError that names every flag of a wrong value. */
export function readTaskFlags(verb: string, given: Flags, names: readonly TaskFlagName[] = allNames): TaskOptions {
  const options = taskOptionsFrom(flagsOf(names).parse(verb, given))
  return options.data === undefined ? options : { ...options, data: expandPath(options.data) }
}
