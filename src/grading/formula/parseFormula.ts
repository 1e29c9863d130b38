import { isCurrency, parseAtom } from './atoms.js'
import { parseArgument } from './arguments.js'
import { apply } from './formula.js'
import type { Formula } from './formula.js'
import {
  expectSign,
  next,
  nested,
  isCommand,
  isSign,
  isWord,
  peek,
  skipSign,
  unreadable,
  UnreadableFormula,
} from './reader.js'
import type { Reader } from './reader.js'
import { tokenize } from './tokens.js'
import type { Token, TokenizeOptions } from './tokens.js'
import { isUnitHere, parseUnit } from './unitWords.js'

/**
 * Reads a formula in LaTeX or plain text: numbers, variables, the usual functions, points, sets, lists, matrices, equations and
 * inequalities, words and units. Null for what it cannot read. Takes time linear in the length of the text, up to a bounded
 * length and depth.
 */
export function parseFormula(text: string, options: TokenizeOptions = {}): Formula | null {
  const tokens = tokenize(text, options)
  if (tokens === null) return null
  while (isSign(tokens.at(-1), '.', ',', ';', ':')) tokens.pop()
  if (tokens.length === 0) return null
  const grammar = {
    list: parseList,
    relation: parseRelation,
    sum: parseSum,
    term: parseTerm,
    factor: parseFactor,
    atom: parseAtom,
  }
  const reader: Reader = {
    tokens,
    position: 0,
    depth: 0,
    barEnds: false,
    colonEnds: false,
    bracketEnds: false,
    inArgument: false,
    grammar,
  }
  try {
    const formula = parseList(reader)
    return reader.position === tokens.length ? formula : null
  } catch (error) {
    if (error instanceof UnreadableFormula) return null
    throw error
  }
}

function parseList(reader: Reader): Formula {
  const items = [parseRelation(reader)]
  for (;;) {
    // `0.75 (or 3/4)`
    const isRemark = isAlternative(reader)
    if (isRemark) reader.position++
    if (!skipSeparators(reader)) break
    items.push(parseRelation(reader))
    if (isRemark) expectSign(reader, ')')
  }
  return items.length === 1 ? items[0]! : { kind: 'list', items }
}

function isAlternative(reader: Reader): boolean {
  return isSign(peek(reader), '(') && isWord(peek(reader, 1), 'or')
}

/** A comma, a semicolon, `and` or `or`, or a comma and one of these. */
function skipSeparators(reader: Reader): boolean {
  const comma = skipSign(reader, ',', ';')
  const isJoined = isWord(peek(reader), 'and', 'or') || isCommand(peek(reader), 'wedge', 'vee', 'land', 'lor')
  if (isJoined) reader.position++
  return comma || isJoined
}

const relations = new Set([
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

function parseRelation(reader: Reader): Formula {
  // `= 5` and `\approx 5` leave out what it is.
  while (isSign(peek(reader), '=') || isCommand(peek(reader), 'approx')) reader.position++
  const operands = [parseRatio(reader)]
  const operators: string[] = []
  for (let operator = readRelation(reader); operator !== null; operator = readRelation(reader)) {
    operators.push(operator)
    operands.push(parseRatio(reader))
  }
  return operators.length === 0 ? operands[0]! : { kind: 'relation', operators, operands }
}

function readRelation(reader: Reader): string | null {
  const token = peek(reader)
  if (token === undefined || (token.kind !== 'sign' && token.kind !== 'command') || !relations.has(token.text))
    return null
  reader.position++
  if ((token.text === '<' || token.text === '>') && skipSign(reader, '=')) return token.text === '<' ? 'le' : 'ge'
  if (token.text === '=' && isSign(peek(reader), '=')) reader.position++
  return token.text
}

function parseRatio(reader: Reader): Formula {
  const items = [parseUnion(reader)]
  const isColon = (): boolean => !reader.colonEnds && isSign(peek(reader), ':')
  while (isColon() || (items[0]!.kind === 'number' && isWord(peek(reader), 'to'))) {
    reader.position++
    items.push(parseUnion(reader))
  }
  return items.length === 1 ? items[0]! : { kind: 'ratio', items }
}

const setOperators = { cup: 'union', cap: 'intersection', setminus: 'difference' } as const

function parseUnion(reader: Reader): Formula {
  let left = parseSum(reader)
  for (;;) {
    const token = peek(reader)
    if (token?.kind !== 'command' || !(token.text in setOperators)) return left
    reader.position++
    left = apply(setOperators[token.text as keyof typeof setOperators], left, parseSum(reader))
  }
}

function parseSum(reader: Reader): Formula {
  let left: Formula | null = null
  for (;;) {
    const token = peek(reader)
    const operator = isSign(token, '+', '-') || isCommand(token, 'pm', 'mp') ? token!.text : null
    if (operator === null && left !== null) return left
    if (operator !== null) reader.position++
    // `1 - -3` is a difference, `--3` is nothing.
    if (left === null && operator !== null && isSign(peek(reader), '+', '-')) unreadable()
    const term = parseTerm(reader)
    const operands = left === null ? [term] : [left, term]
    if (operator === 'pm' || operator === 'mp') left = apply(operator === 'pm' ? 'plusMinus' : 'minusPlus', ...operands)
    else {
      const signed = operator === '-' ? apply('negate', term) : term
      left = left === null ? signed : apply('add', left, signed)
    }
  }
}

function parseTerm(reader: Reader): Formula {
  let left = parseSigned(reader)
  for (;;) {
    const token = peek(reader)
    if (reader.inArgument && isFunctionLike(token)) return left
    // `October 30` is no product.
    if (left.kind === 'text') {
      if (token?.kind !== 'number') return left
      reader.position++
      left = { kind: 'text', text: `${left.text} ${token.text}` }
      continue
    }
    if (isSign(token, '*') || isTimes(reader)) {
      if (reader.inArgument) return left
      reader.position++
      left = apply('multiply', left, parseSigned(reader))
    } else if (isSign(token, '/')) {
      if (reader.inArgument && peek(reader, 1)?.kind !== 'number') return left
      reader.position++
      left = apply(
        'divide',
        left,
        isUnitHere(reader, left) ? withPower(reader, parseUnit(reader)) : parseSigned(reader),
      )
    } else if (isWord(token, 'choose') || isCommand(token, 'choose')) {
      reader.position++
      left = apply('binomial', left, parseFactor(reader))
    } else if (isCommand(token, 'pmod', 'bmod', 'mod')) {
      reader.position++
      left = { kind: 'call', name: 'mod', operands: [left, parseArgument(reader)] }
    } else if (isUnitHere(reader, left)) left = apply('multiply', left, withPower(reader, parseUnit(reader)))
    else if (isFactorStart(reader)) left = apply('multiply', left, parseFactor(reader))
    else return left
  }
}

function isBracketStart(reader: Reader, token: Token): boolean {
  if (token.text === '[') return !reader.bracketEnds
  return isSign(token, '(', '{', '\\{') && !isAlternative(reader)
}

function isFunctionLike(token: Token | undefined): boolean {
  return token?.kind === 'command' && /^(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?$|^l[ng]$|^log$/.test(token.text)
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

function isFactorStart(reader: Reader): boolean {
  const token = peek(reader)
  switch (token?.kind) {
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
    default:
      return false
  }
}

const nonFactors = new Set(
  'pm mp cup cap setminus to choose pmod bmod mod wedge vee land lor rfloor rceil end circ ldots prime not cdotp over atop'.split(
    ' ',
  ),
)

function parseFactor(reader: Reader): Formula {
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
