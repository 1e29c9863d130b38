import { setImmediate } from 'node:timers/promises'
import { GrpoError } from '../errors.js'
import type { CausalLM } from '../policy/causalLM.js'
import { grade } from '../grading/number.js'
import { generate } from '../policy/generate.js'
import type { Completion, SamplingOptions } from '../policy/generate.js'
import type { Grader, Problem } from '../grading/problem.js'
import type { Task } from '../tasks/task.js'
import { analyseReasoning } from '../grading/reasoning/analyseReasoning.js'
import type { Trace, TraceReasoning } from './evaluation.js'

export interface TraceOptions extends SamplingOptions {
  /** Called whenever some more completions have been graded. */
  onGraded?: () => void
}

/** Completions that are graded at the same time: a grader that runs programs waits for them. */
const GRADED_AT_ONCE = 8

/** Samples completions of problems and grades them. */
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
  for (let start = 0; start < pending.length; start += GRADED_AT_ONCE) {
    // Graders need not wait for anything: without this, Ctrl-C would have no turn.
    await setImmediate()
    options.signal?.throwIfAborted()
    const batch = pending.slice(start, start + GRADED_AT_ONCE)
    traces.push(
      ...(await Promise.all(batch.map(({ problem, completion, prompt }) => gradeTrace(problem, completion, prompt)))),
    )
    options.onGraded?.()
  }
  const perProblem = options.numGenerations ?? 1
  return problems.map((_, i) => traces.slice(i * perProblem, (i + 1) * perProblem))
}

async function gradeTrace(problem: Problem, completion: Completion, prompt: string): Promise<Trace> {
  const { text, ids, finishReason } = completion
  const grader: Grader = problem.grader ?? grade
  try {
    const { correct, correctLenient, extracted, reason = null } = await grader(text, problem, prompt)
    const graded = { correct, correctLenient, extracted, reason }
    return { text, tokens: ids.length, finishReason, ...graded, reasoning: describeReasoning(text, problem.answer) }
  } catch (cause) {
    throw new GrpoError(
      `grading a completion of problem ${problem.id} failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
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
