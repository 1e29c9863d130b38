import { DataError } from '../../errors.js'
import { codeLanguages } from '../../sandbox/codeRun.js'
import type { CodeLanguage } from '../../sandbox/codeRun.js'
import { runCode } from '../../sandbox/runCode.js'
import type { RunCodeOptions } from '../../sandbox/runCode.js'
import { markedAnswer } from '../answerForm.js'
import type { AnswerForm } from '../answerForm.js'
import type { Grade, Grader, Problem } from '../problem.js'
import { extractCode, helperCode } from './extractCode.js'
import { fencedBlocks } from './fencedBlocks.js'

/** More programs than these are not tried: each may take the whole time limit. */
const MAX_PROGRAMS = 3
const MAX_EXTRACTED = 4000

/**
 * Grades programs by running the problem's tests on them in a sandbox (see {@link runCode}). Strict: the program that the
 * completion most likely means (see {@link extractCode}) passes, and is in `<answer>` where the form `think` is asked for. Lenient: that one, or another one that it may mean.
 *
 * The grader throws a {@link DataError} for a problem without tests, and a ConfigError for Python that is not allowed.
 */
export function codeGrader(options: RunCodeOptions = {}): Grader {
  const grade = async (completion: string, problem: Problem): Promise<Grade> => {
    const { language, tests, prompt, entryPoint, inPlace } = codeColumns(problem)
    const question = { language, prompt, ...(entryPoint !== undefined && { entryPoint }) }
    const isInForm = problem.answerForm === undefined || hasForm(completion, problem.answerForm)
    const programs = extractCode(completion, question).slice(0, MAX_PROGRAMS)
    const extracted = programs[0]?.program.slice(0, MAX_EXTRACTED) ?? null
    let reason = 'no code was found'
    for (const [i, { program, isStrict }] of programs.entries()) {
      const run = {
        language,
        program,
        tests,
        context: helperCode(question),
        ...(entryPoint !== undefined && { entryPoint }),
        ...(inPlace !== undefined && { inPlace }),
      }
      const verdict = await runCode(run, options)
      if (verdict.passed) return { correct: isInForm && isStrict && i === 0, correctLenient: true, extracted }
      if (i === 0) reason = verdict.reason ?? 'failed'
      if (verdict.reason?.includes('time limit') === true) break
    }
    return { correct: false, correctLenient: false, extracted, reason }
  }
  return Object.assign(grade, { forms: ['code', 'think'] as const })
}

/** No program fits on a line or into a box: the forms for that ask for a code block, as `code` does. */
function hasForm(completion: string, form: AnswerForm): boolean {
  const isTagged = markedAnswer(completion, ['think']) !== null
  if (form === 'think') return isTagged
  return !isTagged && (form !== 'bare' || fencedBlocks(completion).length === 0)
}

interface CodeColumns {
  readonly language: CodeLanguage
  readonly tests: string
  readonly prompt: string
  readonly entryPoint?: string
  readonly inPlace?: boolean
}

function codeColumns({ id, columns = {} }: Problem): CodeColumns {
  const { language, tests, prompt, entry_point: entryPoint, in_place: inPlace } = columns
  if (typeof tests !== 'string' || tests.trim() === '' || !codeLanguages.includes(language as CodeLanguage)) {
    throw new DataError(
      `problem ${id} needs the columns tests and language (${codeLanguages.join(', ')}); it has ${Object.keys(columns).join(', ')}`,
    )
  }
  return {
    language: language as CodeLanguage,
    tests,
    prompt: typeof prompt === 'string' ? prompt : '',
    ...(typeof entryPoint === 'string' && entryPoint !== '' && { entryPoint }),
    ...(typeof inPlace === 'boolean' && { inPlace }),
  }
}
