import { ConfigError } from '../errors.js'
import type { TrainOptions } from '../grpo/config/trainConfig.js'
import { trainConfigSchema } from '../grpo/config/trainConfig.js'
import { snakeCase } from '../options/names.js'
import type { ExportPlan, MappedOption } from './exportPlan.js'

/** What becomes of an option in an engine: settings by the engine's own names, or why there are none. */
export type OptionOutcome =
  | { readonly outcome: 'carried'; readonly settings: Settings }
  | { readonly outcome: 'changed'; readonly settings: Settings; readonly reason: string }
  | { readonly outcome: 'left out'; readonly reason: string }
  | { readonly outcome: 'refused'; readonly reason: string }

/** By the engine's names; a value that is undefined is not written. */
export type Settings = Readonly<Record<string, unknown>>

/** What becomes of every option of a run in an engine: a new option does not compile before each engine says so. */
export type OptionMappings = {
  readonly [Name in keyof TrainOptions]: (value: TrainOptions[Name], plan: ExportPlan) => OptionOutcome
}

/** The engine has the same. */
export function carried(settings: Settings): OptionOutcome {
  return { outcome: 'carried', settings }
}

/** The engine has something like it. */
export function changed(settings: Settings, reason: string): OptionOutcome {
  return { outcome: 'changed', settings, reason }
}

/** The engine has none, and the training is the same without it. */
export function leftOut(reason: string): OptionOutcome {
  return { outcome: 'left out', reason }
}

/** The engine cannot do it; says why and what to do. */
export function refused(reason: string): OptionOutcome {
  return { outcome: 'refused', reason }
}

/** A refusal of rewards whose names an engine's records of completions use for something else, which would be lost; null for none. */
export function ofNames(
  rewards: ExportPlan['rewards'],
  taken: readonly string[],
  engine: string,
): OptionOutcome | null {
  const names = rewards.map(({ name }) => name).filter((name) => taken.includes(name))
  return names.length === 0
    ? null
    : refused(
        `${engine} keeps something else by the name ${names.join(', ')} in its records of completions; give a reward of your own another ` +
          'name (option as)',
      )
}

/**
 * Maps every option of a run. Throws a ConfigError that names all that the engine cannot do, with what to do about each.
 * @returns the engine's settings, in the order of our options, and what the README says of each
 */
export function mapOptions(
  engine: string,
  mappings: OptionMappings,
  plan: ExportPlan,
): { settings: Record<string, unknown>; options: MappedOption[] } {
  const names = Object.keys(trainConfigSchema.shape) as (keyof TrainOptions)[]
  const outcomes = names.map((name) => ({ name, ...outcomeOf(mappings, name, plan) }))
  const refusals = outcomes.flatMap((each) =>
    each.outcome === 'refused' ? [`  ${snakeCase(each.name)}: ${each.reason}`] : [],
  )
  if (refusals.length > 0) {
    throw new ConfigError(`this run cannot be exported to ${engine}, nothing was written:\n${refusals.join('\n')}`)
  }
  const settings = Object.assign({}, ...outcomes.map(settingsOf)) as Record<string, unknown>
  const options = outcomes.map((each): MappedOption => {
    const { name, outcome } = each
    const there = Object.entries('settings' in each ? each.settings : {}).map(
      ([key, value]) => `${key}: ${value === undefined ? 'as it is by default' : JSON.stringify(value)}`,
    )
    return {
      option: snakeCase(name),
      value: plan.config.run[name],
      outcome: outcome === 'refused' ? 'left out' : outcome,
      there: there.join(', '),
      reason: 'reason' in each ? each.reason : '',
    }
  })
  return { settings, options }
}

function outcomeOf<Name extends keyof TrainOptions>(
  mappings: OptionMappings,
  name: Name,
  plan: ExportPlan,
): OptionOutcome {
  return mappings[name](plan.config.run[name], plan)
}

function settingsOf(outcome: OptionOutcome): Record<string, unknown> {
  if (!('settings' in outcome)) return {}
  return Object.fromEntries(Object.entries(outcome.settings).filter(([, value]) => value !== undefined))
}
