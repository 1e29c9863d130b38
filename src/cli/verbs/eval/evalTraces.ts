import type { Decoding, Evaluation, PolicyResult, Trace } from '../../../run/evaluation.js'

/** Characters of a completion that are shown. */
const SHOWN = 400

/**
 * The texts of the first policy and the last one, one below the other, for the first problems that the last one solves and
 * the first does not, and for the first where it is the other way round.
 */
export function formatTraces(evaluation: Evaluation, count: number): string {
  const baseline = evaluation.policies[0]
  const policy = evaluation.policies.at(-1)
  const comparison = evaluation.comparisons.find(
    (candidate) => candidate.baseline === baseline?.name && candidate.policy === policy?.name,
  )
  const paired = comparison?.greedy ?? comparison?.sampled
  if (!baseline || !policy || !paired || count === 0) return ''
  const decoding = comparison?.greedy ? 'greedy' : 'sampled'
  const show = (ids: readonly string[], heading: string): string[] =>
    ids.slice(0, count).map((id) => formatProblem(evaluation, id, heading, [baseline, policy], decoding))
  return [...show(paired.strict.fixed, 'better'), ...show(paired.strict.broken, 'worse')].join('\n')
}

function formatProblem(
  { problems }: Evaluation,
  id: string,
  heading: string,
  policies: readonly PolicyResult[],
  decoding: Decoding,
): string {
  const index = problems.findIndex((problem) => problem.id === id)
  const problem = problems[index]!
  const lines = [`${heading}: ${id}, answer ${oneLine(problem.answer)}`, `  ${oneLine(problem.question)}`]
  for (const [i, { name, [decoding]: result }] of policies.entries()) {
    // With several completions, the first one that shows the difference.
    const traces = result!.completions[index]!
    const isRight = (heading === 'better') === (i === 1)
    const trace = traces.find(({ correct }) => correct === isRight) ?? traces[0]!
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
