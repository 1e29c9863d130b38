const units =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')

/** A whole number below a billion in English words. */
export function inWords(value: number): string {
  if (value < 20) return units[value]!
  if (value < 100) return tens[Math.floor(value / 10) - 2]! + (value % 10 === 0 ? '' : `-${units[value % 10]!}`)
  const [size, word, join] =
    value < 1000 ? [100, 'hundred', ' and '] : value < 1_000_000 ? [1000, 'thousand', ' '] : [1_000_000, 'million', ' ']
  const rest = value % size
  return `${inWords(Math.floor(value / size))} ${word}${rest === 0 ? '' : join + inWords(rest)}`
}
