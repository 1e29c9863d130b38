import type { Command } from 'commander'
import { grpoConfigSchema } from '../../grpo/config/config.js'
import { taskFlagSchemas } from '../../tasks/taskEntries.js'
import { schemaFlags } from '../terminal/schemaFlags.js'
import type { Flags } from '../terminal/schemaFlags.js'
import { trainConfigSchema } from '../../grpo/config/trainConfig.js'

const flags = schemaFlags(trainConfigSchema.shape)

/** Adds a flag for every option of a run: `--num-generations` for numGenerations. */
export function addTrainFlags(command: Command): void {
  flags.addTo(command, (name) => {
    if (name in grpoConfigSchema.shape) return "Options of GRPO, by TRL's names:"
    return name in taskFlagSchemas ? 'Options of the task:' : 'Options of the run:'
  })
}

/** The values of the flags that were given, as YAML would give them; whether they are right is for the schema. */
export function readTrainFlags(given: Flags): Record<string, unknown> {
  return flags.read(given)
}
