import type { EvaluatedProblem, Evaluation, Trace } from '../run/evaluation.js'

/** The first answers of two policies to the same problem. */
export interface AnswerPair {
  /** What was asked. */
  readonly problem: EvaluatedProblem
  /** By the name of the policy, that of the baseline first. */
  readonly answers: Readonly<Record<string, Trace>>
  /** Whether the later policy is right where the baseline is not (`improved`), the other way round (`worsened`), or neither (`same`). */
  readonly outcome: 'improved' | 'worsened' | 'same'
}

/**
 * The first answers of the first and the last policy of an evaluation to each of its problems, sampled ones where there are any. Those
 * with the most steps of reasoning in the later answer come first.
 */
export function answerPairs({ policies, problems }: Evaluation): AnswerPair[] {
  const [first, last] = [policies[0], policies.at(-1)]
  if (!first || !last || first === last) return []
  const decoding = first.sampled && last.sampled ? 'sampled' : 'greedy'
  const pairs = problems.flatMap((problem, i) => {
    const [before, after] = [first[decoding]?.completions[i]?.[0], last[decoding]?.completions[i]?.[0]]
    return before && after ? { problem, before, after } : []
  })
  return pairs
    .toSorted((a, b) => b.after.reasoning.steps - a.after.reasoning.steps)
    .map(({ problem, before, after }) => ({
      problem,
      answers: { [first.name]: before, [last.name]: after },
      outcome: before.correct === after.correct ? 'same' : after.correct ? 'improved' : 'worsened',
    }))
}
