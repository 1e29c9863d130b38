import { readName } from './arguments.js'
import type { Formula } from './formula.js'
import { isCommand, isSign, nested, peek, skipSign, unreadable } from './reader.js'
import type { Reader } from './reader.js'

const environments = /^(?:[pbvBV]?matrix|smallmatrix|array|cases|aligned|align|gathered|split)\*?$/

/** Reads `\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}` behind its first word: rows of cells. */
export function parseMatrix(reader: Reader): Formula {
  const name = readName(reader)
  if (!environments.test(name)) unreadable()
  // The columns of an array.
  if (name === 'array' && isSign(peek(reader), '{')) readName(reader)
  const rows: Formula[][] = []
  let row: Formula[] = []
  while (!isCommand(peek(reader), 'end')) {
    if (isSign(peek(reader), '\\\\')) {
      reader.position++
      if (row.length > 0) rows.push(row)
      row = []
    } else {
      row.push(nested(reader, () => reader.grammar.list(reader)))
      if (!skipSign(reader, '&') && !isCommand(peek(reader), 'end') && !isSign(peek(reader), '\\\\')) unreadable()
    }
  }
  if (row.length > 0) rows.push(row)
  reader.position++
  if (readName(reader) !== name || rows.length === 0) unreadable()
  return { kind: 'matrix', isDeterminant: name.startsWith('v'), rows }
}
