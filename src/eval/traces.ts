import { setImmediate } from 'node:timers/promises'
import { GradingError } from '../errors.js'
import type { CausalLM } from '../policy/causalLM.js'
import { gradeOf } from '../grading/gradeOf.js'
import { generate } from '../policy/generate.js'
import type { Completion, SamplingOptions } from '../engine/sampling.js'
import type { Grade, Problem } from '../grading/problem.js'
import type { Task } from '../tasks/task.js'
import { analyseReasoning } from '../grading/reasoning/analyseReasoning.js'
import type { Trace, TraceReasoning } from '../run/evaluation.js'

export interface TraceOptions extends SamplingOptions {
  /** Called whenever some more completions have been graded. */
  onGraded?: () => void
}

/** Completions that are graded at the same time: a grader that runs programs waits for them. */
const GRADED_AT_ONCE = 8

/** Samples completions of problems and grades them. Throws a {@link GradingError} when the grader fails on all of them. */
export async function sampleTraces(
  model: CausalLM,
  task: Task,
  problems: readonly Problem[],
  options: TraceOptions,
): Promise<Trace[][]> {
  const prompts = problems.map((problem) => task.prompt(problem, model.tokenizer))
  const completions = await generate(
    model,
    prompts.map(({ ids }) => ids),
    options,
  )
  const pending = problems.flatMap((problem, i) =>
    completions[i]!.map((completion) => ({ problem, completion, prompt: prompts[i]!.text })),
  )
  const traces: Trace[] = []
  const errors: GradingError[] = []
  for (let start = 0; start < pending.length; start += GRADED_AT_ONCE) {
    // Graders need not wait for anything: without this, Ctrl-C would have no turn.
    await setImmediate()
    options.signal?.throwIfAborted()
    const batch = pending.slice(start, start + GRADED_AT_ONCE)
    traces.push(
      ...(await Promise.all(
        batch.map(({ problem, completion, prompt }) => gradeTrace(problem, completion, prompt, errors)),
      )),
    )
    options.onGraded?.()
  }
  const [error] = errors
  if (error && errors.length === traces.length) throw error
  if (error) console.warn(`warning: ${errors.length} completions count as wrong: ${error.message}`)
  const perProblem = options.numGenerations ?? 1
  return problems.map((_, i) => traces.slice(i * perProblem, (i + 1) * perProblem))
}

async function gradeTrace(
  problem: Problem,
  completion: Completion,
  prompt: string,
  errors: GradingError[],
): Promise<Trace> {
  const { text, ids, finishReason } = completion
  const { correct, correctLenient, extracted, reason = null } = await gradeOrFail(problem, text, prompt, errors)
  const graded = { correct, correctLenient, extracted, reason }
  return { text, tokens: ids.length, finishReason, ...graded, reasoning: describeReasoning(text, problem.answer) }
}

/** The grade of a completion; one that the grader fails on is wrong, with its error as the reason, which is added to `errors`. */
async function gradeOrFail(problem: Problem, text: string, prompt: string, errors: GradingError[]): Promise<Grade> {
  try {
    return await gradeOf(text, problem, prompt)
  } catch (error) {
    if (!(error instanceof GradingError)) throw error
    errors.push(error)
    return { correct: false, correctLenient: false, extracted: null, reason: error.message }
  }
}

function describeReasoning(text: string, answer: string): TraceReasoning {
  const analysis = analyseReasoning(text, answer)
  return {
    steps: analysis.steps.length,
    equations: analysis.calculations.length,
    correctEquations: analysis.calculations.length - analysis.wrongCalculations.length,
    selfCorrections: analysis.selfCorrections.length,
    helpfulSelfCorrections: analysis.helpfulSelfCorrections.length,
    coherent: analysis.finalAnswerFollows,
  }
}
