/** The values of a template, with the types of Python: a whole number is a number, any other a {@link Float}. */
export type Value =
  string | number | boolean | null | Float | Undefined | readonly Value[] | Tuple | Dict | Namespace | Callable | Loop

/** A dictionary; whole numbers and texts are its keys. */
export type Dict = ReadonlyMap<Value, Value>

/** A floating-point number, which prints as `1.0` where a whole number prints as `1`. */
export class Float {
  constructor(readonly value: number) {}
}

/** What a name stands for that nobody defined. It prints as nothing, and is an error in almost everything else. */
export class Undefined {
  constructor(
    /** What is said of it in an error. */
    readonly reason: string,
  ) {}
}

/** Prints with parentheses, and else is like a list. */
export class Tuple {
  constructor(readonly items: readonly Value[]) {}
}

/** What `namespace()` makes: the only value that a template can change. */
export class Namespace {
  readonly attributes = new Map<string, Value>()
}

/** A function, macro or method. */
export class Callable {
  constructor(readonly call: (args: readonly Value[], named: ReadonlyMap<string, Value>) => Value) {}
}

/** `loop` inside a `for`. */
export class Loop {
  /** The arguments of the last `loop.changed()`. */
  last: readonly Value[] | null = null
  constructor(
    readonly items: readonly Value[],
    readonly depth: number,
    public index0 = 0,
  ) {}
}

/** An error of a template or of what it was given, with the words of Python. */
export class TemplateError extends Error {
  override name = 'TemplateError'
}

/** The items of a list or tuple; null for anything else. */
export function listItems(value: Value): readonly Value[] | null {
  if (value instanceof Tuple) return value.items
  return Array.isArray(value) ? (value as readonly Value[]) : null
}

/** What a value gives when it is iterated: of a text its characters, of a dictionary its keys. Throws for what has no items. */
export function itemsOf(value: Value): readonly Value[] {
  const items = listItems(value)
  if (items !== null) return items
  if (typeof value === 'string') return Array.from(value)
  if (value instanceof Map) return [...(value as Dict).keys()]
  if (value instanceof Undefined) return []
  throw new TemplateError(`'${typeName(value)}' object is not iterable`)
}

export function isTrue(value: Value): boolean {
  if (value instanceof Float) return value.value !== 0
  if (value instanceof Undefined) return false
  if (value instanceof Map) return value.size > 0
  const items = listItems(value)
  return items === null ? Boolean(value) : items.length > 0
}

/** A number or truth value as a number; null for anything else. */
export function asNumber(value: Value): number | null {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return Number(value)
  return value instanceof Float ? value.value : null
}

/** The result of a calculation with whole numbers. Python's have no limit; these have that of exactness. */
export function whole(value: number): number {
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value
  throw new TemplateError(`the whole number ${value} is too large`)
}

export function typeName(value: Value): string {
  if (typeof value === 'string') return 'str'
  if (typeof value === 'number') return 'int'
  if (typeof value === 'boolean') return 'bool'
  if (value === null) return 'NoneType'
  if (value instanceof Float) return 'float'
  if (value instanceof Undefined) return 'Undefined'
  if (value instanceof Tuple) return 'tuple'
  if (value instanceof Map) return 'dict'
  if (value instanceof Namespace) return 'Namespace'
  if (value instanceof Loop) return 'LoopContext'
  return value instanceof Callable ? 'function' : 'list'
}

/** Throws what Python throws for the use of something undefined. */
export function refuseUndefined(...values: readonly Value[]): void {
  for (const value of values) if (value instanceof Undefined) throw new TemplateError(value.reason)
}

/** A value that JavaScript gives to a template. Functions take and give such values too. */
function toValue(value: unknown, charge: (steps: number) => void): Value {
  charge(1)
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : new Float(value)
  if (typeof value === 'bigint') return whole(Number(value))
  if (value === undefined || value === null) return null
  if (Array.isArray(value)) return value.map((item: unknown) => toValue(item, charge))
  if (typeof value === 'function') {
    const given = value as (...args: unknown[]) => unknown
    return new Callable((args) => toValue(given(...args.map(fromValue)), charge))
  }
  if (typeof value !== 'object') throw new TemplateError(`a ${typeof value} cannot be given to a template`)
  return toDict(value, charge)
}

/** An object as a dictionary, without what is undefined. */
export function toDict(object: object, charge: (steps: number) => void): Map<string, Value> {
  const dict = new Map<string, Value>()
  for (const [key, entry] of Object.entries(object)) if (entry !== undefined) dict.set(key, toValue(entry, charge))
  return dict
}

/** A value for a function of JavaScript. */
function fromValue(value: Value): unknown {
  if (value instanceof Float) return value.value
  const items = listItems(value)
  if (items !== null) return items.map(fromValue)
  if (value instanceof Undefined) return undefined
  if (!(value instanceof Map)) return value
  const entries = [...(value as Dict)].filter((entry): entry is [string, Value] => typeof entry[0] === 'string')
  return Object.fromEntries(entries.map(([key, entry]) => [key, fromValue(entry)]))
}
