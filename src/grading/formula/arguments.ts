import { integerOf } from './formula.js'
import type { Formula } from './formula.js'
import { isSign, next, nested, peek, skipSign, expectSign, unreadable } from './reader.js'
import type { Reader } from './reader.js'

/**
 * Reads the argument of a command: what is in braces, or one letter, number or command. Of `\frac12` each digit is an argument;
 * `\sqrt12` is taken for √12, which is what people mean by it.
 */
export function parseArgument(reader: Reader, { oneDigit = false } = {}): Formula {
  const token = peek(reader)
  if (isSign(token, '{')) return parseBraces(reader)
  if (oneDigit && token?.kind === 'number' && /^\d{2,}$/.test(token.text)) {
    const rest = token.text.slice(1)
    const number = { value: { numerator: BigInt(rest), denominator: 1n }, places: 0 }
    reader.tokens[reader.position] = { kind: 'number', number, text: rest, isSpaced: false }
    return integerOf(BigInt(token.text[0]!))
  }
  return nested(reader, () => reader.grammar.atom(reader, { single: true }))
}

/** What is in braces, which themselves mean nothing. */
function parseBraces(reader: Reader): Formula {
  expectSign(reader, '{')
  const inner = nested(reader, () => reader.grammar.list(reader))
  expectSign(reader, '}')
  return inner
}

/** The text of an index or name, `1` for `_1` and `_{1}`, without blanks. */
export function readName(reader: Reader): string {
  if (!skipSign(reader, '{')) return next(reader).text
  let name = ''
  for (let depth = 1; ;) {
    const token = next(reader)
    if (isSign(token, '{')) depth++
    else if (isSign(token, '}') && --depth === 0) break
    name += token.kind === 'command' ? `\\${token.text} ` : token.text
  }
  return name === '' ? unreadable() : name
}

/** The index behind a name, `_{n+1}` for `_{n+1}` and `_1` for `_{1}`, and its primes; empty if there is none. */
export function readIndex(reader: Reader): string {
  let index = ''
  if (skipSign(reader, '_')) index = `_${readName(reader)}`
  while (skipSign(reader, "'")) index += "'"
  return index
}
