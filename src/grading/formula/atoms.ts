import { add, compare, isInteger, multiply, normalForm, zero } from '../numbers/fraction.js'
import type { Fraction } from '../numbers/fraction.js'
import { scaleFactor } from '../numbers/numberWords.js'
import { readIndex, readName } from './arguments.js'
import { isBracketStart, parseBracket } from './brackets.js'
import { parseCommand } from './commands.js'
import { apply, numberOf } from './formula.js'
import type { Formula, NumberFormula } from './formula.js'
import { isCommand, isSign, isWord, next, nested, peek, skipSign, unreadable } from './reader.js'
import type { Reader } from './reader.js'
import type { Token } from './tokens.js'

type Of<Kind extends Token['kind']> = Extract<Token, { kind: Kind }>

/** Reads a number, a name, words, a command with its arguments, or what is in brackets. `single`: the shortest one, of letters only the first. */
export function parseAtom(reader: Reader, { single = false } = {}): Formula {
  const token = next(reader)
  if (token.kind === 'number')
    return single ? numberOf(token.number.value, token.number.places) : parseNumber(reader, token)
  if (token.kind === 'word') return token.isUpright ? parseWords(reader, token) : parseLetter(reader, token, single)
  if (token.kind === 'command') return parseCommand(reader, token.text)
  if (isCurrency(token)) return parseMoney(reader, token.text)
  if (isBracketStart(token)) {
    const inner = parseBracket(reader, token.text)
    // `(1011)_2`
    return inner.kind === 'number' && skipSign(reader, '_') ? basedOn(reader, normalForm(inner.value)) : inner
  }
  const isEllipsis = token.text === '.' && skipSign(reader, '.') && skipSign(reader, '.')
  return isEllipsis ? { kind: 'ellipsis' } : unreadable()
}

/** A number: in another base, mixed as `2\frac12` and `2 1/2`, or with a word such as `million`. */
function parseNumber(reader: Reader, { number, text }: Of<'number'>): Formula {
  if (skipSign(reader, '_')) return basedOn(reader, text)
  const mixed = number.places === 0 && isInteger(number.value) ? parseMixed(reader, number.value) : null
  if (mixed !== null) return scaled(reader, numberOf(mixed))
  const { value, places, groups } = number
  return scaled(reader, groups === undefined ? numberOf(value, places) : { ...numberOf(value, places), groups })
}

function basedOn(reader: Reader, digits: string): Formula {
  return {
    kind: 'based',
    digits,
    base: readName(reader)
      .toLowerCase()
      .replace(/^base|[()]/g, ''),
  }
}

/** The proper fraction behind a whole number. */
function parseMixed(reader: Reader, whole: Fraction): Fraction | null {
  const start = reader.position
  const [first, second, third] = [peek(reader), peek(reader, 1), peek(reader, 2)]
  let part: Formula | null = null
  // `18 and a half`
  const isInWords = second?.kind === 'number' && second.number.places === 0 && !isInteger(second.number.value)
  if (isWord(first, 'and') && isInWords && compare(second.number.value, numberOf(whole).value) !== 0) {
    reader.position += 2
    return add(whole, second.number.value)
  }
  if (isCommand(first, 'frac')) part = parseCommand((next(reader), reader), 'frac')
  else if (first?.kind === 'number' && first.isSpaced && isSign(second, '/') && third?.kind === 'number') {
    part = apply('divide', numberOf(first.number.value), numberOf(third.number.value))
    reader.position += 3
  }
  const value = part?.kind === 'apply' ? properFraction(part.operands) : null
  if (value === null) reader.position = start
  return value && add(whole, value)
}

function properFraction([above, below]: readonly Formula[]): Fraction | null {
  if (above?.kind !== 'number' || below?.kind !== 'number' || !isInteger(above.value) || !isInteger(below.value))
    return null
  const isProper = compare(above.value, zero) > 0 && compare(above.value, below.value) < 0
  return isProper ? { numerator: above.value.numerator, denominator: below.value.numerator } : null
}

function scaled(reader: Reader, number: NumberFormula): Formula {
  // `1/2 million` is half a million.
  if (isSign(peek(reader, -2), '/')) return number
  const isMoney = isCurrency(peek(reader, -2))
  let { value } = number
  for (let token = peek(reader); token?.kind === 'word'; token = peek(reader)) {
    const factor = scaleFactor(token.text, { isAttached: !token.isSpaced, isMoney })
    if (factor === null) break
    value = multiply(value, factor)
    reader.position++
  }
  // `18th` is 18.
  if (isWord(peek(reader), 'st', 'nd', 'rd', 'th') && !peek(reader)!.isSpaced) reader.position++
  return value === number.value ? number : numberOf(value)
}

/** Whether a sign is one of currency. */
export function isCurrency(token: Token | undefined): boolean {
  return isSign(token, '$', '€', '£', '¥', '₹', '₽', '₩', '¢')
}

/** `$5`, and the sign behind `5 €`. */
function parseMoney(reader: Reader, sign: string): Formula {
  const unit = { kind: 'unit', text: sign } as const
  if (peek(reader)?.kind !== 'number' && !isSign(peek(reader), '-', '(', '{') && !isCommand(peek(reader), 'frac'))
    return unit
  const isNegative = skipSign(reader, '-')
  const number = nested(reader, () => reader.grammar.factor(reader))
  return apply('multiply', isNegative ? apply('negate', number) : number, unit)
}

/** Words that are no number's; a single letter is a name as well. */
function parseWords(reader: Reader, first: Of<'word'>): Formula {
  const words = [first.text]
  const isOneLetter = first.text.length === 1
  for (let token = peek(reader); token?.kind === 'word' && token.isUpright && !isOneLetter; token = peek(reader)) {
    if (isWord(token, 'and', 'or')) break
    words.push(token.text)
    reader.position++
  }
  if (isOneLetter) return nameOf(reader, first.text)
  const index = readIndex(reader)
  return index === ''
    ? { kind: 'text', text: words.join(' ').toLowerCase() }
    : { kind: 'name', name: words.join(' ') + index }
}

/** The first letter of letters that are a product; the others are read after it. */
function parseLetter(reader: Reader, { text }: Of<'word'>, single: boolean): Formula {
  const letter = text[0]!
  if (text.length > 1) {
    reader.position--
    reader.tokens[reader.position] = { kind: 'word', text: text.slice(1), isUpright: false, isSpaced: false }
    // An index belongs to the last letter.
    return named(letter)
  }
  return single ? named(letter) : nameOf(reader, letter)
}

function nameOf(reader: Reader, letter: string): Formula {
  const name = letter + readIndex(reader)
  if (!/^[fgFG]/.test(name)) return named(name)
  const inverse = isSign(peek(reader), '^') && isSign(peek(reader, 1), '{') && isSign(peek(reader, 2), '-')
  const opens = peek(reader, inverse ? 5 : 0)
  if (!isSign(opens, '(') || opens!.isSpaced) return named(name)
  if (inverse) reader.position += 5
  reader.position++
  const inner = parseBracket(reader, '(')
  return {
    kind: 'call',
    name: inverse ? `${name}^{-1}` : name,
    operands: inner.kind === 'tuple' ? inner.items : [inner],
  }
}

function named(name: string): Formula {
  return name === 'e' || name === 'i' ? { kind: 'constant', name } : { kind: 'name', name }
}
