import { grpoOptions } from '../grpo/config/config.js'
import type { GRPOOptions } from '../grpo/config/options.js'
import { table } from './table.js'

/** Shows options of GRPO with their names in TRL, their values and defaults, and what they mean. */
export function options(config: GRPOOptions): void {
  const given = config as Readonly<Record<string, unknown>>
  table(
    grpoOptions()
      .filter(({ name }) => given[name] !== undefined)
      .map(({ name, trlName, description, defaultValue }) => ({
        option: name,
        'in TRL': trlName,
        value: textOf(given[name]),
        default: textOf(defaultValue),
        meaning: description.replace(/ Defaults to .*$/, ''),
      })),
    { limit: 100 },
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
