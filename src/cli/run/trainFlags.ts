import { Option } from 'commander'
import type { Command } from 'commander'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { grpoConfigSchema } from '../../grpo/config/config.js'
import { kebabCase } from '../../options/names.js'
import { trainConfigSchema } from './trainConfig.js'

/** The part of JSON Schema that the options need. */
interface ValueSchema {
  type?: string
  const?: unknown
  enum?: unknown[]
  pattern?: string
  items?: ValueSchema
  anyOf?: ValueSchema[]
}

const valueSchemas = z.toJSONSchema(trainConfigSchema, { io: 'input' }).properties as Record<string, ValueSchema>

/** Adds a flag for every option: `--num-generations` for numGenerations. */
export function addTrainFlags(command: Command): void {
  for (const [name, schema] of Object.entries(trainConfigSchema.shape)) {
    const isGrpoOption = name in grpoConfigSchema.shape
    command.optionsGroup(isGrpoOption ? "Options of GRPO, by TRL's names:" : 'Options of the run:')
    const choices = valueSchemas[name]?.enum
    const description = `${schema.description ?? ''}${choices ? ` One of ${choices.join(', ')}.` : ''}`
    const value = listSchema(name) ? '<values...>' : '<value>'
    command.addOption(new Option(`--${kebabCase(name)} ${value}`, description))
  }
  command.optionsGroup('Options:')
}

/** The values of the flags that were given, as YAML would give them; whether they are right is for the schema. */
export function readTrainFlags(flags: Readonly<Record<string, string | string[]>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(flags)
      .filter(([name]) => name in trainConfigSchema.shape)
      .map(([name, text]) => [name, typeof text === 'string' ? scalar(name, text) : list(name, text)]),
  )
}

function scalar(name: string, text: string): unknown {
  const types = new Set(alternatives(name).map(({ type }) => type))
  if (types.has('object')) return mapping(text)
  if (text === 'null' && types.has('null')) return null
  if (types.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  const isNumber = text.trim() !== '' && !Number.isNaN(Number(text))
  return isNumber && (types.has('number') || types.has('integer')) ? Number(text) : text
}

/** `--task-options '{ max_operand: 20 }'` */
function mapping(text: string): unknown {
  const document = parseDocument(text)
  // What is not YAML is left to the schema to refuse.
  return document.errors.length > 0 ? text : (document.toJS() as unknown)
}

/** `--rewards correctness format:0.2` or `--rewards correctness,format:0.2`. */
function list(name: string, texts: readonly string[]): unknown {
  const [first] = texts
  if (texts.length === 1 && alternatives(name).some((schema) => schema.const === first)) return first
  if (texts.length === 1 && first === 'null' && alternatives(name).some(({ type }) => type === 'null')) return null
  // Of a text that may be a list of names or one regular expression, anything but names makes it the latter.
  const takesText = alternatives(name).some(({ type, const: only }) => type === 'string' && only === undefined)
  if (texts.length === 1 && takesText && !/^[\w.,]+$/.test(first ?? '')) return first
  const items = listSchema(name)?.items ?? {}
  // A comma separates values unless any text is one: a stop string may well hold a comma.
  const isFreeText = items.type === 'string' && items.enum === undefined && items.pattern === undefined
  const values = isFreeText ? texts : texts.flatMap((text) => text.split(','))
  return items.type === 'number' || items.type === 'integer'
    ? values.map((text) => (text.trim() === '' ? text : Number(text)))
    : values
}

function alternatives(name: string): readonly ValueSchema[] {
  const flat = (schema: ValueSchema): ValueSchema[] => schema.anyOf?.flatMap(flat) ?? [schema]
  return flat(valueSchemas[name] ?? {})
}

function listSchema(name: string): ValueSchema | undefined {
  return alternatives(name).find(({ type }) => type === 'array')
}
