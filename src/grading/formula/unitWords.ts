import type { Formula } from './formula.js'
import { isSign, isWord, peek, unreadable } from './reader.js'
import type { Reader } from './reader.js'
import { isKnownUnit } from './units.js'

/** Words that say something else of a number than what it counts. */
const noUnits = new Set(
  (
    'not no never maybe perhaps possibly than more less fewer least most between about nor either neither if unless wrong ' +
    'incorrect but except instead other greater larger smaller under below above plus minus times over divided multiplied'
  ).split(' '),
)

/** Whether words come next that say what the number before them counts. */
export function isUnitHere(reader: Reader, left: Formula): boolean {
  if (left.kind === 'text') return false
  const token = peek(reader)
  if (isSign(token, '(')) return isRemark(reader)
  if (token?.kind !== 'word' || isWord(token, 'and', 'or', 'to', 'choose')) return false
  const { text, isUpright, isSpaced } = token
  // `1О` with a letter of another script in place of a zero.
  if (!isSpaced && /^[oоοօ]$/iu.test(text) && peek(reader, -1)?.kind === 'number') unreadable()
  if (isUpright) return true
  if (isSign(peek(reader, -1), '/'))
    return left.kind === 'apply' && left.operands.at(-1)?.kind === 'unit' && isKnownUnit(text)
  const previous = peek(reader, -1)
  if (text.length > 1 && isSpaced && isKnownUnit(text)) return true
  if (text.length < 2 || (previous?.kind !== 'number' && !isSign(previous, '%', '}'))) return false
  return isKnownUnit(text) || (isSpaced && /[eiou]/.test(text))
}

/** `(units)`; `(B)` is the letter of a choice. */
function isRemark(reader: Reader): boolean {
  const first = peek(reader, 1)
  if (first?.kind === 'word' && /^[A-Z]$/.test(first.text)) return false
  let ahead = 1
  for (let token = peek(reader, ahead); token?.kind === 'word' && token.isUpright; token = peek(reader, ahead)) ahead++
  return ahead > 1 && isSign(peek(reader, ahead), ')')
}

/** Reads the words of a unit, `square cm`, `dollars per day`. */
export function parseUnit(reader: Reader): Formula {
  const words: string[] = []
  const isBracketed = isSign(peek(reader), '(')
  if (isBracketed) reader.position++
  for (;;) {
    const token = peek(reader)
    // The point of `sq. units`.
    if (words.length > 0 && isSign(token, '.') && peek(reader, 1)?.kind === 'word') reader.position++
    else if (token?.kind === 'word' && !isWord(token, 'and', 'or') && isPartOfUnit(token, words)) {
      if (noUnits.has(token.text.toLowerCase())) unreadable()
      words.push(token.text)
      reader.position++
    } else break
  }
  if (isBracketed) reader.position++
  return words.length === 0 ? unreadable() : { kind: 'unit', text: words.join(' ') }
}

function isPartOfUnit(
  token: { readonly text: string; readonly isUpright: boolean },
  words: readonly string[],
): boolean {
  return words.length === 0 || token.isUpright || token.text.length > 1 || words.at(-1) === 'per' || token.text === 'a'
}
