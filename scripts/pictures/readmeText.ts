/** Lines of an answer that are shown of each of the two traces. */
const TRACE_LINES = 14

/**
 * What `npm start` prints, shortened for README.md: the accuracy of the base, the first, a middle and the last step, the table, and
 * the beginning of the two answers. Everything else stands in the recording.
 * @param lines all that the terminal holds
 * @throws Error when the output has another form
 */
export function shortenedOutput(lines: readonly string[]): string {
  const indexOf = (what: string, pattern: RegExp, from = 0): number => {
    const found = lines.findIndex((line, i) => i >= from && pattern.test(line))
    if (found < 0) throw new Error(`the output of npm start has no ${what} (${String(pattern)}); mend readmeText.ts`)
    return found
  }
  const base = indexOf('accuracy of the base', /^base .*are right/)
  const steps = lines.filter((line) => /^step +\d+\/\d+ /.test(line))
  const table = indexOf('table', /^ +base +after GRPO/)
  const traces = indexOf('answers', /^base model +after GRPO/, table)
  const report = indexOf('line about the report', /^report +/, traces)
  const answers = lines.slice(traces, report).filter((line) => line !== '')
  const shownSteps = [steps[0], steps[Math.floor((steps.length - 1) * 0.4)], steps.at(-1)]
  return [
    lines[base],
    ...shownSteps,
    '',
    ...lines.slice(table, traces),
    ...answers.slice(0, TRACE_LINES),
    ...(answers.length > TRACE_LINES ? ['…'] : []),
  ].join('\n')
}
