import type { z } from 'zod'
import { FileFormatError } from '../errors.js'
import { isJsonObject, quote } from './json.js'

/**
 * Checks the fields of a JSON object that was read from `file` against a schema and returns them. Throws a
 * FileFormatError that names the fields that are missing or have another value than expected.
 */
export function parseJsonFields<T>(schema: z.ZodType<T>, json: unknown, file: string): T {
  if (!isJsonObject(json)) throw new FileFormatError(file, `expected a JSON object, got ${quote(json)}`)
  // reportInput gives the value that was found, which every message shows.
  const result = schema.safeParse(json, { reportInput: true })
  if (result.success) return result.data
  throw new FileFormatError(file, listProblems(result.error.issues.map(describeIssue)))
}

/** The first five problems and how many more there are. */
export function listProblems(problems: readonly string[]): string {
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : ''
  return problems.slice(0, 5).join('; ') + more
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const field = issue.path.join('.')
  if (issue.input === undefined) return `${field} is missing`
  return `${field} must be ${expectation(issue)}, got ${quote(issue.input)}`
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `of type ${issue.expected}`
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`
    default:
      // Unions and choices in our schemas carry their expectation as the message.
      return issue.message
  }
}
