const units = [
  ...['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'],
  ...['thirteen', 'fourteen', 'fifteen', 'sixteen', 'seventeen', 'eighteen', 'nineteen'],
]
const tens = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety']
const scales: Readonly<Record<string, number>> = {
  hundred: 100,
  thousand: 1000,
  million: 1_000_000,
  billion: 1_000_000_000,
}
const word = [...units, ...tens, ...Object.keys(scales)].join('|')
const phrase = new RegExp(`\\b(?:minus |negative )?(?:${word})(?:(?:-| |,? and )(?:${word})){0,12}\\b`, 'gi')

/** A number that is written out in English. */
export interface NumberWords {
  readonly start: number
  readonly end: number
  /** The number as decimal digits, e.g. `125`. */
  readonly value: string
}

/** Finds numbers written out in English, such as `eighteen` or `one hundred and twenty-five`, from the first to the last. */
export function findNumberWords(text: string): NumberWords[] {
  const numbers: NumberWords[] = []
  for (const match of text.matchAll(phrase)) {
    const value = valueOf(match[0].toLowerCase())
    if (value !== null) numbers.push({ start: match.index, end: match.index + match[0].length, value: String(value) })
  }
  return numbers
}

function valueOf(words: string): number | null {
  let total = 0
  let group = 0
  let last = Infinity
  for (const part of words.split(/[ ,-]+/)) {
    if (part === 'and' || part === 'minus' || part === 'negative') continue
    const factor = scales[part]
    if (factor === undefined) {
      const unit = units.indexOf(part)
      const value = unit >= 0 ? unit : (tens.indexOf(part) + 2) * 10
      // `twenty five` is a number, `five twenty` and `five six` are two.
      if (!(last === Infinity || (last >= 20 && last < 100 && value < 10) || last === 100)) return null
      group += value
      last = value
    } else if (factor === 100) {
      group = (group || 1) * 100
      last = 100
    } else {
      total += (group || 1) * factor
      group = 0
      last = Infinity
    }
  }
  const value = total + group
  return /^(?:minus|negative)/.test(words) ? -value : value
}
