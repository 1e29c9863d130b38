import type { Decoding, Evaluation, PolicyResult, Trace } from '../../../run/evaluation.js'

/** Characters of a completion that are shown. */
const SHOWN = 400

/** So few problems are shown whole. */
const FEW = 3

/**
 * The texts of the first policy and the last one, one below the other, for the first problems that the last one solves and
 * the first does not, and for the first where it is the other way round. Of a few problems all are shown, also those of a single
 * policy.
 */
export function formatTraces(evaluation: Evaluation, count: number): string {
  const { problems, policies, comparisons } = evaluation
  const [baseline, policy] = [policies[0], policies.at(-1)]
  if (!baseline || !policy || count === 0) return ''
  const comparison = comparisons.find(
    (candidate) => candidate.baseline === baseline.name && candidate.policy === policy.name,
  )
  const paired = comparison?.greedy ?? comparison?.sampled
  const decoding = (comparison ?? baseline).greedy ? 'greedy' : 'sampled'
  const { fixed = [], broken = [] } = paired?.strict ?? {}
  const headings = new Map<string, Heading>([
    ...fixed.map((id) => [id, 'better'] as const),
    ...broken.map((id) => [id, 'worse'] as const),
  ])
  const shown =
    problems.length <= FEW ? problems.map(({ id }) => id) : [...fixed.slice(0, count), ...broken.slice(0, count)]
  const both = baseline === policy ? [policy] : [baseline, policy]
  return shown.map((id) => formatProblem(evaluation, id, headings.get(id) ?? null, both, decoding)).join('\n')
}

/** What became of a problem; null when nothing changed, or there is nothing to compare with. */
type Heading = 'better' | 'worse' | null

function formatProblem(
  { problems }: Evaluation,
  id: string,
  heading: Heading,
  policies: readonly PolicyResult[],
  decoding: Decoding,
): string {
  const index = problems.findIndex((problem) => problem.id === id)
  const problem = problems[index]!
  const lines = [
    `${heading === null ? '' : `${heading}: `}${id}, answer ${oneLine(problem.answer)}`,
    `  ${oneLine(problem.question)}`,
  ]
  for (const [i, { name, [decoding]: result }] of policies.entries()) {
    // With several completions, the first one that shows the difference.
    const traces = result!.completions[index]!
    const isRight = (heading === 'better') === (i === 1)
    const trace = (heading && traces.find(({ correct }) => correct === isRight)) ?? traces[0]!
    lines.push(`  ${name}, ${verdictOf(trace)}:`, `    ${oneLine(trace.text)}`)
  }
  return `${lines.join('\n')}\n`
}

function verdictOf({ correct, correctLenient, finishReason }: Trace): string {
  const grade = correct ? 'right' : correctLenient ? 'right, but not in the form asked for' : 'wrong'
  return finishReason === 'length' ? `${grade}, cut off` : grade
}

/** A text in one line, without control characters, which could change the state of the terminal. */
function oneLine(text: string): string {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)} …` : text
  return shown
    .trim()
    .replace(/\s*\n\s*/g, ' ⏎ ')
    .replace(/\p{Cc}/gu, '')
}
