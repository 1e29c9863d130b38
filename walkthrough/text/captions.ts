/** Most characters of a caption: two lines of the strip below the picture. */
const LONGEST_CAPTION = 110

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' })

/** A text without the marks of Markdown. */
export function plainText(text: string): string {
  return text.replace(/[`*]/g, '')
}

/** A text as captions: sentences, and long ones in parts of about the same length, broken behind a comma where there is one. */
export function splitCaptions(text: string): string[] {
  return [...sentences.segment(plainText(text))].flatMap(({ segment }) => splitSentence(segment.trim())).filter(Boolean)
}

function splitSentence(sentence: string): string[] {
  if (sentence.length <= LONGEST_CAPTION) return [sentence]
  // Not before a unit or a sign, which belong to the number before them.
  const breaks = [...sentence.matchAll(/\s+(?=[\p{Letter}\d(“"'])/gu)].map(({ index }) => index)
  const cost = (at: number): number => Math.abs(at - sentence.length / 2) - (/[,;:]/.test(sentence[at - 1]!) ? 25 : 0)
  const [best] = breaks.sort((a, b) => cost(a) - cost(b))
  if (best === undefined) return [sentence]
  return [sentence.slice(0, best), sentence.slice(best)].flatMap((half) => splitSentence(half.trim()))
}

/** How many words a text has when it is read aloud: a number has about as many as digits, a name in camel case as many as parts. */
export function spokenWords(text: string): number {
  return plainText(text)
    .split(/[\s/–—_-]+/)
    .reduce((sum, token) => sum + wordsOf(token), 0)
}

function wordsOf(token: string): number {
  const digits = token.match(/\d/g)?.length ?? 0
  if (digits > 0) return Math.min(digits, 5) + (/\d\.\d/.test(token) ? 1 : 0) + (/\p{Letter}{2}/u.test(token) ? 1 : 0)
  if (!/\p{Letter}/u.test(token)) return /[%=<>+×÷√→]/.test(token) ? 1 : 0
  return 1 + (token.match(/\p{Lowercase}\p{Uppercase}\p{Lowercase}/gu)?.length ?? 0)
}
