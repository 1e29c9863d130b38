import { isJsonObject } from '../../io/json.js'
import { HttpError } from '../http/httpError.js'

/** Whether a value is one of a field, and what is expected there. */
export interface FieldType<T> {
  readonly expected: string
  readonly is: (value: unknown) => value is T
}

export const textField: FieldType<string> = {
  expected: 'a text',
  is: (value) => typeof value === 'string',
}

export const finishReasonField: FieldType<'stop' | 'length'> = {
  expected: "'stop' or 'length'",
  is: (value) => value === 'stop' || value === 'length',
}

const tokenField: FieldType<number> = {
  expected: 'the id of a token, a whole number from 0',
  is: (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0,
}

/** A request as its fields. Throws an HttpError 400 for what is no object, and for a field that is not among `known`. */
export function fieldsOf(body: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (!isJsonObject(body)) throw new HttpError(400, `the body is ${kindOf(body)}; expected an object`)
  const unknown = Object.keys(body).find((name) => !known.includes(name))
  if (unknown === undefined) return body
  // It may be anything, as long as one likes.
  const named = /^\w{1,40}$/.test(unknown) ? ` '${unknown}'` : ''
  throw new HttpError(400, `the body has an unknown field${named}; expected ${known.join(', ')}`)
}

/** The list in a field; undefined where it is not there, or null. Throws an HttpError 400 that names the first place that is wrong. */
export function listField<T>(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  type: FieldType<T>,
): readonly T[] | undefined {
  const list = fields[name] ?? undefined
  return list === undefined ? undefined : checkList(list, name, type)
}

/** As {@link listField}, of lists of tokens. */
export function tokensField(
  fields: Readonly<Record<string, unknown>>,
  name: string,
): readonly (readonly number[])[] | undefined {
  const lists = listField(fields, name, {
    expected: 'a list of tokens',
    is: (value): value is unknown[] => Array.isArray(value),
  })
  return lists?.map((list, i) => checkList(list, `${name}[${i}]`, tokenField))
}

/** Throws an HttpError 400 for fields that are there with other lengths than the first. */
export function checkLengths(fields: Readonly<Record<string, readonly unknown[] | undefined>>): void {
  const [[name, first], ...others] = Object.entries(fields) as [[string, readonly unknown[]], ...[string, unknown[]?][]]
  for (const [other, list] of others) {
    if (list === undefined || list.length === first.length) continue
    throw new HttpError(400, `${other} has ${list.length} values and ${name} ${first.length}; expected as many`)
  }
}

function checkList<T>(list: unknown, name: string, { is, expected }: FieldType<T>): readonly T[] {
  if (!Array.isArray(list)) throw new HttpError(400, `${name} is ${kindOf(list)}; expected a list`)
  const wrong = list.findIndex((value) => !is(value))
  if (wrong < 0) return list as T[]
  throw new HttpError(400, `${name}[${wrong}] is ${kindOf(list[wrong])}; expected ${expected}`)
}

/** What a value is, without its contents. */
function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return 'a text'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'number' ? 'a number' : 'true or false'
}
