/** The answer of one completion as a vote. */
export interface Vote {
  /** Null abstains. */
  readonly answer: string | null
  readonly correct: boolean
}

/**
 * maj@k: whether the answer that most completions of a problem give is right (self-consistency, Wang et al. 2022, arXiv
 * 2203.11171). Answers that are the same text are the same answer. A tie is broken by lot, so the result is the
 * probability to be right; 0 when no completion has an answer.
 */
export function majorityCorrect(votes: readonly Vote[]): number {
  const counts = new Map<string, { count: number; correct: boolean }>()
  for (const { answer, correct } of votes) {
    if (answer === null) continue
    const entry = counts.get(answer) ?? { count: 0, correct }
    entry.count++
    counts.set(answer, entry)
  }
  const most = Math.max(0, ...[...counts.values()].map(({ count }) => count))
  const winners = [...counts.values()].filter(({ count }) => count === most)
  if (winners.length === 0) return 0
  return winners.filter(({ correct }) => correct).length / winners.length
}
