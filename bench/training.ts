import { parseGRPOConfig } from '../src/grpo/config/config.js'
import { PolicyUpdate } from '../src/grpo/update/policyUpdate.js'
import type { TrainingRow } from '../src/grpo/update/trainingRow.js'
import { rounded } from './report.js'
import type { BenchRecord } from './report.js'
import type { MeasuredSteps, PreparedWorkload } from './workloads.js'

/**
 * Measures the training half of a workload's step alone, on completions of random tokens, all of the largest length, with
 * advantages of +1 and −1: the fastest of its steps. Tokens are counted as TRL does, prompts once for each completion.
 */
export async function measureTraining(
  { policy, task, config: options }: PreparedWorkload,
  { prompts, steps, warmUp, numGenerations, maxCompletionLength, perDeviceTrainBatchSize }: MeasuredSteps,
): Promise<Omit<BenchRecord, 'benchmark'>> {
  const config = parseGRPOConfig(options)
  const { vocabularySize } = policy.config
  const rows = task.problems.slice(0, prompts).flatMap((problem, group) => {
    const promptIds = task.prompt(problem, policy.tokenizer).ids
    return Array.from({ length: numGenerations }, (_, generation): TrainingRow => ({
      promptIds,
      completionIds: Array.from(
        { length: maxCompletionLength },
        (_, t) => ((group * numGenerations + generation + 1) * 104_729 + t * 7919) % vocabularySize,
      ),
      advantage: generation % 2 === 0 ? 1 : -1,
      inLoss: true,
      samplingLogProbs: null,
      samplingEntropies: null,
      oldLogProbs: null,
      refLogProbs: null,
    }))
  })
  const { gradientAccumulationSteps, stepsPerGeneration } = config
  const position = {
    gradientAccumulationSteps,
    stepsPerGeneration,
    numItemsInBatch: rows.length * maxCompletionLength,
  }
  const update = new PolicyUpdate(policy, config, config.maxSteps)
  let best = { seconds: Infinity, optimizerSeconds: 0 }
  let firstSeconds = 0
  for (let step = warmUp ? -1 : 0; step < steps; step++) {
    const before = performance.now()
    for (let first = 0; first < rows.length; first += perDeviceTrainBatchSize) {
      await update.accumulate(rows.slice(first, first + perDeviceTrainBatchSize), position)
    }
    const accumulated = performance.now()
    update.apply()
    const seconds = (performance.now() - before) / 1000
    const optimizerSeconds = (performance.now() - accumulated) / 1000
    if (step < 0) firstSeconds = seconds
    if (step >= 0 && seconds < best.seconds) best = { seconds, optimizerSeconds }
  }
  const tokens = rows.reduce((sum, { promptIds, completionIds }) => sum + promptIds.length + completionIds.length, 0)
  return {
    first_s: warmUp ? rounded(firstSeconds) : null,
    training_s: rounded(best.seconds),
    optimizer_s: rounded(best.optimizerSeconds),
    trained_tokens: tokens,
    training_tokens_per_s: rounded(tokens / best.seconds),
  }
}
