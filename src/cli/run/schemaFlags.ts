import { Option } from 'commander'
import type { Command } from 'commander'
import { parseYaml } from '../../io/yaml.js'
import type { z } from 'zod'
import { describeOptions } from '../../options/describe.js'
import type { ValueSchema } from '../../options/describe.js'
import { kebabCase } from '../../options/names.js'

/** What commander makes of flags: one text, true for one without it, or several texts of one that takes several. */
export type Flags = Readonly<Record<string, string | true | readonly string[]>>

/** Options as flags. */
export interface SchemaFlags {
  /** Adds a flag for every option, below the heading that `groupOf` gives it: `--num-generations` for numGenerations. */
  addTo(command: Command, groupOf: (name: string) => string): void
  /** The values of the flags that were given, as YAML would give them; whether they are right is for the schema. */
  read(flags: Flags): Record<string, unknown>
}

/** Flags with the descriptions and the choices that the schemas of options have. */
export function schemaFlags(shape: Readonly<Record<string, z.ZodType>>): SchemaFlags {
  const options = new Map(describeOptions(shape).map((described) => [described.name, described]))
  return {
    addTo(command, groupOf) {
      for (const { name, description, alternatives, choices } of options.values()) {
        command.optionsGroup(groupOf(name))
        const help = `${description}${choices ? ` One of ${choices.join(', ')}.` : ''}`
        command.addOption(new Option(`--${kebabCase(name)} ${valueOf(alternatives)}`, help))
      }
      command.optionsGroup('Options:')
    },
    read: (flags) =>
      Object.fromEntries(
        Object.entries(flags)
          .filter(([name]) => options.has(name))
          .map(([name, text]) => {
            const { alternatives } = options.get(name)!
            if (text === true) return [name, true]
            return [name, typeof text === 'string' ? scalar(text, alternatives) : list(text, alternatives)]
          }),
      ),
  }
}

/** What stands behind a flag. That of a boolean may stand alone, which is true, as in TRL's command line. */
function valueOf(alternatives: readonly ValueSchema[]): string {
  const types = alternatives.map(({ type }) => type)
  if (types.includes('array')) return '<values...>'
  return types.every((type) => type === 'boolean' || type === 'null') ? '[value]' : '<value>'
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
