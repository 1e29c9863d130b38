import type { Formula } from './formula.js'
import type { Token } from './tokens.js'

/** A formula that is being read. */
export interface Reader {
  readonly tokens: Token[]
  position: number
  /** How many brackets and arguments are open. */
  depth: number
  /** Whether `|` ends what is being read, as within |x| or before the condition of a set. */
  barEnds: boolean
  /** Whether `:` ends it. */
  colonEnds: boolean
  /** Whether `[` ends it, as in the interval [0, 1[. */
  bracketEnds: boolean
  /** Whether functions are being given their argument without brackets, as in `\sin 2x \cos x`. */
  inArgument: boolean
  /** The levels of the grammar that its lower parts come back to. */
  readonly grammar: Grammar
}

export interface Grammar {
  readonly list: (reader: Reader) => Formula
  readonly relation: (reader: Reader) => Formula
  readonly sum: (reader: Reader) => Formula
  readonly term: (reader: Reader) => Formula
  readonly factor: (reader: Reader) => Formula
  /** `single`: of letters only the first. */
  readonly atom: (reader: Reader, options?: { single?: boolean }) => Formula
}

/** What is written is no formula that can be read. */
export class UnreadableFormula extends Error {}

const MAX_DEPTH = 50

export function unreadable(): never {
  throw new UnreadableFormula()
}

export function peek(reader: Reader, ahead = 0): Token | undefined {
  return reader.tokens[reader.position + ahead]
}

export function next(reader: Reader): Token {
  return reader.tokens[reader.position++] ?? unreadable()
}

export function isSign(token: Token | undefined, ...signs: readonly string[]): boolean {
  return token?.kind === 'sign' && signs.includes(token.text)
}

export function isCommand(token: Token | undefined, ...names: readonly string[]): boolean {
  return token?.kind === 'command' && names.includes(token.text)
}

export function isWord(token: Token | undefined, ...words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text.toLowerCase())
}

/** Goes past a sign if it comes next. */
export function skipSign(reader: Reader, ...signs: readonly string[]): boolean {
  const found = isSign(peek(reader), ...signs)
  if (found) reader.position++
  return found
}

export function expectSign(reader: Reader, ...signs: readonly string[]): string {
  const token = next(reader)
  return isSign(token, ...signs) ? token.text : unreadable()
}

/** Reads what stands in brackets or an argument, where the signs that end what is around it have no special meaning. */
export function nested<T>(
  reader: Reader,
  read: () => T,
  ends: Partial<Pick<Reader, 'barEnds' | 'colonEnds' | 'bracketEnds'>> = {},
): T {
  if (reader.depth >= MAX_DEPTH) unreadable()
  const { barEnds, colonEnds, bracketEnds, inArgument } = reader
  reader.depth++
  reader.barEnds = ends.barEnds ?? false
  reader.colonEnds = ends.colonEnds ?? false
  reader.bracketEnds = ends.bracketEnds ?? false
  reader.inArgument = false
  const result = read()
  reader.depth--
  reader.barEnds = barEnds
  reader.colonEnds = colonEnds
  reader.bracketEnds = bracketEnds
  reader.inArgument = inArgument
  return result
}
