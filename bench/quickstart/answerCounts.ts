import { runOptions } from '../../src/cli/quickstart/settings.js'
import { shareEstimate } from '../../src/eval/estimates.js'
import { evaluate } from '../../src/eval/evaluate.js'
import { bootstrapIntervals } from '../../src/eval/statistics/bootstrap.js'
import { passAtK } from '../../src/eval/statistics/passAtK.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import type { Estimate } from '../../src/run/evaluation.js'
import type { Task } from '../../src/tasks/task.js'

const CONFIDENCE = 0.95

/** How often each problem of a set was answered rightly, in the form asked for. */
export interface AnswerCounts {
  /** Sampled answers to each problem, at the temperature of the training. */
  readonly samples: number
  /** Right ones among them. */
  readonly right: readonly number[] // [problems]
  /** Whether the greedy answer is right, as 1 or 0; null where there was none. */
  readonly greedy: readonly number[] | null // [problems]
}

/** Has a model answer every problem of a task, `samples` times and, if asked for, greedily. */
export async function countAnswers(
  model: CausalLM,
  task: Task,
  { samples, greedy }: { samples: number; greedy: boolean },
): Promise<AnswerCounts> {
  const { maxCompletionLength, temperature } = runOptions
  const { policies } = await evaluate({ model }, task, { samples, greedy, maxCompletionLength, temperature })
  const counts = (completions: readonly (readonly { correct: boolean }[])[]): number[] =>
    completions.map((row) => row.filter(({ correct }) => correct).length)
  const { sampled, greedy: likeliest } = policies[0]!
  return { samples, right: counts(sampled!.completions), greedy: likeliest && counts(likeliest.completions) }
}

/** Chance that one of k sampled answers is right, with the interval that evaluations have (docs/evaluation.md). */
export function passAtKEstimate(counts: readonly AnswerCounts[], k: number): Estimate {
  const samples = counts.reduce((sum, { samples: each }) => sum + each, 0)
  return shareEstimate(passAtKShares(counts, k), samples, CONFIDENCE)
}

/** Share of problems whose greedy answer is right; the mean over several models that answered the same problems. */
export function greedyEstimate(counts: readonly AnswerCounts[]): Estimate {
  return shareEstimate(greedyShares(counts), counts.length, CONFIDENCE)
}

/** The difference of two means over the same problems, the second minus the first; problems are drawn again for its interval. */
export function pairedDifference(before: readonly number[], after: readonly number[]): Estimate {
  const differences = after.map((share, i) => share - before[i]!)
  const resampling = { resamples: 10_000, seed: 0, confidence: CONFIDENCE }
  const [interval] = bootstrapIntervals([{ numerators: differences }], resampling)
  const value = differences.reduce((sum, difference) => sum + difference, 0) / differences.length
  return { value, low: interval?.[0] ?? null, high: interval?.[1] ?? null }
}

/** pass@k of each problem, the mean over the models. */
export function passAtKShares(counts: readonly AnswerCounts[], k: number): number[] {
  return meanByProblem(counts.map(({ samples, right }) => right.map((count) => passAtK(samples, count, k))))
}

/** Share of the models whose greedy answer to each problem is right. */
export function greedyShares(counts: readonly AnswerCounts[]): number[] {
  return meanByProblem(counts.map(({ greedy }) => greedy!))
}

function meanByProblem(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length)
}
