import { summarizeTraces } from '../../../src/eval/decodingResult.js'
import type { Evaluation, EvaluationSettings, PolicyResult, Trace } from '../../../src/run/evaluation.js'
import type { ReviewLine } from '../../../src/run/reviewsFile.js'
import { reviewPairs } from '../../../src/eval/review/pairs.js'
import type { ReviewPair } from '../../../src/eval/review/pairs.js'

/** A completion: its text, or more of it. */
type Given = string | Partial<Trace>

/** A problem with what both models gave to it, greedily or, as lists, sampled. */
export interface GivenProblem {
  readonly id?: string
  readonly question?: string
  readonly answer?: string
  readonly base: Given | readonly Given[]
  readonly trained: Given | readonly Given[]
}

/** How an evaluation of a few completions is made. */
export const evaluationSettings: EvaluationSettings = {
  maxCompletionLength: 64,
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  stopStrings: [],
  greedy: true,
  samples: 0,
  seed: 0,
  confidence: 0.95,
  resamples: 20,
}

/** An evaluation of a base and a trained model, as `evaluate` makes it. Await `statisticsReady` before. */
export function evaluationOf(given: readonly GivenProblem[], names = ['base', 'trained']): Evaluation {
  const problems = given.map(({ id, question = 'How many?', answer = '4' }, i) => ({
    id: id ?? `p${i}`,
    question,
    prompt: `Question: ${question}`,
    answer,
    difficulty: null,
  }))
  const isSampled = Array.isArray(given[0]!.base)
  const policy = (name: string, of: (problem: GivenProblem) => GivenProblem['base']): PolicyResult => {
    const traces = given.map((problem) => [of(problem)].flat().map((one) => traceOf(one)))
    const result = summarizeTraces(problems, traces, evaluationSettings)
    return {
      name,
      model: 'models/m',
      adapter: null,
      weightFormat: null,
      greedy: isSampled ? null : result,
      sampled: isSampled ? result : null,
    }
  }
  return {
    version: 1,
    createdAt: '2026-12-01T00:00:00.000Z',
    task: 'sums',
    settings: { ...evaluationSettings, greedy: !isSampled, samples: isSampled ? [given[0]!.base].flat().length : 0 },
    problems,
    policies: names.map((name, i) => policy(name, i === 0 ? ({ base }) => base : ({ trained }) => trained)),
    comparisons: [],
  }
}

/** So many problems that both models answered otherwise. */
export function differing(count: number): Evaluation {
  return evaluationOf(
    Array.from({ length: count }, (_, i) => ({ base: `base says ${i}`, trained: `trained says ${i}` })),
  )
}

function traceOf(given: Given): Trace {
  const trace = typeof given === 'string' ? { text: given } : given
  return {
    text: '',
    tokens: 5,
    finishReason: 'stop',
    correct: false,
    correctLenient: trace.correct ?? false,
    extracted: null,
    reason: null,
    ...trace,
    reasoning: {
      steps: 0,
      equations: 0,
      correctEquations: 0,
      selfCorrections: 0,
      helpfulSelfCorrections: 0,
      coherent: null,
      ...trace.reasoning,
    },
  }
}

const pairsOf = new WeakMap<Evaluation, ReadonlyMap<string, ReviewPair>>()

/** A line that prefers one of the two of a problem, or says what is given; the trained model stands at the left. */
export function verdictOn(
  evaluation: Evaluation,
  problem: string,
  choice: 'trained' | 'base' | 'tie' | 'both_bad' | null,
  fields: Partial<ReviewLine> = {},
): ReviewLine {
  if (!pairsOf.has(evaluation)) {
    pairsOf.set(evaluation, new Map(reviewPairs(evaluation).pairs.map((pair) => [pair.problem.id, pair])))
  }
  const pair = pairsOf.get(evaluation)!.get(problem)!
  return {
    time: '2026-12-01T00:00:00.000Z',
    reviewer: 'anna',
    problem,
    decoding: pair.decoding,
    sample: pair.sample,
    pair: pair.pair,
    left: 'trained',
    verdict: choice === 'trained' ? 'left' : choice === 'base' ? 'right' : choice,
    answer_shown: false,
    ...fields,
  }
}
