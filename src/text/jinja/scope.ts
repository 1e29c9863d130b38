import type { Meter } from './limits.js'
import { Undefined } from './values.js'
import type { Value } from './values.js'

/** Names and what they stand for, in a template or a part of it: a loop's body, a macro. */
export class Scope {
  readonly #variables = new Map<string, Value>()

  constructor(
    readonly meter: Meter,
    private readonly parent: Scope | null = null,
    /** How many loops are around it. */
    readonly loops = 0,
  ) {}

  get(name: string): Value {
    const value = this.#variables.get(name)
    if (value !== undefined) return value
    return this.parent === null ? new Undefined(`'${name}' is undefined`) : this.parent.get(name)
  }

  set(name: string, value: Value): void {
    this.#variables.set(name, value)
  }

  /** A scope inside this one: what is set in it is not seen outside. */
  inner(loops = this.loops): Scope {
    return new Scope(this.meter, this, loops)
  }
}
