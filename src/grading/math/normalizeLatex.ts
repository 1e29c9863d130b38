import { braceArguments, nestingDepth } from './latexArguments.js'

const symbols: Readonly<Record<string, string>> = {
  ...{
    '−': '-',
    '–': '-',
    '×': '\\times ',
    '·': '\\cdot ',
    '÷': '/',
    π: '\\pi ',
    '∞': '\\infty ',
    '≤': '\\le ',
    '≥': '\\ge ',
  },
  ...{
    '≠': '\\ne ',
    '°': '',
    '∪': '\\cup ',
    '∈': '\\in ',
    '±': '\\pm ',
    '²': '^{2}',
    '³': '^{3}',
    '√': '\\sqrt ',
    '∅': '\\emptyset ',
  },
}

/** Spacing, sizes and delimiters that change nothing. */
const invisible =
  /\\(?:left|right|[bB]igg?[lrm]?|displaystyle|limits|!|,|;|:|>|quad|qquad|hspace\{[^{}]*\}|phantom\{[^{}]*\})(?![A-Za-z])/g

/** Words without meaning around an answer: fonts, `\mbox`. */
const fontCommands = /\\(?:mathrm|mathbf|mathit|mathsf|boldsymbol|bm|operatorname)\s*\{([^{}]*)\}/g

const functionNames =
  /(?<![\\A-Za-z])(?:arcsin|arccos|arctan|sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|pi|infty)(?![A-Za-z])/g

/** Longer or deeper texts are compared as they stand. */
const MAX_LENGTH = 2000
const MAX_DEPTH = 40

/**
 * Brings LaTeX, or mathematics written as plain text, to one way of writing: no spacing commands, no delimiters of math
 * mode, `\frac{1}{2}` for `\frac12` and `\dfrac 1 2`, one command for each relation, no currency, percent and degree signs.
 * Single spaces stay where there was white space.
 */
export function normalizeLatex(latex: string): string {
  let text = latex.trim()
  if (text.length > MAX_LENGTH || nestingDepth(text) > MAX_DEPTH) return text
  text = text.replace(/[−–×·÷π∞≤≥≠°∪∈±²³√∅]/g, (symbol) => symbols[symbol]!)
  text = text
    .replace(/\\\$|\$|\\\(|\\\)|\\\[(?!\d*(?:pt|em)\])|\\\]|\\%|%|[€£¥]/g, '')
    .replace(/\*\*(?=\S)([^*]*)\*\*/g, '$1')
  text = text
    .replace(/\\text\s*\{\s*(?:,|and|or)\s*\}/g, ' , ')
    .replace(/\\(?:mbox|textbf|textrm|textit|mathrm\{\s*\\text)\s*\{/g, '\\text{')
  // `\\\\` ends a row of a matrix; elsewhere it is a backslash that was escaped once too often.
  text = text.includes('\\begin') ? text.replaceAll('\\\\', '\\cr ') : text.replace(/\\\\(?=[A-Za-z])/g, '\\')
  text = text
    .replace(/\\! */g, '')
    .replace(invisible, '')
    .replace(/\\ |~|\s+/g, ' ')
    .replace(/\{,\}/g, ',')
  text = text.replace(/\^\s*(?:\{\s*\\circ\s*\}|\\circ)|\\degree|\\circ(?![A-Za-z])/g, '')
  text = text.replace(/\\[dtc]frac(?![A-Za-z])/g, '\\frac').replace(/\\[dt]binom(?![A-Za-z])/g, '\\binom')
  text = text.replace(/\\leqs?l?a?n?t?(?![A-Za-z])/g, '\\le').replace(/\\geqs?l?a?n?t?(?![A-Za-z])/g, '\\ge')
  text = text
    .replace(/\\lt(?![A-Za-z])/g, '<')
    .replace(/\\gt(?![A-Za-z])/g, '>')
    .replace(/<=/g, '\\le ')
    .replace(/>=/g, '\\ge ')
  text = text.replace(/\\neq(?![A-Za-z])|!=/g, '\\ne').replace(/\\(?:langle|lparen)(?![A-Za-z])/g, '(')
  text = text
    .replace(/\\(?:rangle|rparen)(?![A-Za-z])/g, ')')
    .replace(/\\lbrace(?![A-Za-z])/g, '\\{')
    .replace(/\\rbrace(?![A-Za-z])/g, '\\}')
  text = text.replace(/\\(?:varnothing)(?![A-Za-z])/g, '\\emptyset').replace(fontCommands, '$1')
  text = text
    .replace(functionNames, '\\$&')
    .replace(/\\sqrt\s*\(([^()]*)\)/g, '\\sqrt{$1}')
    .replace(/\^\s*\(([^()]*)\)/g, '^{$1}')
  text = text.replace(/\*\*/g, '^').replace(/\*|\\times(?![A-Za-z])/g, '\\cdot ')
  return withoutFinalPoint(braceArguments(text).replace(/ +/g, ' ').trim())
}

function withoutFinalPoint(text: string): string {
  return text.replace(/[.,;:\s]+$/, '').trim()
}
