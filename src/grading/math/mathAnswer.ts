import { findNumbers, isNegative, withSign } from '../answers/numbers.js'
import { isBracketed, splitTopLevel } from './latexArguments.js'
import { normalizeLatex } from './normalizeLatex.js'

/** What an answer is, as far as its notation tells. */
export type MathAnswer =
  /** A number in the normal form of answers/numbers.ts. */
  | { readonly kind: 'number'; readonly value: string }
  /** Words, in lower case unless it is one letter. */
  | { readonly kind: 'text'; readonly value: string }
  /** A point, vector or interval: `open` is `(` or `[`, `close` is `)` or `]`. */
  | { readonly kind: 'tuple'; readonly open: string; readonly close: string; readonly items: readonly MathAnswer[] }
  /** Several values in any order: a set, a list of solutions, or a union of intervals. */
  | { readonly kind: 'set'; readonly items: readonly MathAnswer[] }
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly MathAnswer[])[] }
  /** An equation that does not just give a value a name. */
  | { readonly kind: 'equation'; readonly left: string; readonly right: string }
  /** Anything else, without spaces. */
  | { readonly kind: 'expression'; readonly latex: string }

/** Longer texts are taken as they stand. */
const MAX_LENGTH = 2000

const unitWord = '(?!(?:or|and|not|no)\\b)(?:[A-Za-z]{2,}|[A-Z])'
const trailingWords = new RegExp(`^(.*[\\d}])\\s+(${unitWord}(?:[ /]${unitWord}|[ /][A-Za-z])*\\.?)(?:\\^\\{\\d\\})?$`)
const attachedUnit = /^(.*\d)(?:cm|mm|km|kg|mg|ml|mL|ft|mph|kph|sec|min|hrs?|lbs?|yd)(?:\^\{\d\})?$/
const assignment = /^((?:[A-Za-z]{1,3}|\\[a-z]+)(?:_\{[^{}]*\})?(?:\([A-Za-z]\))?) ?(?:=|\\in(?![A-Za-z])) ?(.+)$/
const relation = /(<|>|\\le|\\ge)(?![A-Za-z])/

/** Reads an answer in LaTeX or plain text. Takes time linear in its length, up to a bounded depth. */
export function parseMathAnswer(latex: string): MathAnswer {
  const text = normalizeLatex(latex)
  return text.length > MAX_LENGTH ? { kind: 'expression', latex: text } : parse(text, 0)
}

function parse(given: string, depth: number): MathAnswer {
  let text = given.trim()
  if (depth > 8) return expression(text)
  const wholeText = /^\\text ?\{([^{}]*)\}$/.exec(text)
  if (wholeText) return textAnswer(wholeText[1]!)
  const unit = /^(.+?) ?\\text ?\{[^{}]*\}(?:\^\{\d\})?\.?$/.exec(text)
  if (unit && !unit[1]!.includes('\\text')) text = unit[1]!.trim()
  const named = assignment.exec(text)
  if (named && !/=|\\in(?![A-Za-z])/.test(named[2]!) && !relation.test(text)) return parse(named[2]!, depth + 1)
  const value = numberOf(text)
  if (value !== null) return { kind: 'number', value }
  const withWords = trailingWords.exec(text) ?? attachedUnit.exec(text)
  if (withWords && numberOf(withWords[1]!) !== null) return { kind: 'number', value: numberOf(withWords[1]!)! }
  return parseStructure(text, depth) ?? parseWords(text) ?? expression(text)
}

/** Sets, lists, intervals, points, matrices, equations and inequalities; null for anything else. */
function parseStructure(text: string, depth: number): MathAnswer | null {
  const parseAll = (parts: readonly string[]): MathAnswer[] => parts.map((part) => parse(part, depth + 1))
  if (text === '\\emptyset' || /^\\\{ ?\\\}$/.test(text)) return { kind: 'set', items: [] }
  const union = splitTopLevel(text, /\\cup(?![A-Za-z])/y)
  if (union.length > 1) return setOf(parseAll(union))
  const matrix = /^\\begin\{([pbvBV]?matrix|smallmatrix|array)\}(?:\{[^{}]*\})?(.*)\\end\{\1\}$/s.exec(text)
  if (matrix && !matrix[2]!.includes('\\begin')) {
    const rows = matrix[2]!.split(/\\cr(?![A-Za-z])/).filter((row) => row.trim() !== '')
    return { kind: 'matrix', rows: rows.map((row) => parseAll(row.split('&'))) }
  }
  if (text.startsWith('\\{') && text.endsWith('\\}') && splitTopLevel(text, /\\\}/y).length <= 2) {
    return setOf(parseAll(splitTopLevel(text.slice(2, -2), /,/y)))
  }
  if (isBracketed(text)) {
    const parts = splitTopLevel(text.slice(1, -1), /,/y)
    if (parts.length === 1)
      return text.startsWith('{') || text.startsWith('(') ? parse(text.slice(1, -1), depth + 1) : null
    if (text.startsWith('{')) return setOf(parseAll(parts))
    return { kind: 'tuple', open: text[0]!, close: text.at(-1)!, items: parseAll(parts) }
  }
  const listed = splitTopLevel(joinThousands(text), /, ?(?:and|or)? |,| and | or /y).filter(
    (part) => part.trim() !== '',
  )
  if (listed.length > 1) return setOf(parseAll(listed))
  const sides = splitTopLevel(text, /<|>|\\[lg]e(?![A-Za-z])|=/y)
  if (sides.length > 1) return parseRelation(text, sides, depth)
  if (/\\pm(?![A-Za-z])/.test(text) && text.split('\\pm').length === 2) {
    return setOf(parseAll([text.replace('\\pm', '+').replace(/^\+/, ''), text.replace('\\pm', '-')]))
  }
  return null
}

/** `x > 3` is the interval (3, ∞), `-2 \le x < 7` is [-2, 7); an equation stays one. */
function parseRelation(text: string, sides: readonly string[], depth: number): MathAnswer | null {
  const operators = [...text.matchAll(/<|>|\\le(?![A-Za-z])|\\ge(?![A-Za-z])|=/g)].map((match) => match[0])
  if (operators.length !== sides.length - 1) return null
  const [first, middle, last] = sides.map((side) => side.trim()) as [string, string, string | undefined]
  if (operators[0] === '=') return operators.length === 1 ? { kind: 'equation', left: first, right: middle } : null
  const isVariable = (side: string | undefined): boolean => /^(?:[A-Za-z]|\\[a-z]+)$/.test(side ?? '')
  const infinite = { kind: 'expression', latex: '\\infty' } as const
  const minusInfinite = { kind: 'expression', latex: '-\\infty' } as const
  const isLess = (operator: string): boolean => operator === '<' || operator === '\\le'
  const bracket = (operator: string): boolean => operator.startsWith('\\')
  const interval = (low: MathAnswer, lowIncluded: boolean, high: MathAnswer, highIncluded: boolean): MathAnswer => ({
    ...{ kind: 'tuple', open: lowIncluded ? '[' : '(', close: highIncluded ? ']' : ')', items: [low, high] },
  })
  const [operator, second] = operators as [string, string | undefined]
  if (second !== undefined) {
    if (last === undefined || operators.length > 2 || !isVariable(middle) || isLess(operator) !== isLess(second))
      return null
    const [low, high] = isLess(operator) ? [first, last] : [last, first]
    const [lowOperator, highOperator] = isLess(operator) ? [operator, second] : [second, operator]
    return interval(parse(low, depth + 1), bracket(lowOperator), parse(high, depth + 1), bracket(highOperator))
  }
  if (isVariable(first) === isVariable(middle)) return null
  const variableIsLess = isVariable(first) === isLess(operator)
  const bound = parse(isVariable(first) ? middle : first, depth + 1)
  return variableIsLess
    ? interval(minusInfinite, false, bound, bracket(operator))
    : interval(bound, bracket(operator), infinite, false)
}

/** Sets inside a set, as from `1 \pm \sqrt{5}`, are taken apart. */
function setOf(items: readonly MathAnswer[]): MathAnswer {
  const flat = items.flatMap((item) => (item.kind === 'set' ? item.items : [item]))
  return flat.length === 1 ? flat[0]! : { kind: 'set', items: flat }
}

function parseWords(text: string): MathAnswer | null {
  const words = text.replace(/\\text ?\{([^{}]*)\}/g, '$1').replace(/^\((.*)\)$/, '$1')
  const isWord = /^[A-Za-z][a-z]{2,}(?:[ '-][A-Za-z]+)*$|^[A-Z]{3,}$|^[A-Z]$/.test(words)
  return isWord ? textAnswer(words) : null
}

function textAnswer(text: string): MathAnswer {
  const words = text
    .trim()
    .replace(/^\(([A-Za-z])\)$/, '$1')
    .replace(/[.!]+$/, '')
    .replace(/\s+/g, ' ')
  const value = numberOf(words)
  if (value !== null) return { kind: 'number', value }
  return { kind: 'text', value: words.length > 1 ? words.toLowerCase() : words }
}

function expression(text: string): MathAnswer {
  return {
    kind: 'expression',
    latex: joinThousands(text)
      .replace(/(\\[A-Za-z]+) (?=[A-Za-z])/g, '$1{}')
      .replace(/ /g, ''),
  }
}

/** `1,234` outside of brackets is a number and no list. */
function joinThousands(text: string): string {
  return text.replace(
    /(?<![\d.,])\d{1,3}(?:, ?(?=\d{3}(?!\d)))(?:\d{3}(?:,(?=\d{3}(?!\d)))?)*/g,
    (match, at: number) => (match.includes(' ') || isInsideBrackets(text, at) ? match : match.replaceAll(',', '')),
  )
}

function isInsideBrackets(text: string, at: number): boolean {
  let depth = 0
  for (let i = 0; i < at; i++) {
    if ('([{'.includes(text[i]!)) depth++
    else if (')]}'.includes(text[i]!)) depth--
  }
  return depth > 0
}

/** The number that a text is and nothing else: `-\frac{3}{4}`, `1\frac{1}{2}`, `1.5 \cdot 10^{3}`; null for anything else. */
export function numberOf(text: string): string | null {
  if (text.length > 300 || !/\d/.test(text)) return null
  let sign = 1
  const plain = text
    .replace(
      /\\frac\{ ?(-?) ?([\d.,]+) ?\}\{ ?(-?) ?([\d.,]+) ?\}/g,
      (_, first: string, above: string, second: string, below: string) => {
        if ((first === '-') !== (second === '-')) sign = -sign
        return ` ${above}/${below}`
      },
    )
    .replace(/\\cdot ?/g, '×')
    .replace(/^\{?\(([^,]*)\)\}?$/, '$1')
    .replace(/\}$/, '')
    .trim()
  if (!/^[+-]? ?[\d., /×^{}()eE+\-½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]*$/.test(plain)) return null
  const [number, ...others] = findNumbers(plain)
  if (number?.value == null || others.length > 0) return null
  const before = plain.slice(0, number.start).trim()
  const after = plain.slice(number.end).trim()
  if (!['', '-', '+'].includes(before) || !['', '.', '}', ')'].includes(after)) return null
  const negative = (before === '-' || isNegative(plain, number)) !== sign < 0
  return withSign(number.value, negative)
}
