import type { Draw } from '../../tasks/generators/wordProblems/draw.js'
import { capitalised } from './words.js'
import type { Cast } from './words.js'

const SMALL =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const TENS = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')

/** A whole number below 100 in words; others in digits. */
export function numberInWords(value: number): string {
  if (value < SMALL.length) return SMALL[value]!
  if (value >= 100) return String(value)
  const tens = TENS[Math.floor(value / 10) - 2]!
  return value % 10 === 0 ? tens : `${tens}-${SMALL[value % 10]!}`
}

/** Share of the stories that write numbers in words. */
const IN_WORDS = 0.15

/** Whether a story writes numbers in words: all of them, those up to twelve, or none. */
export type NumberStyle = 'digits' | 'words' | 'small-words'

/** Draws how a story writes its numbers. */
export function drawNumberStyle(draw: Draw): NumberStyle {
  if (!draw.chance(IN_WORDS)) return 'digits'
  return draw.chance(0.5) ? 'words' : 'small-words'
}

/**
 * Tells a sentence: `[has|owns|]` becomes one of its alternatives, `{N}`, `{T}`, `{he}` words of the story, `{a}`, `{b}`, `{c}`,
 * `{d}` its numbers. Sentences begin with a capital letter.
 */
export function tell(
  draw: Draw,
  wording: string,
  cast: Cast,
  numbers: Readonly<Record<string, number>>,
  style: NumberStyle,
): string {
  let text = wording
  for (let before = ''; before !== text;) {
    before = text
    text = text.replace(/\[([^[\]]*)\]/g, (_, alternatives: string) => draw.pick(alternatives.split('|')))
  }
  text = text.replace(/\{(\w+)\}/g, (_, slot: string) => {
    const value = numbers[slot]
    if (value === undefined) return cast[slot as keyof Cast]
    return style === 'words' || (style === 'small-words' && value <= 12) ? numberInWords(value) : String(value)
  })
  return text
    .replace(/ +/g, ' ')
    .replace(/ ([.,?])/g, '$1')
    .trim()
    .replace(/(^|[.?!] )([a-z])/g, (_, before: string, letter: string) => before + capitalised(letter))
}
