import { multiply } from '../numbers/fraction.js'
import { isScaleWord, scaleFactor } from '../numbers/numberWords.js'
import { parseArgument } from './arguments.js'
import { isCurrency, parseAtom } from './atoms.js'
import { apply, numberOf } from './formula.js'
import type { Formula } from './formula.js'
import { isCommand, isSign, isWord, nested, next, peek, skipSign } from './reader.js'
import type { Reader } from './reader.js'
import type { Token } from './tokens.js'
import { isUnitHere, parseUnit } from './unitWords.js'

/** Signs and commands that stand between the sides of an equation or an inequality. */
export const relations = new Set([
  '=',
  '<',
  '>',
  'le',
  'ge',
  'ne',
  'in',
  'approx',
  'equiv',
  'subset',
  'subseteq',
  'notin',
  'sim',
  'cong',
])

/** Reads a product: factors, quotients, units, and what is written beside each other. */
export function parseTerm(reader: Reader): Formula {
  let left = parseSigned(reader)
  for (let longer = parseLonger(reader, left); longer !== null; longer = parseLonger(reader, left)) left = longer
  return left
}

/** The product of what was read and what comes next; null if the product ends. */
function parseLonger(reader: Reader, left: Formula): Formula | null {
  const token = peek(reader)
  if (token === undefined || (reader.inArgument && isFunctionLike(token))) return null
  if (left.kind === 'text') return parseNumberedWords(reader, left.text)
  if (isSign(token, '*') || isTimes(reader)) {
    if (reader.inArgument) return null
    reader.position++
    return apply('multiply', left, parseSigned(reader))
  }
  if (isSign(token, '/')) return parseQuotient(reader, left)
  const quotient = scaledQuotient(left, token)
  if (quotient !== null || isWord(token, 'choose') || isCommand(token, 'choose', 'pmod', 'bmod', 'mod')) {
    reader.position++
    if (quotient !== null) return quotient
    if (token.text === 'choose') return apply('binomial', left, parseFactor(reader))
    return { kind: 'call', name: 'mod', operands: [left, parseArgument(reader)] }
  }
  if (isUnitHere(reader, left)) return apply('multiply', left, withPower(reader, parseUnit(reader)))
  return isFactorStart(reader, token) ? apply('multiply', left, parseFactor(reader)) : null
}

/** `October 30` is no product. */
function parseNumberedWords(reader: Reader, words: string): Formula | null {
  const token = peek(reader)
  if (token?.kind !== 'number') return null
  reader.position++
  return { kind: 'text', text: `${words} ${token.text}` }
}

function parseQuotient(reader: Reader, left: Formula): Formula | null {
  if (reader.inArgument && peek(reader, 1)?.kind !== 'number') return null
  reader.position++
  return apply('divide', left, isUnitHere(reader, left) ? withPower(reader, parseUnit(reader)) : parseSigned(reader))
}

/** Whether `(or 3/4)` comes next. */
export function isAlternative(reader: Reader): boolean {
  return isSign(peek(reader), '(') && isWord(peek(reader, 1), 'or')
}

function isBracketStart(reader: Reader, token: Token): boolean {
  if (token.text === '[') return !reader.bracketEnds
  return isSign(token, '(', '{', '\\{') && !isAlternative(reader)
}

/** `3/4 million` is a number; null for anything else. */
function scaledQuotient(left: Formula, token: Token | undefined): Formula | null {
  if (left.kind !== 'apply' || left.operator !== 'divide' || token?.kind !== 'word' || !isScaleWord(token.text))
    return null
  const [above, below] = left.operands
  const factor = scaleFactor(token.text, { isAttached: false, isMoney: false })
  if (above?.kind !== 'number' || below?.kind !== 'number' || factor === null) return null
  return apply('divide', numberOf(multiply(above.value, factor)), below)
}

function isFunctionLike(token: Token | undefined): boolean {
  return token?.kind === 'command' && /^(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?$|^l[ng]$|^log$|^cis$/.test(token.text)
}

/** The x of `3 x 4` is a sign, as no number follows a variable. */
function isTimes(reader: Reader): boolean {
  return isWord(peek(reader), 'x') && peek(reader, -1)?.kind === 'number' && peek(reader, 1)?.kind === 'number'
}

/** A factor that may have a sign, as behind `*`. */
function parseSigned(reader: Reader): Formula {
  if (skipSign(reader, '-'))
    return apply(
      'negate',
      nested(reader, () => parseSigned(reader), reader),
    )
  if (skipSign(reader, '+')) return nested(reader, () => parseSigned(reader), reader)
  return parseFactor(reader)
}

function isFactorStart(reader: Reader, token: Token): boolean {
  switch (token.kind) {
    // Two numbers beside each other are no product.
    case 'number': {
      const previous = peek(reader, -1)
      return previous?.kind !== 'number' && !(previous?.kind === 'word' && previous.isUpright)
    }
    case 'word':
      return !isWord(token, 'and', 'or', 'to', 'choose')
    case 'command':
      return !relations.has(token.text) && !nonFactors.has(token.text)
    case 'sign':
      return token.text === '|' ? !reader.barEnds : isBracketStart(reader, token) || isCurrency(token)
  }
}

const nonFactors = new Set(
  'pm mp cup cap setminus to choose pmod bmod mod wedge vee land lor rfloor rceil end circ ldots prime not cdotp over atop'.split(
    ' ',
  ),
)

/** Reads a factor with what stands behind it. */
export function parseFactor(reader: Reader): Formula {
  return withPower(reader, parseAtom(reader))
}

/** What stands behind a factor: `!`, degrees, `%`, and its power. */
function withPower(reader: Reader, atom: Formula): Formula {
  let base = atom
  for (;;) {
    const token = peek(reader)
    if (isSign(token, '!')) {
      reader.position++
      base = apply(skipSign(reader, '!') ? 'doubleFactorial' : 'factorial', base)
    } else if (isCommand(token, 'circ')) {
      reader.position++
      base = apply('degree', base)
    } else if (isSign(token, '%')) {
      reader.position++
      base = apply('percent', base)
    } else if (isSign(token, '^')) {
      reader.position++
      base = raised(reader, base)
    } else return base
  }
}

function raised(reader: Reader, base: Formula): Formula {
  if (isCommand(peek(reader), 'circ')) {
    reader.position++
    return apply('degree', base)
  }
  if (!isSign(peek(reader), '{')) return apply('power', base, exponentOf(reader))
  const inner = peek(reader, 1)
  if (isSign(peek(reader, 2), '}')) {
    const skipped = isCommand(inner, 'circ')
      ? apply('degree', base)
      : isWord(inner, 'st', 'nd', 'rd', 'th')
        ? base
        : null
    if (skipped !== null) {
      reader.position += 3
      return skipped
    }
  }
  return apply('power', base, parseAtom(reader))
}

/** An exponent without braces; of a power tower the upper ones belong to it. */
function exponentOf(reader: Reader): Formula {
  return nested(reader, () => {
    if (skipSign(reader, '-')) return apply('negate', exponentOf(reader))
    const atom = parseAtom(reader, { single: true })
    return isSign(peek(reader), '^') ? raised((next(reader), reader), atom) : atom
  })
}
