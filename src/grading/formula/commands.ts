import { parseArgument, readIndex, readName } from './arguments.js'
import { parseMatrix } from './matrices.js'
import { apply, functionNames, integerOf } from './formula.js'
import type { Formula, FunctionName } from './formula.js'
import { expectSign, isCommand, isSign, isWord, nested, next, peek, skipSign, unreadable } from './reader.js'
import type { Reader } from './reader.js'

const greek = new Set(
  (
    'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega ' +
    'Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar'
  ).split(' '),
)
/** Commands that make a name of their argument. */
const accents = new Set(
  'overline vec hat widehat tilde widetilde dot ddot overrightarrow overleftrightarrow mathbb overarc'.split(' '),
)
const shapes = new Set('angle measuredangle triangle odot square'.split(' '))
/** What is not worked out: it is equal to itself as it is written. */
const unevaluated = new Set('int iint oint lim limsup liminf partial nabla'.split(' '))

/** Reads what belongs to a command behind its name. */
export function parseCommand(reader: Reader, name: string): Formula {
  if (name === 'frac')
    return apply('divide', parseArgument(reader, { oneDigit: true }), parseArgument(reader, { oneDigit: true }))
  if (name === 'binom')
    return apply('binomial', parseArgument(reader, { oneDigit: true }), parseArgument(reader, { oneDigit: true }))
  if (name === 'sqrt') return parseRoot(reader)
  if (name === 'pi') return { kind: 'constant', name }
  if (name === 'infty') return { kind: 'constant', name: 'infinity' }
  if (name === 'emptyset') return { kind: 'set', items: [] }
  if (name === 'ldots') return { kind: 'ellipsis' }
  if (name === 'begin') return parseMatrix(reader)
  if (name === 'lfloor' || name === 'lceil') return parseRounded(reader, name)
  if (name === 'sum' || name === 'prod') return parseSeries(reader, name === 'sum' ? 'sumOver' : 'productOver')
  if (isFunction(name)) return parseFunction(reader, name)
  if (greek.has(name)) return { kind: 'name', name: `\\${name}${readIndex(reader)}` }
  if (/^[RZQNC]$/.test(name)) return { kind: 'name', name: `\\mathbb ${name}` }
  if (accents.has(name)) return { kind: 'name', name: `\\${name} ${readName(reader)}${readIndex(reader)}` }
  if (shapes.has(name)) return { kind: 'name', name: `\\${name} ${readLetters(reader)}` }
  return unevaluated.has(name) ? parseUnevaluated(reader, name) : unreadable()
}

function isFunction(name: string): name is FunctionName | 'log' | 'lg' | 'floor' | 'ceil' | 'abs' {
  return (functionNames as readonly string[]).includes(name) || /^(?:log|lg|floor|ceil|abs)$/.test(name)
}

function readLetters(reader: Reader): string {
  let letters = ''
  for (let token = peek(reader); token?.kind === 'word'; token = peek(reader)) letters += next(reader).text
  return letters === '' ? readName(reader) : letters
}

function parseRoot(reader: Reader): Formula {
  let index: Formula = integerOf(2)
  if (skipSign(reader, '[')) {
    index = nested(reader, () => reader.grammar.sum(reader))
    expectSign(reader, ']')
  }
  return apply('root', index, parseArgument(reader))
}

function parseRounded(reader: Reader, name: 'lfloor' | 'lceil'): Formula {
  const inner = nested(reader, () => reader.grammar.sum(reader))
  const close = next(reader)
  if (!isCommand(close, 'rfloor', 'rceil')) unreadable()
  // ⌊x⌉ is no usual sign.
  if (close.text.slice(1) !== name.slice(1)) unreadable()
  return apply(name === 'lfloor' ? 'floor' : 'ceil', inner)
}

/** `\sum_{k=1}^{5} k` */
function parseSeries(reader: Reader, operator: 'sumOver' | 'productOver'): Formula {
  let from: Formula | null = null
  let to: Formula | null = null
  while (isSign(peek(reader), '_', '^')) {
    if (isSign(next(reader), '_')) from = parseArgument(reader)
    else to = parseArgument(reader)
  }
  const isIndexed = from?.kind === 'relation' && from.operators.join() === '=' && from.operands.length === 2
  if (!isIndexed || to === null || from?.kind !== 'relation') return unreadable()
  return apply(
    operator,
    from.operands[0]!,
    from.operands[1]!,
    to,
    nested(reader, () => reader.grammar.term(reader), reader),
  )
}

/** A function with its power and its argument, in brackets or not: `\sin^2 x`, `\log_2 8`, `\cos(x + y)`. */
function parseFunction(reader: Reader, name: FunctionName | 'log' | 'lg' | 'floor' | 'ceil' | 'abs'): Formula {
  let base: Formula = integerOf(10)
  let exponent: Formula | null = null
  while (isSign(peek(reader), '_', '^')) {
    if (isSign(next(reader), '_')) base = parseArgument(reader)
    else exponent = parseArgument(reader)
  }
  const operands = parseOperands(reader)
  const isInverse = exponent?.kind === 'apply' && exponent.operator === 'negate' && /^(?:sin|cos|tan)$/.test(name)
  if (name === 'log' || name === 'lg') return raise(apply('log', base, ...operands), exponent)
  if (isInverse) return apply(`arc${name as 'sin' | 'cos' | 'tan'}`, ...operands)
  return raise(apply(name, ...operands), exponent)
}

function raise(value: Formula, exponent: Formula | null): Formula {
  return exponent === null ? value : apply('power', value, exponent)
}

function parseOperands(reader: Reader): readonly Formula[] {
  if (isSign(peek(reader), '(', '[', '{', '\\{', '|')) {
    const inner = nested(reader, () => reader.grammar.atom(reader))
    return inner.kind === 'tuple' || inner.kind === 'set' || inner.kind === 'list' ? inner.items : [inner]
  }
  return nested(reader, () => {
    reader.inArgument = true
    return [reader.grammar.term(reader)]
  })
}

/** An integral and the like: the text of what belongs to it is its name. */
function parseUnevaluated(reader: Reader, command: string): Formula {
  let name = `\\${command}`
  for (let depth = 0; peek(reader) !== undefined; reader.position++) {
    const token = peek(reader)!
    if (isSign(token, '(', '[', '{', '\\{')) depth++
    else if (isSign(token, ')', ']', '}', '\\}')) depth--
    const ends = isSign(token, ',', ';', '=', '<', '>') || isWord(token, 'and', 'or')
    if (depth < 0 || (depth === 0 && ends)) break
    name += ` ${token.text}`
  }
  return { kind: 'name', name }
}
