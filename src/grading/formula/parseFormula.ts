import { parseAtom } from './atoms.js'
import { apply } from './formula.js'
import type { Formula } from './formula.js'
import { expectSign, isCommand, isSign, isWord, peek, skipSign, unreadable, UnreadableFormula } from './reader.js'
import type { Reader } from './reader.js'
import { isAlternative, parseFactor, parseTerm, relations } from './terms.js'
import { tokenize } from './tokens.js'
import type { TokenizeOptions } from './tokens.js'

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

/** A comma, a semicolon, `and` or `or`, or a comma and one of these. */
function skipSeparators(reader: Reader): boolean {
  const comma = skipSign(reader, ',', ';')
  const isJoined = isWord(peek(reader), 'and', 'or') || isCommand(peek(reader), 'wedge', 'vee', 'land', 'lor')
  if (isJoined) reader.position++
  return comma || isJoined
}

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
