import { z } from 'zod'

/** The part of JSON Schema that options need. */
export interface ValueSchema {
  type?: string
  const?: unknown
  enum?: unknown[]
  pattern?: string
  items?: ValueSchema
  anyOf?: ValueSchema[]
  default?: unknown
}

/** An option as help texts, flags and documents show it. */
export interface OptionDescription {
  /** camelCase */
  readonly name: string
  /** Meaning, unit and default. */
  readonly description: string
  /** What a value may be: one of these. */
  readonly alternatives: readonly ValueSchema[]
  /** The values that it may have, if they are a list of names. */
  readonly choices: readonly string[] | null
  /** What it is when it is not given; undefined where it has none. */
  readonly defaultValue: unknown
}

/** An option in a sentence or two, with the values that it may have. */
export function helpText({ description, choices }: Pick<OptionDescription, 'description' | 'choices'>): string {
  return choices === null ? description : `${description} One of ${choices.join(', ')}.`
}

/** The options of a schema, in its order. */
export function describeOptions(shape: Readonly<Record<string, z.ZodType>>): OptionDescription[] {
  const json = z.toJSONSchema(z.object(shape), { io: 'input' })
  const values = json.properties as Record<string, ValueSchema>
  const flat = (schema: ValueSchema): ValueSchema[] => schema.anyOf?.flatMap(flat) ?? [schema]
  return Object.entries(shape).map(([name, schema]) => {
    const alternatives = flat(values[name] ?? {})
    const choices = alternatives.find((alternative) => alternative.enum)?.enum?.map(String) ?? null
    const required = json.required?.includes(name) === true ? ' Required.' : ''
    return {
      name,
      description: `${schema.description ?? ''}${required}`,
      alternatives,
      choices,
      defaultValue: values[name]?.default,
    }
  })
}
