import { setImmediate } from 'node:timers/promises'
import { canKeep } from '../engine/engine.js'
import { GrpoError } from '../errors.js'
import { adviseOnMemory } from '../policy/outOfMemory.js'
import type { Task } from '../tasks/task.js'
import type { StoredRollouts } from './checkpoint/rolloutFiles.js'
import type { Finding } from './diagnosis/finding.js'
import { memoryOptions } from './memory/limits.js'
import { memoryMetrics } from './metrics/memory.js'
import { mean } from './metrics/statistics.js'
import type { TrainingMetrics } from './metrics/trainingMetrics.js'
import { sampleRollouts } from './rollouts/dynamicSampling.js'
import type { PromptSampler } from './rollouts/promptSampler.js'
import type { RolloutGroup, Rollouts } from './rollouts/rollouts.js'
import type { RunPlan } from './runPlan.js'
import { placeInBatch } from './trainerState.js'
import type { MadeStep, RunPosition, TrainerState } from './trainerState.js'
import type { MicroBatchResult, PolicyUpdate } from './update/policyUpdate.js'
import { numSampled } from './update/trainingRow.js'
import type { TrainingRow } from './update/trainingRow.js'

/** What an exact rollout engine may be off by where the policy's own engine samples in other arithmetic than it trains, in nats. */
const ROUNDING = 0.01

/** What a step is doing. */
export interface StepProgress {
  /** Whether completions are sampled or trained on. */
  readonly phase: 'sampling' | 'training'
  /** Tokens sampled, or micro-batches trained on, in this step. */
  readonly done: number
}

/** What one optimizer step did. */
export interface TrainingStep {
  /** From 1. */
  readonly step: number
  /** Steps of the whole run. */
  readonly maxSteps: number
  /** What it measured, by TRL's names: `step.metrics.reward`, `step.metrics['rewards/correctness/mean']`. */
  readonly metrics: TrainingMetrics
  /** The groups that were sampled in this step; none when it trains again on earlier ones. */
  readonly groups: readonly RolloutGroup[]
  /** What is the matter with the run, if anything: see docs/metrics.md. */
  readonly diagnosis: readonly Finding[]
}

/** What a step needs. */
export interface StepParts extends RunPlan {
  readonly task: Task
  /** Which problems come next. */
  readonly prompts: PromptSampler
  readonly update: PolicyUpdate
  /** Stops the sampling. */
  readonly signal: AbortSignal
  readonly onProgress: (progress: StepProgress) => void
  readonly onWarning: (message: string) => void
  /** Told of every generation batch as soon as it is sampled; `step` is the number of steps before it. */
  readonly onRollouts: (step: number, rollouts: StoredRollouts) => void
  /** What the metrics of a step say of the run. */
  readonly diagnose: (step: number, metrics: TrainingMetrics) => readonly Finding[]
}

/** What the micro-batches of a step gave. */
interface Trained {
  /** Where the run stands behind them. */
  readonly at: RunPosition
  /** Generation batches that were sampled in this step. */
  readonly sampled: readonly Rollouts[]
  readonly results: readonly MicroBatchResult[]
  /** |log π when sampled − log π in training| of tokens whose policy has not changed in between, in nats. */
  readonly differences: readonly number[]
  /** Of the sampling, in ms. */
  readonly samplingTime: number
}

/**
 * One optimizer step: `gradientAccumulationSteps` micro-batches of the generation batch, which is sampled when it is due, then
 * one step of AdamW. An error leaves policy and optimizer as they were.
 * @returns null when the signal stopped it before the policy was changed
 */
export async function makeStep(parts: StepParts, { position, pending }: TrainerState): Promise<MadeStep | null> {
  const started = performance.now()
  const { policy, config } = parts
  const trained = await adviseOnMemory(policy, memoryOptions(config), () => trainMicroBatches(parts, position, pending))
  if (!trained) return null
  const differences = await checkAgreement(parts, trained)
  policy.engineModel.stopKeeping()
  const { isFinite, ...applied } = parts.update.apply()

  const step = position.step + 1
  const skippedSteps = position.skippedSteps + (isFinite ? 0 : 1)
  const { sampled, at } = trained
  const stepTime = (performance.now() - started) / 1000
  const metrics = {
    ...stepMetrics(trained, applied, skippedSteps, differences),
    num_tokens: at.numTokens,
    epoch: at.prompts.taken / parts.task.problems.length,
    step_time: stepTime,
    sampling_time: trained.samplingTime / 1000,
    tokens_per_second: completionTokens(sampled) / stepTime,
    ...memoryMetrics(policy.engine),
  }
  return {
    step: {
      step,
      maxSteps: parts.maxSteps,
      groups: sampled.flatMap(({ groups }) => groups),
      metrics,
      diagnosis: parts.diagnose(step, metrics),
    },
    position: { ...at, step, skippedSteps, rolloutAge: at.rolloutAge + 1 },
    isFinite,
    isEvaluated: false,
  }
}

/** Samples when a generation batch is due, and adds the gradients of the step's micro-batches; null when the signal stopped it. */
async function trainMicroBatches(
  parts: StepParts,
  from: RunPosition,
  pending: StoredRollouts | null,
): Promise<Trained | null> {
  const { config } = parts
  const sampled: Rollouts[] = []
  const results: MicroBatchResult[] = []
  const differences: number[] = []
  let at = from
  let samplingTime = 0
  for (let i = 0; i < config.gradientAccumulationSteps; i++) {
    if (placeInBatch(at.microStep, config) === 0 || !at.rollouts) {
      const before = performance.now()
      const known = i === 0 ? pending : null
      const next = known ?? (await sample(parts, at))
      if (!next) return null
      if (i === 0 && !known) parts.onRollouts(from.step, next)
      samplingTime += performance.now() - before
      at = { ...at, ...next, rolloutAge: 0 }
      sampled.push(next.rollouts)
    }
    parts.onProgress({ phase: 'training', done: i })
    // Training waits for nothing outside: without this, timers and Ctrl-C would have no turn.
    await setImmediate()
    const rows = rowsAt(at, parts)
    const asSampled = at.rolloutAge === 0
    const { gradientAccumulationSteps, stepsPerGeneration } = config
    const place = { gradientAccumulationSteps, stepsPerGeneration, numItemsInBatch: at.rollouts!.numItemsInBatch }
    const result = await parts.update.accumulate(rows, place, { asSampled })
    results.push(result)
    if (asSampled && parts.sampler.agreement === 'exact') {
      differences.push(...logProbDifferences(rows, result.logProbs))
    }
    at = { ...at, microStep: at.microStep + 1 }
  }
  return { at, sampled, results, differences, samplingTime }
}

/** The rows of the next micro-batch. */
function rowsAt({ microStep, rollouts }: RunPosition, { config }: StepParts): readonly TrainingRow[] {
  const { stepsPerGeneration, perDeviceTrainBatchSize } = config
  const first = (placeInBatch(microStep, config) % stepsPerGeneration) * perDeviceTrainBatchSize
  return rollouts!.rows.slice(first, first + perDeviceTrainBatchSize)
}

/** Samples the next generation batch; null when the signal stopped it. */
async function sample(
  parts: StepParts,
  { step, microStep, numTokens, prompts }: RunPosition,
): Promise<StoredRollouts | null> {
  const { policy, task, rewards, sampler, config, signal, onProgress, onWarning } = parts
  parts.prompts.restore(prompts)
  const keep = sampler.identity === null && canKeep(policy.engine.info)
  // Room for what sampling computes and training needs again, as much as the forecast of memory allows.
  if (keep) policy.engineModel.startKeeping((await parts.memoryForecast).keptTokens)
  try {
    const rollouts = await sampleRollouts(policy, task, parts.prompts, rewards, config, {
      // Another seed for each batch: a problem that comes again is answered anew.
      seed: (config.seed % 2 ** 32) * 1_000_003 + microStep,
      sampler,
      step,
      keep,
      signal,
      onProgress: (done) => {
        onProgress({ phase: 'sampling', done })
      },
      onWarning,
    })
    return { rollouts, prompts: parts.prompts.state(), numTokens: numTokens + rollouts.numTokens }
  } catch (error) {
    if (signal.aborted) return null
    throw error
  }
}

/**
 * Throws a GrpoError when sampling and training should give the same tokens the same probabilities and do not; returns the
 * differences, in nats. What samples otherwise was compared when it had sampled.
 */
async function checkAgreement(
  { policy, config, sampler }: StepParts,
  { differences, sampled }: Trained,
): Promise<readonly number[]> {
  if (sampler.agreement !== 'exact') return []
  let measured = differences
  // Where no completion pulls, none was computed: one of them still has to show that sampling and training agree.
  const [first] = sampled.flatMap(({ rows }) => rows)
  if (differences.length === 0 && first) {
    const { logProbs } = await policy.engineModel.values([first], { temperature: config.temperature })
    measured = logProbDifferences([first], logProbs)
  }
  const difference = largest(measured)
  const samplingTolerance = policy.engine.info.samplingTolerance ?? ROUNDING
  // Of NaN, which the optimizer finds in the gradients, nothing is said here.
  if (!(difference > samplingTolerance)) return measured
  throw new GrpoError(
    `sampling and training disagree: log-probabilities of the same tokens differ by up to ${difference} nats, expected at most ` +
      `${samplingTolerance}. The policy was left as it was. ` +
      (sampler.identity === null
        ? 'This is a defect of the engine: please report it with the output of grpo-ts doctor'
        : `The rollout engine ${sampler.identity} says that they agree exactly: if they cannot, let it say 'tolerance'`),
  )
}

/** What a step measured, apart from times and memory. */
function stepMetrics(
  { sampled, results }: Trained,
  applied: Omit<ReturnType<PolicyUpdate['apply']>, 'isFinite'>,
  skippedSteps: number,
  differences: readonly number[],
) {
  return {
    loss: results.reduce((sum, { loss }) => sum + loss, 0),
    grad_norm: applied.gradNorm,
    ...applied.metrics,
    learning_rate: applied.learningRate,
    skipped_steps: skippedSteps,
    ...meanOfRecords(sampled.map(({ metrics }) => metrics)),
    ...meanOfRecords(results.map(({ metrics }) => metrics)),
    ...(differences.length > 0 && {
      'sampling/sampling_logp_difference/mean': mean(differences),
      'sampling/sampling_logp_difference/max': largest(differences),
    }),
  }
}

function completionTokens(sampled: readonly Rollouts[]): number {
  return sampled.flatMap(({ rows }) => rows).reduce((sum, row) => sum + numSampled(row.completionIds, row.mask), 0)
}

function largest(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, value), 0)
}

/** |log π when sampled − log π in training| of every sampled token of the rows that were computed. */
function logProbDifferences(rows: readonly TrainingRow[], logProbs: readonly (readonly number[] | null)[]): number[] {
  return rows.flatMap(({ samplingLogProbs, mask }, row) =>
    (logProbs[row] ?? [])
      .map((logProb, t) => Math.abs(logProb - (samplingLogProbs?.[t] ?? NaN)))
      .filter((_, t) => mask?.[t] !== 0),
  )
}

/** Mean of each metric over the records that have it; NaN, as of a standard deviation of nothing, is left out as in TRL. */
function meanOfRecords(records: readonly Record<string, number>[]): Record<string, number> {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const valueOf = (value: number | undefined): number | null =>
    value === undefined || Number.isNaN(value) ? null : value
  return Object.fromEntries(names.map((name) => [name, mean(records.map((record) => valueOf(record[name])))]))
}
