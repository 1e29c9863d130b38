import { Option } from 'commander'
import type { Command } from 'commander'
import { z } from 'zod'
import { parseYaml } from '../../io/yaml.js'
import { describeOptions, helpText } from '../../options/describe.js'
import type { OptionDescription, ValueSchema } from '../../options/describe.js'
import { kebabCase } from '../../options/names.js'
import { parseOptions } from '../../options/schema.js'

/** What commander makes of flags: one text, a boolean for one without it, or several texts of one that takes several. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[]>>

/** Options as flags. */
export interface SchemaFlags<Shape extends Readonly<Record<string, z.ZodType>>> {
  /** Adds a flag for every option, below the heading that `groupOf` gives it: `--num-generations` for numGenerations. */
  addTo(command: Command, groupOf?: (name: string) => string): void
  /** The values of the flags that were given, as YAML would give them; whether they are right is for the schema. */
  read(flags: Flags): Record<string, unknown>
  /** The options, with their defaults. Throws a ConfigError that names every flag of `verb` that is missing or wrong. */
  parse(verb: string, flags: Flags): z.output<z.ZodObject<Shape>>
}

/** Flags with the descriptions and the choices that the schemas of options have. */
export function schemaFlags<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): SchemaFlags<Shape> {
  const options = new Map(describeOptions(shape).map((described) => [described.name, described]))
  const read = (flags: Flags): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(flags)
        .filter(([name]) => options.has(name))
        .map(([name, given]) => [name, valueOf(given, options.get(name)!.alternatives)]),
    )
  return {
    addTo(command, groupOf) {
      for (const described of options.values()) {
        if (groupOf) command.optionsGroup(groupOf(described.name))
        for (const flag of flagsOf(described)) command.addOption(flag)
      }
      if (groupOf) command.optionsGroup('Options:')
    },
    read,
    parse: (verb, flags) =>
      parseOptions(verb, z.object(shape), {}, { flags: read(flags), nameOf: (name) => `--${kebabCase(name)}` }),
  }
}

/** The flag of an option; with a boolean that is true by default, as transformers has it, the one that sets it to false. */
function flagsOf(described: OptionDescription): Option[] {
  const { name, alternatives, defaultValue } = described
  const flag = `--${kebabCase(name)} ${placeholder(alternatives)}`
  const negated = defaultValue === true ? [new Option(`--no-${kebabCase(name)}`).hideHelp()] : []
  return [new Option(flag, helpText(described)), ...negated]
}

/** What stands behind a flag. That of a boolean may stand alone, which is true, as in TRL's command line. */
function placeholder(alternatives: readonly ValueSchema[]): string {
  const types = alternatives.map(({ type }) => type)
  if (types.includes('array')) return '<values...>'
  return types.every((type) => type === 'boolean' || type === 'null') ? '[value]' : '<value>'
}

function valueOf(given: Flags[string], alternatives: readonly ValueSchema[]): unknown {
  if (typeof given === 'boolean') return given
  return typeof given === 'string' ? scalar(given, alternatives) : list(given, alternatives)
}

function scalar(text: string, alternatives: readonly ValueSchema[]): unknown {
  const types = new Set(alternatives.map(({ type }) => type))
  if (types.has('object')) return mapping(text)
  if (text === 'null' && types.has('null')) return null
  if (types.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  const isNumber = text.trim() !== '' && !Number.isNaN(Number(text))
  return isNumber && (types.has('number') || types.has('integer')) ? Number(text) : text
}

/** `--rewards correctness format:0.2` or `--rewards correctness,format:0.2`. */
function list(texts: readonly string[], alternatives: readonly ValueSchema[]): unknown {
  const [first] = texts
  if (texts.length === 1 && alternatives.some((schema) => schema.const === first)) return first
  if (texts.length === 1 && first === 'null' && alternatives.some(({ type }) => type === 'null')) return null
  // Of a text that may be a list of names or one regular expression, anything but names makes it the latter.
  const takesText = alternatives.some(({ type, const: only }) => type === 'string' && only === undefined)
  if (texts.length === 1 && takesText && !/^[\w.,]+$/.test(first ?? '')) return first
  const items = alternatives.find(({ type }) => type === 'array')?.items ?? {}
  // A comma separates values unless any text is one: a stop string may well hold a comma.
  const isFreeText = items.type === 'string' && items.enum === undefined && items.pattern === undefined
  const values = isFreeText ? texts : texts.flatMap((text) => text.split(','))
  return items.type === 'number' || items.type === 'integer'
    ? values.map((text) => (text.trim() === '' ? text : Number(text)))
    : values
}

/** `--task-options '{ max_operand: 20 }'` */
function mapping(text: string): unknown {
  try {
    return parseYaml(text)
  } catch {
    // What is not YAML is left to the schema to refuse.
    return text
  }
}
