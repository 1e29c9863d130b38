import type { Formula } from './formula.js'
import { expectSign, isSign, next, nested, peek, skipSign, unreadable } from './reader.js'
import type { Reader } from './reader.js'
import type { Token } from './tokens.js'

/** Whether a sign opens brackets: `]` does where a factor should stand, as in the interval ]0, 1[. */
export function isBracketStart(token: Token): boolean {
  return isSign(token, '(', '[', ']', '{', '\\{', '|')
}

/** Reads what is in brackets, behind the one that opens them: a point, an interval, a set, |x|, or a formula in brackets. */
export function parseBracket(reader: Reader, open: string): Formula {
  if (open === '\\{') return parseSet(reader)
  if (open === '|') {
    const inner = nested(reader, () => reader.grammar.list(reader), { barEnds: true })
    expectSign(reader, '|')
    return { kind: 'apply', operator: 'abs', operands: [inner] }
  }
  const inner = nested(reader, () => reader.grammar.list(reader), { bracketEnds: open === '[' || open === ']' })
  if (open === '{') {
    expectSign(reader, '}')
    return inner
  }
  const isFrench = open === ']' || isSign(peek(reader), '[')
  const close = expectSign(reader, ...(isFrench ? [']', '[', ')'] : [')', ']']))
  const isTuple = inner.kind === 'list'
  if (!isTuple) return (open === '(') === (close === ')') && !isFrench ? inner : unreadable()
  const closing = close === '[' ? ')' : close
  return { kind: 'tuple', open: open === ']' ? '(' : open, close: closing, items: inner.items }
}

/** `{1, 2}` or `{x | x > 3}`. */
function parseSet(reader: Reader): Formula {
  if (skipSign(reader, '\\}')) return { kind: 'set', items: [] }
  const element = nested(reader, () => reader.grammar.list(reader), { barEnds: true, colonEnds: true })
  if (skipSign(reader, '|', ':')) {
    const condition = nested(reader, () => reader.grammar.list(reader))
    expectSign(reader, '\\}')
    return { kind: 'builder', element, condition }
  }
  if (!isSign(next(reader), '\\}')) unreadable()
  return { kind: 'set', items: element.kind === 'list' ? element.items : [element] }
}
