import { measureSteps } from '../src/cli/bench/fixedWorkload.js'
import type { StepMeasurement } from '../src/cli/bench/fixedWorkload.js'
import { rounded } from './report.js'
import type { BenchRecord } from './report.js'
import type { PreparedWorkload, Workload } from './workloads.js'

/**
 * Measures whole steps of a workload, as the trainer does them: generation, training and optimizer; the fastest one counts.
 * Trained tokens are counted as TRL does, prompts once for each completion.
 */
export async function measureStep(
  { policy, task, config }: PreparedWorkload,
  { warmUp, prompts, numGenerations }: Workload,
): Promise<Omit<BenchRecord, 'benchmark'>> {
  const measurements: StepMeasurement[] = []
  for await (const measurement of measureSteps(policy, task, config)) {
    measurements.push(measurement)
    process.stderr.write(`  step ${measurements.length}: ${measurement.seconds.toFixed(2)} s\n`)
  }
  if (warmUp) measurements.shift()
  const best = measurements.reduce((a, b) => (b.seconds < a.seconds ? b : a))
  const { seconds, generationSeconds, trainingSeconds, completionTokens, trainedTokens } = best
  return {
    step_s: rounded(seconds),
    generation_s: rounded(generationSeconds),
    training_s: rounded(trainingSeconds),
    completion_tokens: completionTokens,
    trained_tokens: trainedTokens,
    mean_completion_length: rounded(completionTokens / (prompts * numGenerations)),
    generation_tokens_per_s: rounded(completionTokens / generationSeconds),
    training_tokens_per_s: rounded(trainedTokens / trainingSeconds),
  }
}
