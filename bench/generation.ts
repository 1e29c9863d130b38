import { generate } from '../src/policy/generate.js'
import { rounded } from './report.js'
import type { BenchRecord } from './report.js'
import type { MeasuredSteps, PreparedWorkload } from './workloads.js'

/** Measures the sampling of a workload's completions alone, prefill included: the fastest of its steps. */
export async function measureGeneration(
  { policy, task, config }: PreparedWorkload,
  { prompts, steps, warmUp, numGenerations, maxCompletionLength }: MeasuredSteps,
): Promise<Omit<BenchRecord, 'benchmark'>> {
  const ids = task.problems.slice(0, prompts).map((problem) => task.prompt(problem, policy.tokenizer).ids)
  let best = { seconds: Infinity, tokens: 0 }
  let firstSeconds = 0
  for (let step = warmUp ? -1 : 0; step < steps; step++) {
    const before = performance.now()
    const groups = await generate(policy, ids, { ...config, minP: 0, numGenerations, maxCompletionLength })
    const seconds = (performance.now() - before) / 1000
    const tokens = groups.flat().reduce((sum, completion) => sum + completion.ids.length, 0)
    if (step < 0) firstSeconds = seconds
    if (step >= 0 && seconds < best.seconds) best = { seconds, tokens }
  }
  return {
    first_s: warmUp ? rounded(firstSeconds) : null,
    generation_s: rounded(best.seconds),
    completion_tokens: best.tokens,
    generation_tokens_per_s: rounded(best.tokens / best.seconds),
  }
}
