import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { ConfigError, DataError } from '../errors.js'
import { CausalLM } from '../policy/causalLM.js'
import { adviseOnMemory } from '../policy/outOfMemory.js'
import { defaultCompletionLength } from '../engine/sampling.js'
import type { SamplingOptions } from '../engine/sampling.js'
import type { Problem } from '../grading/problem.js'
import type { Task } from '../tasks/task.js'
import { summarizeTraces } from './decodingResult.js'
import { EVALUATION_VERSION } from '../run/evaluation.js'
import type { Comparison, Evaluation, EvaluatedProblem, EvaluationSettings, PolicyResult } from '../run/evaluation.js'
import { problemsOf } from '../options/schema.js'
import { evaluationOptions } from '../run/evaluationOptions.js'
import type { EvaluationValues } from './evaluationValues.js'
import { pairResults } from './pairedResult.js'
import { statisticsReady } from './statistics/distributions.js'
import { sampleTraces } from './traces.js'

/** How policies are evaluated. */
export interface EvaluateOptions extends EvaluationValues {
  /** Takes the first problems of the task only. Defaults to all. */
  limit?: number | undefined
  /** Adapter folders by the names of the policies, for the record. Defaults to none. */
  adapters?: Readonly<Record<string, string>>
  /**
   * An evaluation of the same problems in the same way: policies that it holds by their names are taken from there instead of
   * being asked again. Defaults to none.
   */
  earlier?: Evaluation
  /** Ends the evaluation early with the reason of the signal. */
  signal?: AbortSignal
  /** Called while completions are sampled and graded. */
  onProgress?: (progress: EvaluationProgress) => void
}

/** What an evaluation is doing. */
export interface EvaluationProgress {
  /** Name of the policy. */
  readonly policy: string
  /** Whether the likeliest tokens are taken, or tokens sampled. */
  readonly decoding: 'greedy' | 'sampled'
  /** Whether completions are sampled or graded. */
  readonly phase: 'sampling' | 'grading'
  /** Completions of all policies that have ended so far. */
  readonly done: number
  /** Completions of the whole evaluation. */
  readonly total: number
  /** Tokens sampled so far for this policy and way of decoding. */
  readonly tokens: number
}

type Decoding = Pick<EvaluationProgress, 'policy' | 'decoding'>

/**
 * Evaluates policies on the same problems with the same prompts, seeds and sampling, and compares each with those before it.
 * A model with an adapter is compared with itself without it, as `base` and `trained`; a model without one is evaluated
 * alone, as `model`. Several policies are given by their names, the baseline first: `{ base, trained, placebo }`.
 *
 * Throws a {@link ConfigError} for options out of range, a {@link DataError} for a task without problems, and a GrpoError
 * when a completion cannot be graded.
 */
export async function evaluate(
  policies: CausalLM | Readonly<Record<string, CausalLM>>,
  task: Task,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const named = Object.entries(policies instanceof CausalLM ? withBaseline(policies) : policies)
  if (named.length === 0) throw new ConfigError('evaluate: no policy was given')
  const settings = settingsOf(
    options,
    named.map(([, model]) => model),
  )
  await statisticsReady
  if (task.problems.length === 0) throw new DataError(`task ${task.name} has no problems to evaluate on`)
  const problems = task.problems.slice(0, options.limit)
  const evaluated = problems.map((problem) => describeProblem(task, problem, named[0]![1]))
  const known = knownResults(options.earlier, evaluated, settings)
  const total =
    named.filter(([name]) => !known.has(name)).length * problems.length * (Number(settings.greedy) + settings.samples)
  let before = 0
  const results: PolicyResult[] = []
  for (const [name, model] of named) {
    const result = known.get(name)
    results.push(
      result ?? {
        name,
        model: model.folder,
        adapter: options.adapters?.[name] ?? null,
        weightFormat: model.weightFormat,
        greedy: settings.greedy ? await decode({ policy: name, decoding: 'greedy' }, model) : null,
        sampled: settings.samples > 0 ? await decode({ policy: name, decoding: 'sampled' }, model) : null,
      },
    )
  }
  return {
    version: EVALUATION_VERSION,
    createdAt: new Date().toISOString(),
    task: task.name,
    settings,
    problems: evaluated,
    policies: results,
    comparisons: results.flatMap((policy, i) =>
      results.slice(0, i).map((baseline) => comparePolicies(evaluated, baseline, policy, settings)),
    ),
  }

  async function decode(what: Decoding, model: CausalLM): Promise<PolicyResult['greedy']> {
    const sampling = samplingOf(settings, what.decoding)
    const all = problems.length * (sampling.numGenerations ?? 1)
    let tokens = 0
    const tell = (phase: EvaluationProgress['phase'], ended: number): void =>
      options.onProgress?.({ ...what, phase, done: before + ended, total, tokens })
    const { maxCompletionLength, samples } = settings
    const traces = await adviseOnMemory(model, { maxCompletionLength, samples }, () =>
      sampleTraces(model, task, problems, {
        ...sampling,
        ...(options.signal && { signal: options.signal }),
        onProgress: (sampled, ended) => {
          tokens = sampled
          tell('sampling', ended)
        },
        onGraded: () => {
          tell('grading', all)
        },
      }),
    )
    before += all
    return summarizeTraces(evaluated, traces, settings)
  }
}

/** The results of an earlier evaluation by policy. Throws a ConfigError when it was of other problems or settings. */
function knownResults(
  earlier: Evaluation | undefined,
  problems: readonly EvaluatedProblem[],
  settings: EvaluationSettings,
): ReadonlyMap<string, PolicyResult> {
  if (!earlier) return new Map()
  for (const [what, before, now] of [
    ['problems', earlier.problems, problems],
    ['settings', earlier.settings, settings],
  ] as const) {
    if (isDeepStrictEqual(before, now)) continue
    throw new ConfigError(
      `evaluate: the earlier evaluation has other ${what}; leave it out, or evaluate in the same way`,
    )
  }
  return new Map(earlier.policies.map((result) => [result.name, result]))
}

function withBaseline(policy: CausalLM): Record<string, CausalLM> {
  return policy.adapter ? { base: policy.baseModel, trained: policy } : { model: policy }
}

function describeProblem(task: Task, problem: Problem, model: CausalLM): EvaluatedProblem {
  const { id, question, answer, difficulty } = problem
  return { id, question, answer, prompt: task.prompt(problem, model.tokenizer).text, difficulty: difficulty ?? null }
}

const settingsSchema = z.object(evaluationOptions)
const limitSchema = z.object({
  limit: z.int().positive().optional().describe('Takes the first problems of the task only. Defaults to all.'),
})

/** Checks the options and fills in the defaults. */
function settingsOf(options: EvaluateOptions, models: readonly CausalLM[]): EvaluationSettings {
  const { problems, value } = problemsOf(settingsSchema, { ...options })
  problems.push(...problemsOf(limitSchema, { limit: options.limit }).problems)
  if (problems.length > 0 || !value) throw new ConfigError(`evaluate: ${problems.join('\n  ')}`)
  const { maxCompletionLength: given, ...rest } = value
  const maxCompletionLength = given ?? Math.min(...models.map(({ config }) => defaultCompletionLength(config)))
  const { greedy, samples, temperature } = rest
  if (!greedy && samples === 0) {
    throw new ConfigError('evaluate: greedy is off and samples is 0, so nothing would be sampled')
  }
  if (samples > 0 && temperature === 0) {
    throw new ConfigError(
      'evaluate: temperature is 0, which greedy already covers; set samples to 0, or a temperature above 0',
    )
  }
  return { maxCompletionLength, ...rest }
}

function samplingOf(settings: EvaluationSettings, decoding: Decoding['decoding']): SamplingOptions {
  const { maxCompletionLength, repetitionPenalty, stopStrings, seed } = settings
  const common = { maxCompletionLength, repetitionPenalty, stopStrings, seed }
  if (decoding === 'greedy') return { ...common, temperature: 0, numGenerations: 1 }
  const { temperature, topK, topP, minP, samples } = settings
  return { ...common, temperature, topK, topP, minP, numGenerations: samples }
}

function comparePolicies(
  problems: readonly EvaluatedProblem[],
  baseline: PolicyResult,
  policy: PolicyResult,
  settings: EvaluationSettings,
): Comparison {
  const pair = (decoding: Decoding['decoding']): Comparison['greedy'] => {
    const before = baseline[decoding]
    const after = policy[decoding]
    return before && after && pairResults(problems, before, after, settings)
  }
  return { baseline: baseline.name, policy: policy.name, greedy: pair('greedy'), sampled: pair('sampled') }
}
