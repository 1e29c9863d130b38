import type { z } from 'zod'
import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'
import { kebabCase, optionsByName } from './names.js'

/** An option with its default; the description, completed by the default, is the option's help text. */
export function option<T extends z.ZodType>(
  schema: T,
  defaultValue: z.util.NoUndefined<z.output<T>>,
  description: string,
): z.ZodDefault<T> {
  return schema.default(defaultValue).describe(`${description} Defaults to ${JSON.stringify(defaultValue)}.`)
}

/** Options that are left open where they are not given, since something else then says what they are. */
type LeftOpen<Shape> = {
  [Name in keyof Shape]: z.ZodOptional<
    Shape[Name] extends z.ZodDefault<infer Inner extends z.ZodType> | z.ZodOptional<infer Inner extends z.ZodType>
      ? Inner
      : z.ZodType
  >
}

/** The same options without their defaults, which count only where `first`, as in `the run's`, says nothing. */
export function leftOpen<Shape extends Readonly<Record<string, z.ZodDefault | z.ZodOptional>>>(
  shape: Shape,
  first: string,
): LeftOpen<Shape> {
  return Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [
      name,
      (schema.unwrap() as z.ZodType)
        .optional()
        .describe((schema.description ?? '').replace(' Defaults to ', ` Defaults to ${first}, else `)),
    ]),
  ) as LeftOpen<Shape>
}

/** How {@link parseOptions} takes options. */
export interface ParseSettings {
  /** Values of flags, by their camelCase names; they take the place of those of the input. Defaults to none. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** An option's name for messages. Defaults to the flag's (`--num-generations`) where that was given, else the camelCase one. */
  readonly nameOf?: (name: string) => string
}

/**
 * Checks options given by their camelCase or snake_case names and fills in the defaults.
 * @throws ConfigError that names every option that is unknown, given twice, missing, of a wrong type or out of range
 */
export function parseOptions<Shape extends z.core.$ZodShape>(
  what: string, // whose options they are: `train`
  schema: z.ZodObject<Shape>,
  input: object,
  { flags = {}, nameOf = (name) => (name in flags ? `--${kebabCase(name)}` : name) }: ParseSettings = {},
): z.output<z.ZodObject<Shape>> {
  const problems: string[] = []
  const named = optionsByName({ ...input }, Object.keys(schema.shape), problems)
  const checked = problemsOf(schema, { ...named, ...flags }, nameOf)
  problems.push(...checked.problems)
  if (problems.length > 0 || !checked.value) throw new ConfigError(`options of ${what}:\n  ${problems.join('\n  ')}`)
  return checked.value
}

/** What is wrong with options by their camelCase names, one sentence each; their values with the defaults when nothing is. */
export function problemsOf<Shape extends z.core.$ZodShape>(
  schema: z.ZodObject<Shape>,
  given: Readonly<Record<string, unknown>>,
  nameOf: (name: string) => string = (name) => name,
): { problems: string[]; value: z.output<z.ZodObject<Shape>> | undefined } {
  const result = schema.safeParse(given, { error: expectation })
  const problems = (result.error?.issues ?? []).map(({ path, message }) => {
    const [first, ...rest] = path.map(String)
    const help = (schema.shape[first!] as z.ZodType).description ?? ''
    const value = path.reduce((holder: unknown, key) => (holder as Record<PropertyKey, unknown>)[key], given)
    const name = [nameOf(first!), ...rest].join('.')
    return `${name}${value === undefined ? ' is missing' : `: ${message}, got ${quote(value)}`}. ${help}`.trim()
  })
  return { problems, value: result.data }
}

/** What a value was expected to be, in words, in place of zod's messages; a schema's own message comes before it. */
export function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `expected ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`
    case 'too_small':
      return `expected ${limit(issue.origin, issue.inclusive === false ? 'above' : 'at least', issue.minimum)}`
    case 'too_big':
      return `expected ${limit(issue.origin, issue.inclusive === false ? 'below' : 'at most', issue.maximum)}`
    case 'invalid_union': {
      const messages = issue.errors.map(([first]) => (first?.message ?? '').replace(/^expected /, ''))
      return `expected ${[...new Set(messages)].join(', or ')}`
    }
    case 'unrecognized_keys':
      return `there is no ${issue.keys.join(', ')} in it`
    case 'invalid_format':
      return `expected a text such as ${issue.pattern ?? issue.format}`
    default:
      return issue.message ?? 'expected another value'
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'values by their names, as { name: value }',
  record: 'values by their names, as { name: value }',
  null: 'null',
}

/** `a number above 0`, `a text that is not empty`, `a list of at least 2` */
function limit(origin: string, words: string, bound: number | bigint): string {
  const bounds = `${words} ${bound}`
  if (origin === 'string') return bound === 1 ? 'a text that is not empty' : `a text of ${bounds} characters`
  if (origin === 'array') return `a list of ${bounds}`
  return words.startsWith('at') ? `a number of ${bounds}` : `a number ${bounds}`
}
