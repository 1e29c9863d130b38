/**
 * The merges of a BPE that makes of a text what SentencePiece makes of it, which joins the two neighbours whose token has the highest
 * score: every way of cutting a token into two others, tokens of higher scores first, as transformers' converter orders them
 * (generate_merges in convert_slow_tokenizer.py).
 */
export function sentencePieceMerges(
  tokens: readonly string[],
  scores: Float64Array,
  /** Whether a token is made of letters, rather than a byte, or one that is found in a text before. */
  isNormal: (id: number) => boolean,
): string[] {
  const ids = new Map(tokens.flatMap((token, id) => (isNormal(id) ? [[token, id] as const] : [])))
  const merges: (Cut & { score: number })[] = []
  for (const [token, id] of ids) {
    const own = cuts(token, ids)
    own.sort((a, b) => a.leftId - b.leftId || a.rightId - b.rightId)
    for (const cut of own) merges.push({ ...cut, score: scores[id]! })
  }
  merges.sort((a, b) => b.score - a.score || b.leftLength - a.leftLength || b.rightLength - a.rightLength)
  return merges.map(({ leftId, rightId }) => `${tokens[leftId]} ${tokens[rightId]}`)
}

interface Cut {
  readonly leftId: number
  readonly rightId: number
  /** Characters. */
  readonly leftLength: number
  readonly rightLength: number
}

/** All ways of cutting a text into two tokens, between characters. */
function cuts(text: string, ids: ReadonlyMap<string, number>): Cut[] {
  const found: Cut[] = []
  const length = Array.from(text).length
  let at = 0
  // Slices share the text's characters: a file may have many long tokens.
  for (let leftLength = 1; leftLength < length; leftLength++) {
    at += text.codePointAt(at)! > 0xffff ? 2 : 1
    const leftId = ids.get(text.slice(0, at))
    const rightId = leftId === undefined ? undefined : ids.get(text.slice(at))
    if (leftId === undefined || rightId === undefined) continue
    found.push({ leftId, rightId, leftLength, rightLength: length - leftLength })
  }
  return found
}
