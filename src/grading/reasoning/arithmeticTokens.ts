/** The pieces that arithmetic in running text is made of. */
export type ArithmeticToken =
  | {
      readonly kind: 'number'
      readonly value: number
      readonly places: number
      readonly percent: boolean
      readonly text: string
    }
  | { readonly kind: 'operator'; readonly text: '+' | '-' | '*' | '/' | '^' }
  | { readonly kind: 'open' | 'close'; readonly text: string }
  /** A unit behind a number: `apples`, `per hour`, `/kg`. */
  | { readonly kind: 'word'; readonly text: string }
  /** `=`, `≈`, `equals`; `approximate` if the text says that it rounds. */
  | { readonly kind: 'equals'; readonly text: string; readonly approximate: boolean }
  /** What no calculation goes across: the end of a sentence, a comma, a variable. */
  | { readonly kind: 'stop'; readonly text: string }

const operatorWords: Readonly<Record<string, '+' | '-' | '*' | '/'>> = {
  plus: '+',
  minus: '-',
  times: '*',
  'multiplied by': '*',
  'divided by': '/',
  of: '*',
}
const operatorSymbols: Readonly<Record<string, '+' | '-' | '*' | '/' | '^'>> = {
  '+': '+',
  '-': '-',
  '−': '-',
  '–': '-',
  '*': '*',
  '×': '*',
  '·': '*',
  '⋅': '*',
  x: '*',
  X: '*',
  '/': '/',
  '÷': '/',
  '^': '^',
}

const token = new RegExp(
  [
    String.raw`(?<number>(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?|(?<![\d\w])\.\d+)(?<percent>\s?%|\s(?:percent|per cent)\b)?`,
    String.raw`(?<equals>=|≈|≅|\bis (?:equal to|approximately|about|roughly)\b|\bequals\b|\bis\b)`,
    String.raw`(?<operatorWord>\b(?:plus|minus|times|multiplied by|divided by|of)\b)`,
    // An x between two numbers is a multiplication sign, any other one a variable.
    String.raw`(?<operator>[+\-−–*×·⋅÷^]|\/(?![A-Za-z])|(?<=[\d)%]\s?)[xX](?=\s?[\d($.]))`,
    String.raw`(?<unit>\/\s?[A-Za-z]+)`,
    String.raw`(?<open>[([])`,
    String.raw`(?<close>[)\]])`,
    String.raw`(?<word>\p{L}[\p{L}'’-]*\p{L}|\p{L})`,
    String.raw`(?<skip>[\s$€£¥]+)`,
    String.raw`(?<stop>.)`,
  ].join('|'),
  'gsu',
)

/** Reads the arithmetic of one line, LaTeX or plain text. */
export function readArithmeticTokens(line: string): ArithmeticToken[] {
  const tokens: ArithmeticToken[] = []
  const text = plainArithmetic(line)
  for (const match of text.matchAll(token)) {
    const { number, percent, equals, operatorWord, operator, unit, open, close, word, skip } = match.groups!
    if (skip !== undefined) continue
    if (number !== undefined) {
      const digits = number.replaceAll(',', '')
      const places = digits.includes('.') ? digits.length - digits.indexOf('.') - 1 : 0
      // A digit that belongs to a word or variable, as in `x2`, is none.
      if (/[\p{L}_]/u.test(text[match.index - 1] ?? '') && !/[xX]/.test(text[match.index - 1]!))
        tokens.push({ kind: 'stop', text: number })
      else
        tokens.push({ kind: 'number', value: Number(digits), places, percent: percent !== undefined, text: match[0] })
    } else if (equals !== undefined) {
      tokens.push({ kind: 'equals', text: equals, approximate: !/^(?:=|equals|is|is equal to)$/.test(equals) })
    } else if (operatorWord === 'of' && tokens.at(-1)?.kind !== 'number') {
      // `20% of 50` and `1/3 of 9` are products, `rows of 5` is not.
      tokens.push({ kind: 'word', text: operatorWord })
    } else if (operatorWord !== undefined) tokens.push({ kind: 'operator', text: operatorWords[operatorWord]! })
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operatorSymbols[operator]! })
    else if (open !== undefined || close !== undefined)
      tokens.push({ kind: open === undefined ? 'close' : 'open', text: match[0] })
    else if (unit !== undefined || word !== undefined) tokens.push(wordToken(text, match.index, match[0]))
    else tokens.push({ kind: 'stop', text: match[0] })
  }
  return tokens
}

/** Words that stand behind numbers without being units. */
const noUnits = new Set(
  'gives give is are was were equals makes make leaves leave so then and or we he she they it that which has have had get gets because since but if'.split(
    ' ',
  ),
)

/** A letter at a number, as in `3x`, and a single letter are variables. */
function wordToken(text: string, start: number, word: string): ArithmeticToken {
  const isVariable = !word.startsWith('/') && word.length === 1 && !/^[aAI]$/.test(word)
  const isAttached = /[\d)]/.test(text[start - 1] ?? '') && word.length < 2
  return isVariable || isAttached || noUnits.has(word.toLowerCase())
    ? { kind: 'stop', text: word }
    : { kind: 'word', text: word.toLowerCase() }
}

const fraction = /\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g

/** Writes LaTeX and Markdown as plain arithmetic and drops the mark of a list item and GSM8K's calculator annotations. */
function plainArithmetic(line: string): string {
  return (
    line
      .replace(/<<[^<>]*>>/g, '')
      .replace(/^\s*(?:[-*•]\s+|#+\s+|\(?\d{1,2}[.):]\s+)/, '')
      .replace(/(?<=[\d)]) ?\*\* ?(?=[\d(])/g, '^')
      .replace(/\*\*|__|`/g, '')
      .replace(/(\d)(?:\.{3}|…)/g, '$1')
      .replace(/(\d) ?\\[dt]?frac\s*\{(\d+)\}\s*\{(\d+)\}/g, '$1 $2/$3')
      .replace(fraction, '(($1)/($2))')
      .replace(fraction, '(($1)/($2))')
      .replace(/\\(?:text|mathrm|mbox)\s*\{([^{}]*)\}/g, ' $1 ')
      .replace(/\\(?:times|cdot)/g, '×')
      .replace(/\\div/g, '÷')
      .replace(/\\approx/g, '≈')
      .replace(/\{,\}/g, ',')
      .replace(/\^\{(\d+)\}/g, '^$1')
      .replace(/\\!/g, '')
      .replace(/\\[)\]]/g, ' ; ')
      .replace(/\\(?:left|right|,|;|\(|\[|quad)/g, ' ')
      .replace(/\\([$%])/g, '$1')
      // What is left of LaTeX, such as roots and Greek letters, is like a variable.
      .replace(/\\[A-Za-z]+(?:\[[^\]]*\])?(?:\{[^{}]*\})*/g, '§')
      .replace(/\\?[{}]/g, ' ')
  )
}
