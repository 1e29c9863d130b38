import { isKnownUnit } from './units.js'
import {
  aliases,
  invisible,
  invisibleWithArgument,
  named,
  signLetters,
  unicode,
  upright,
  wordSigns,
} from './vocabulary.js'
import { plainCharacters } from '../numbers/characters.js'
import { readDigits } from '../numbers/digits.js'
import type { Digits } from '../numbers/digits.js'
import { normalForm, ofDecimal } from '../numbers/fraction.js'
import { isScaleWord, readNumberWords } from '../numbers/numberWords.js'

/** The pieces of a formula. `isSpaced`: a blank stands before it. */
export type Token = { readonly isSpaced: boolean } & (
  | { readonly kind: 'number'; readonly number: Omit<Digits, 'end'>; readonly text: string }
  /** Letters; `isUpright` for words, as in `\text{…}`, and not the letters of a product. */
  | { readonly kind: 'word'; readonly text: string; readonly isUpright: boolean }
  /** A command of LaTeX without its backslash, such as `frac`. */
  | { readonly kind: 'command'; readonly text: string }
  /** A sign, such as `+`; `\\` parts the rows of a matrix, `\{` opens a set. */
  | { readonly kind: 'sign'; readonly text: string }
)

/** Longer formulas are not read. */
const MAX_FORMULA_LENGTH = 4000

/** Where a formula is being cut up. */
interface Scanner {
  readonly text: string
  readonly tokens: Token[]
  /** Whether `\\\\` ends a row; elsewhere it is a backslash that was escaped once too often. */
  readonly hasRows: boolean
  /** Whether an even number of dollar signs delimit formulas. */
  readonly hasDelimiters: boolean
  readonly isNumber: boolean
  position: number
  isSpaced: boolean
  /** How many brackets are open in which a comma parts items. */
  depth: number
}

export interface TokenizeOptions {
  /** Whether one number is asked for: `0,5` is a decimal then, and letters behind a number are words. Defaults to false. */
  isNumber?: boolean
}

/** Cuts a formula in LaTeX or plain text into tokens; null for one that is too long. */
export function tokenize(formula: string, { isNumber = false }: TokenizeOptions = {}): Token[] | null {
  if (formula.length > MAX_FORMULA_LENGTH) return null
  const plain = plainCharacters(formula).trim()
  const hasRows = plain.includes('\\begin')
  const text = hasRows ? plain : plain.replace(/\\\\(?=[A-Za-z])/g, '\\')
  const hasDelimiters = (text.replaceAll('\\$', '').match(/\$/g)?.length ?? 0) % 2 === 0
  const scanner = { text, tokens: [], hasRows, hasDelimiters, isNumber, position: 0, isSpaced: false, depth: 0 }
  scan(scanner, text.length, false)
  return scanner.tokens
}

const blank = /(?:\s|\\[,;:! >]|~(?=\s*[\\A-Za-z]))+/y
const letters = new RegExp(`(?:(?![${signLetters}])[\\p{L}\\p{M}])+`, 'uy')
const command = /\\(?:[A-Za-z]+|.)/sy

function scan(scanner: Scanner, end: number, isUpright: boolean): void {
  const { text } = scanner
  while (scanner.position < end) {
    const character = text[scanner.position]!
    const space = match(blank, scanner)
    if (space !== null) {
      scanner.position += space.length
      scanner.isSpaced = true
    } else if (/\d/.test(character) || (character === '.' && /\d/.test(text[scanner.position + 1] ?? '')))
      scanDigits(scanner)
    else if (match(letters, scanner) !== null) scanLetters(scanner, end, isUpright)
    else if (character === '\\') scanCommand(scanner, end)
    else scanSign(scanner, character)
  }
}

function push(scanner: Scanner, token: DistributiveOmit<Token, 'isSpaced'>): void {
  scanner.tokens.push({ ...token, isSpaced: scanner.isSpaced })
  scanner.isSpaced = false
}

type DistributiveOmit<T, Key extends keyof T> = T extends unknown ? Omit<T, Key> : never

function scanDigits(scanner: Scanner): void {
  const { text, position } = scanner
  const digits = readDigits(text, position, {
    inList: scanner.depth > 0,
    decimalComma: scanner.isNumber && scanner.depth === 0,
  })
  if (digits === null) {
    scanner.position += /^[\d.]+/.exec(text.slice(position))![0].length
    push(scanner, { kind: 'sign', text: UNREADABLE })
  } else {
    scanner.position = digits.end
    push(scanner, { kind: 'number', number: digits, text: text.slice(position, digits.end) })
  }
}

/** What no formula can have. */
const UNREADABLE = '?'

function scanLetters(scanner: Scanner, end: number, isUpright: boolean): void {
  const run = match(letters, scanner)!
  const last = scanner.tokens.at(-1)
  // The `million` of `2 million` is no number of its own.
  const isScale = (last?.kind === 'number' || (last?.kind === 'word' && isScaleWord(last.text))) && isScaleWord(run)
  const words =
    !isScale && (isUpright || run.length > 2 || /^an?$/i.test(run))
      ? readNumberWords(scanner.text, scanner.position)
      : null
  if (words !== null && words.end <= end) {
    scanner.position = words.end
    if (words.value === null) push(scanner, { kind: 'sign', text: UNREADABLE })
    else push(scanner, { kind: 'number', number: { value: words.value, places: 0 }, text: normalForm(words.value) })
    return
  }
  scanner.position += run.length
  const sign = wordSigns[run.toLowerCase()]
  if (sign !== undefined) {
    if (sign.startsWith('^')) push(scanner, { kind: 'sign', text: '^' })
    pushNamed(scanner, sign.replace('^', ''))
  } else if (isFunctionHere(scanner, run)) pushNamed(scanner, run)
  else if (!isUpright && /^(?:sin|cos|tan|cot|sec|csc|log|ln|sqrt)[xyzABC]$/.test(run)) {
    // `sinx`
    pushNamed(scanner, run.slice(0, -1))
    push(scanner, { kind: 'word', text: run.slice(-1), isUpright: false })
  } else {
    push(scanner, {
      kind: 'word',
      text: run,
      isUpright: isUpright || run.length > (scanner.isNumber ? 1 : 3) || !isLatin(run),
    })
    // `18 cm3`
    const isUnit = last?.kind === 'number' && run.length > 1 && isKnownUnit(run)
    if (isUnit && /^[23](?!\d)/.test(scanner.text.slice(scanner.position, scanner.position + 2)))
      push(scanner, { kind: 'sign', text: '^' })
  }
}

function isLatin(run: string): boolean {
  return /^[A-Za-z]+$/.test(run)
}

/** `9 min` and `5 sec` are times. */
function isFunctionHere({ text, tokens, position }: Scanner, run: string): boolean {
  if (!named.has(run)) return false
  const isUnit = /^(?:min|sec)$/.test(run) && tokens.at(-1)?.kind === 'number'
  return !isUnit || /^ ?[({\\A-Za-z\d]/.test(text.slice(position))
}

function scanCommand(scanner: Scanner, end: number): void {
  const name = match(command, scanner)?.slice(1) ?? ''
  scanner.position += name.length + 1
  if (invisible.has(name) || '[]()'.includes(name)) scanner.isSpaced = true
  else if (invisibleWithArgument.has(name)) skipArgument(scanner, end)
  else if (upright.has(name)) scanUpright(scanner, end)
  else if (/^[A-Za-z]/.test(name)) pushNamed(scanner, name)
  else if (name === '\\') {
    if (scanner.hasRows) push(scanner, { kind: 'sign', text: '\\\\' })
  } else if (name === '{' || name === '}') {
    scanner.depth += name === '{' ? 1 : -1
    push(scanner, { kind: 'sign', text: `\\${name}` })
  } else push(scanner, { kind: 'sign', text: name })
}

/** `\text{…}`: a blank at the edge of the braces parts as well as one outside. */
function scanUpright(scanner: Scanner, end: number): void {
  const { text, tokens, isSpaced } = scanner
  skipBlanks(scanner)
  const close = text[scanner.position] === '{' ? closingBrace(text, scanner.position, end) : -1
  if (close < 0) return
  scanner.position++
  const before = tokens.length
  scan(scanner, close, true)
  const first = tokens[before]
  if (first && isSpaced) tokens[before] = { ...first, isSpaced }
  scanner.isSpaced = /\s$/.test(text.slice(0, close).slice(-1))
  scanner.position = close + 1
}

function scanSign(scanner: Scanner, sign: string): void {
  const { text } = scanner
  scanner.position++
  if ('([])'.includes(sign)) scanner.depth += '(['.includes(sign) ? 1 : -1
  if (sign === '*' && text[scanner.position] === '*') {
    scanner.position++
    push(scanner, { kind: 'sign', text: '^' })
  } else if (sign === '$' && scanner.hasDelimiters) scanner.isSpaced = true
  else if (sign in unicode) pushNamed(scanner, unicode[sign]!)
  else push(scanner, { kind: 'sign', text: sign })
}

function pushNamed(scanner: Scanner, name: string): void {
  const text = aliases[name] ?? name
  if (/^[A-Za-z]/.test(text)) push(scanner, { kind: 'command', text })
  else if (/^\d/.test(text)) push(scanner, { kind: 'number', number: { value: ofDecimal(text), places: 0 }, text })
  else push(scanner, { kind: 'sign', text })
}

function skipBlanks(scanner: Scanner): void {
  while (scanner.text[scanner.position] === ' ') scanner.position++
}

function skipArgument(scanner: Scanner, end: number): void {
  skipBlanks(scanner)
  const { text, position } = scanner
  const close = text[position] === '{' ? closingBrace(text, position, end) : -1
  scanner.position = Math.min(end, (close < 0 ? position : close) + 1)
}

/** The position of the brace that closes the one at `open`; -1 if none does before `end`. */
function closingBrace(text: string, open: number, end: number): number {
  let depth = 0
  for (let i = open; i < end; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  return -1
}

function match(pattern: RegExp, { text, position }: Scanner): string | null {
  pattern.lastIndex = position
  return pattern.exec(text)?.[0] ?? null
}
