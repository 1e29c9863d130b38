import { parseFormula } from '../formula/parseFormula.js'
import { tokenize } from '../formula/tokens.js'
import { plainCharacters } from '../numbers/characters.js'
import type { Answer } from './answer.js'
import { answerOf } from './answerOf.js'
import { withoutLeadIn } from './withoutExplanation.js'

const CACHE_SIZE = 2000
/** Longer answers are not kept. */
const MAX_CACHED = 500
/** Gold answers come again with every completion, and completions of a group repeat each other. */
const cache = new Map<string, Answer>()

/** Reads an answer in LaTeX or plain text. Takes time linear in its length, up to a bounded depth. */
export function readAnswer(text: string): Answer {
  const known = cache.get(text)
  if (known !== undefined) return known
  const answer = readTime(text) ?? readChoice(text) ?? readFormula(text)
  if (text.length > MAX_CACHED) return answer
  if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value!)
  cache.set(text, answer)
  return answer
}

const leadingWords = /^\s*\\text(?:bf|rm|it)?\s*\{([^{}]*)\}(?=\s*\S)/

function readFormula(text: string): Answer {
  // `\text{The answer is } 7`
  const words = leadingWords.exec(text)?.[1] ?? ''
  const isLeadIn = words !== '' && withoutLeadIn(`${words}|`) === '|'
  const formula = parseFormula(withoutLeadIn(isLeadIn ? text.replace(leadingWords, '') : text))
  if (formula !== null) return answerOf(formula)
  const tokens = tokenize(text)
  return { kind: 'opaque', text: tokens === null ? text : tokens.map((token) => token.text).join(' ') }
}

/** `12:30`, `5:00 \text{ PM}`, `5 p.m.` */
function readTime(text: string): Answer | null {
  if (text.length > 80 || !/[:mM]/.test(text)) return null
  const plain = plainCharacters(text)
    .replace(/\\(?:text|mathrm|mbox|textrm)\b|\\[,;:! ]|[{}$~\s]/g, '')
    .replace(/\.$/, '')
  const match = /^(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?([ap])?\.?(?:m\.?)?$/i.exec(plain)
  if (match === null || (match[2] === undefined && match[4] === undefined)) return null
  if (match[4] !== undefined && !/m\.?$/i.test(plain)) return null
  const [, hours, minutes = '00', seconds = '00', half = ''] = match
  return { kind: 'time', minutes: `${Number(hours)}:${minutes}:${seconds}`, half: half.toLowerCase() }
}

/** `\textbf{(C)}\ 12`: a letter of several choices, and what it stands for. */
function readChoice(text: string): Answer | null {
  const match =
    /^\s*(?:\\(?:text|textbf|mathrm|mathbf|textrm|bf)\s*\{?)?\s*\(([A-J])\)\s*\}?(?:\\[ ,;:!]|\\quad|[\s:.~])*([^\s}].*)$/s.exec(
      text,
    )
  if (
    match === null ||
    /^[\^_+\-*/=!<>]|^(?:[,;]|(?:\\text\{)?\s*(?:and|or)\b)|^\\(?:cup|cap|cdot|times|in)\b|^\([A-Z]\)/.test(match[2]!)
  )
    return null
  return { kind: 'choice', letter: match[1]!, is: readFormula(match[2]!.replace(/^([^{]*)\}$/, '$1')) }
}
