import { isKnownUnit } from './units.js'
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
export const MAX_FORMULA_LENGTH = 4000

/** Sizes, spaces and styles that change nothing. */
const invisible = new Set(
  (
    'left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle limits nolimits ' +
    'quad qquad thinspace enspace mathbf boldsymbol bm mathit mathsf mathcal mathfrak mathscr underline boxed fbox ' +
    'tiny small normalsize large Large LARGE huge Huge mathopen mathclose mathrel mathord noindent centering bf it'
  ).split(' '),
)
/** Commands whose argument changes nothing either. */
const invisibleWithArgument = new Set(
  'phantom hphantom vphantom hspace vspace color label tag textcolor rule'.split(' '),
)
const upright = new Set(
  'text mbox hbox textbf textrm textit textnormal textsf texttt textup emph mathrm operatorname mathtt'.split(' '),
)

/** Commands and signs that have several names. */
const aliases: Readonly<Record<string, string>> = {
  ...{
    dfrac: 'frac',
    tfrac: 'frac',
    cfrac: 'frac',
    dbinom: 'binom',
    tbinom: 'binom',
    leq: 'le',
    leqslant: 'le',
    geq: 'ge',
  },
  ...{ geqslant: 'ge', neq: 'ne', lt: '<', gt: '>', times: '*', cdot: '*', ast: '*', div: '/', slash: '/', colon: ':' },
  ...{ lbrace: '\\{', rbrace: '\\}', langle: '(', rangle: ')', lparen: '(', rparen: ')', lbrack: '[', rbrack: ']' },
  ...{ vert: '|', lvert: '|', rvert: '|', mid: '|', degree: 'circ', varnothing: 'emptyset', cr: '\\\\', dots: 'ldots' },
  ...{
    cdots: 'ldots',
    dotsc: 'ldots',
    dotsb: 'ldots',
    setminus: 'setminus',
    backslash: 'setminus',
    bigcup: 'cup',
    bigcap: 'cap',
  },
  ...{
    simeq: 'approx',
    thickapprox: 'approx',
    doteq: 'approx',
    varphi: 'phi',
    varepsilon: 'epsilon',
    rightarrow: 'to',
  },
  ...{
    longrightarrow: 'to',
    implies: 'to',
    Rightarrow: 'to',
    lVert: '|',
    rVert: '|',
    euro: '€',
    pounds: '£',
    yen: '¥',
  },
  ...{
    textdegree: 'circ',
    textdollar: '$',
    dollar: '$',
    percent: '%',
    bar: 'overline',
    hat: 'hat',
    ne: 'ne',
    owns: 'in',
  },
}

const unicode: Readonly<Record<string, string>> = {
  ...{
    '×': '*',
    '·': '*',
    '•': '*',
    π: 'pi',
    '∞': 'infty',
    '≤': 'le',
    '≥': 'ge',
    '≠': 'ne',
    '±': 'pm',
    '∓': 'mp',
    '∪': 'cup',
  },
  ...{ '∩': 'cap', '∈': 'in', '∅': 'emptyset', '°': 'circ', '√': 'sqrt', '≈': 'approx', '∠': 'angle', '△': 'triangle' },
  ...{
    ℝ: 'R',
    ℤ: 'Z',
    ℚ: 'Q',
    ℕ: 'N',
    ℂ: 'C',
    '→': 'to',
    '⇒': 'to',
    '∖': 'setminus',
    '⟨': '(',
    '⟩': ')',
    '⌊': 'lfloor',
  },
  ...{
    '⌋': 'rfloor',
    '⌈': 'lceil',
    '⌉': 'rceil',
    '∣': '|',
    '∑': 'sum',
    '∏': 'prod',
    '∫': 'int',
    '—': '-',
    '~': 'approx',
  },
  ...{
    α: 'alpha',
    β: 'beta',
    γ: 'gamma',
    δ: 'delta',
    ε: 'epsilon',
    θ: 'theta',
    λ: 'lambda',
    μ: 'mu',
    ρ: 'rho',
    σ: 'sigma',
  },
  ...{
    φ: 'phi',
    ω: 'omega',
    τ: 'tau',
    Δ: 'Delta',
    Σ: 'Sigma',
    Ω: 'Omega',
    '∆': 'Delta',
    '⊂': 'subset',
    '⊆': 'subseteq',
  },
}

/** Names that are functions or constants also without a backslash. */
const named = new Set(
  'arcsin arccos arctan sinh cosh tanh sin cos tan cot sec csc log lg ln exp sqrt gcd lcm max min floor ceil abs pi infty theta'.split(
    ' ',
  ),
)

/** Words that are signs. */
const wordSigns: Readonly<Record<string, string>> = {
  ...{ plus: '+', positive: '+', minus: '-', negative: '-', times: '*', percent: '%', pct: '%', degrees: 'circ' },
  ...{ degree: 'circ', infinity: 'infty', equals: '=', squared: '^2', cubed: '^3' },
}

/** Where a formula is being cut up. */
interface Scanner {
  readonly text: string
  readonly tokens: Token[]
  /** Whether `\\\\` ends a row; elsewhere it is a backslash that was escaped once too often. */
  readonly hasRows: boolean
  /** Whether an even number of dollar signs delimit formulas. */
  readonly hasDelimiters: boolean
  readonly decimalComma: boolean
  position: number
  isSpaced: boolean
  /** How many brackets are open in which a comma parts items. */
  depth: number
}

export interface TokenizeOptions {
  /** Whether `0,5` and `12,5 €` are decimals: where a number is asked for, and no list. Defaults to false. */
  decimalComma?: boolean
}

/** Cuts a formula in LaTeX or plain text into tokens; null for one that is too long. */
export function tokenize(formula: string, { decimalComma = false }: TokenizeOptions = {}): Token[] | null {
  if (formula.length > MAX_FORMULA_LENGTH) return null
  const plain = plainCharacters(formula).trim()
  const hasRows = plain.includes('\\begin')
  const text = hasRows ? plain : plain.replace(/\\\\(?=[A-Za-z])/g, '\\')
  const hasDelimiters = (text.replaceAll('\\$', '').match(/\$/g)?.length ?? 0) % 2 === 0
  const scanner = { text, tokens: [], hasRows, hasDelimiters, decimalComma, position: 0, isSpaced: false, depth: 0 }
  scan(scanner, text.length, false)
  return scanner.tokens
}

const blank = /(?:\s|\\[,;:! >]|~(?=\s*[\\A-Za-z]))+/y
const letters = /[A-Za-z]+/y
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
    else if (/[A-Za-z]/.test(character)) scanLetters(scanner, end, isUpright)
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
    decimalComma: scanner.decimalComma && scanner.depth === 0,
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
    push(scanner, { kind: 'word', text: run, isUpright: isUpright || run.length > 3 })
    // `18 cm3`
    const isUnit = last?.kind === 'number' && run.length > 1 && isKnownUnit(run)
    if (isUnit && /^[23](?!\d)/.test(scanner.text.slice(scanner.position, scanner.position + 2)))
      push(scanner, { kind: 'sign', text: '^' })
  }
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
