import type { GRPOConfig } from './config.js'
import type { GRPOOptions } from './options.js'

/** Takes the place of the type of an option whose value is refused: the message stands in the compiler's error. */
export interface Illegal<Message extends string> {
  /** What is the matter, and what to do about it. */
  readonly illegal: Message
}

/** The value of an option, or its default when it is not among the options; unknown at compile time when it may be several. */
type Value<Options, Name extends keyof GRPOConfig, Default> =
  Options extends Readonly<Record<Name, infer Given>>
    ? Given
    : Options extends Readonly<Partial<Record<Name, unknown>>>
      ? Name extends keyof Options
        ? unknown
        : Default
      : Default

/** True where a type is exactly one of some values, not a union that only may be. */
type Is<Given, Wanted> = [unknown] extends [Given] ? false : [Given] extends [Wanted] ? true : false

/**
 * What is wrong with options that are known when the program is compiled; `unknown` when nothing is. Only what would be refused
 * when it runs; what is only known then is checked then (rules.ts).
 */
export type LegalOptions<Options extends GRPOOptions> =
  Is<Value<Options, 'numGenerations', 8>, 0 | 1> extends true
    ? { numGenerations: Illegal<'a group takes at least 2 completions'> }
    : unknown
