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
  const ids = new Map(tokens.map((token, id) => [token, id]))
  const merges: (Cut & { score: number })[] = []
  for (const [id, token] of tokens.entries()) {
    if (!isNormal(id)) continue
    const own = cuts(token).filter(({ left, right }) => [left, right].every((part) => isNormal(ids.get(part) ?? -1)))
    own.sort((a, b) => ids.get(a.left)! - ids.get(b.left)! || ids.get(a.right)! - ids.get(b.right)!)
    for (const cut of own) merges.push({ ...cut, score: scores[id]! })
  }
  merges.sort((a, b) => b.score - a.score || b.leftLength - a.leftLength || b.rightLength - a.rightLength)
  return merges.map(({ left, right }) => `${left} ${right}`)
}

interface Cut {
  readonly left: string
  readonly right: string
  /** Characters. */
  readonly leftLength: number
  readonly rightLength: number
}

/** All ways of cutting a text into two, between characters. */
function cuts(text: string): Cut[] {
  const characters = Array.from(text)
  return characters.slice(1).map((_, i) => ({
    left: characters.slice(0, i + 1).join(''),
    right: characters.slice(i + 1).join(''),
    leftLength: i + 1,
    rightLength: characters.length - i - 1,
  }))
}
