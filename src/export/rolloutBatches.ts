import type { GRPOConfig } from '../grpo/config/config.js'
import { stepsForEpochs } from '../grpo/runPlan.js'
import type { ExportPlan } from './exportPlan.js'
import { refused } from './optionOutcome.js'
import type { OptionOutcome } from './optionOutcome.js'

/** Our batches as engines count that sample prompts, then train on the completions in mini-batches. */
export interface RolloutBatches {
  /** Prompts that are sampled from at a time, with the same weights. */
  readonly prompts: number
  /** Completions of an optimizer step, of all processes together. */
  readonly optimizerBatch: number
  /** Completions that a process computes at a time; the results do not depend on it. */
  readonly microBatch: number
  /** Optimizer steps on the completions of a rollout, repetitions (num_iterations) included. */
  readonly stepsPerRollout: number
  /** Optimizer steps of the run. */
  readonly maxSteps: number
  /** How often prompts are sampled in the run; the last time may train for more steps than the run has. */
  readonly rollouts: number
}

type BatchOptions = Pick<
  GRPOConfig,
  | 'numGenerations'
  | 'perDeviceTrainBatchSize'
  | 'gradientAccumulationSteps'
  | 'stepsPerGeneration'
  | 'generationBatchSize'
  | 'numIterations'
>

/** The batches of a run, or why they cannot be said in that way and what to do. */
export function rolloutBatches({ config, task, processes }: ExportPlan): RolloutBatches | string {
  const { grpo } = config
  const optimizerBatch = grpo.perDeviceTrainBatchSize * grpo.gradientAccumulationSteps
  const rolled = rolloutSize(grpo)
  if (typeof rolled === 'string') return rolled
  if (optimizerBatch % processes !== 0) {
    return (
      `an optimizer step takes ${optimizerBatch} completions (per_device_train_batch_size × gradient_accumulation_steps), which do ` +
      `not divide by ${processes} processes; make it a multiple of ${processes}, or take another --processes`
    )
  }
  const stepsPerRollout = (rolled / optimizerBatch) * grpo.numIterations
  const maxSteps = grpo.maxSteps > 0 ? grpo.maxSteps : stepsForEpochs(task.problems.length, grpo)
  return {
    prompts: rolled / grpo.numGenerations,
    optimizerBatch,
    microBatch: largestDivisor(optimizerBatch / processes, Math.max(1, grpo.perDeviceTrainBatchSize / processes)),
    stepsPerRollout,
    maxSteps,
    rollouts: Math.ceil(maxSteps / stepsPerRollout),
  }
}

/** What an option becomes by the batches of the run; where they cannot be said, one of the options says so for all. */
export function ofBatches(
  plan: ExportPlan,
  outcome: (batches: RolloutBatches) => OptionOutcome,
  otherwise?: OptionOutcome,
): OptionOutcome {
  const batches = rolloutBatches(plan)
  return typeof batches === 'string' ? (otherwise ?? refused(batches)) : outcome(batches)
}

/** Completions that are sampled with the same weights. */
function rolloutSize(options: BatchOptions): number | string {
  const { perDeviceTrainBatchSize, gradientAccumulationSteps, stepsPerGeneration, numIterations } = options
  if (stepsPerGeneration % gradientAccumulationSteps === 0) return options.generationBatchSize
  const spansGenerations = gradientAccumulationSteps % stepsPerGeneration === 0 && numIterations === 1
  const size = perDeviceTrainBatchSize * gradientAccumulationSteps
  if (spansGenerations) return size
  return (
    `steps_per_generation ${stepsPerGeneration}, gradient_accumulation_steps ${gradientAccumulationSteps} and num_iterations ` +
    `${numIterations}: optimizer steps take parts of generation batches; make one of the first two a multiple of the other, the latter ` +
    'only with num_iterations 1'
  )
}

/** The largest divisor of a number that is at most `limit`. */
function largestDivisor(number: number, limit: number): number {
  let divisor = Math.min(number, Math.floor(limit))
  while (number % divisor !== 0) divisor--
  return divisor
}
