/** Trains byte-level byte pair encoding (Sennrich et al. 2016, arXiv 1508.07909; on bytes as in GPT-2). */

/** How a text is cut before its pieces are encoded: digits one by one, each word with the space before it. */
export const SPLIT_PATTERN = ' ?[0-9]| ?[A-Za-z]+| ?[^\\s0-9A-Za-z]+|\\s'

/** How byte-level tokens spell each byte: printable ones as themselves, others as characters from U+0100 on (GPT-2). */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters()

function byteCharacters(): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    return String.fromCharCode(printable ? byte : next++)
  })
}

export type Merge = readonly [left: string, right: string]

/**
 * Joins the most frequent pair of neighbouring tokens again and again. Of equally frequent pairs the first in the order of their
 * characters is taken, so the result depends on the texts alone. Ends early when no pair occurs twice.
 * @returns the merges in their order, spelled in byte-level characters
 */
export function trainMerges(texts: Iterable<string>, count: number): Merge[] {
  const words = countWords(texts)
  const merges: Merge[] = []
  while (merges.length < count) {
    const best = mostFrequentPair(words)
    if (!best) break
    merges.push(best)
    for (const word of words) join(word.tokens, best)
  }
  return merges
}

interface Word {
  readonly tokens: string[]
  readonly count: number
}

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>()
  const pattern = new RegExp(SPLIT_PATTERN, 'g')
  for (const text of texts) for (const [word] of text.matchAll(pattern)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].map(([word, count]) => ({
    tokens: Array.from(Buffer.from(word), (byte) => BYTE_CHARACTERS[byte]!),
    count,
  }))
}

function mostFrequentPair(words: readonly Word[]): Merge | null {
  const counts = new Map<string, number>()
  for (const { tokens, count } of words) {
    for (let i = 1; i < tokens.length; i++) {
      // No token holds a space: it is spelled Ġ.
      const pair = `${tokens[i - 1]!} ${tokens[i]!}`
      counts.set(pair, (counts.get(pair) ?? 0) + count)
    }
  }
  let best: string | null = null
  let most = 1
  for (const [pair, count] of counts) {
    if (count > most || (count === most && best !== null && pair < best)) [best, most] = [pair, count]
  }
  return best === null ? null : (best.split(' ') as unknown as Merge)
}

/** Joins each occurrence of a pair, in place. */
function join(tokens: string[], [left, right]: Merge): void {
  for (let i = 0; i < tokens.length - 1; i++) {
    if (tokens[i] === left && tokens[i + 1] === right) tokens.splice(i, 2, left + right)
  }
}
