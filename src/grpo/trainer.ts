import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { ConfigError, DataError, GrpoError } from '../errors.js'
import type { CausalLM } from '../model/causalLM.js'
import type { RewardFunction } from '../rewards/reward.js'
import type { Task } from '../tasks/task.js'
import { parseGRPOConfig } from './config.js'
import type { GRPOConfig } from './config.js'
import type { Finding } from './diagnosis/finding.js'
import { RunDiagnosis } from './diagnosis/runDiagnosis.js'
import { memoryMetrics } from './metrics/memory.js'
import { PolicyUpdate } from './policyUpdate.js'
import type { MicroBatchResult } from './policyUpdate.js'
import { PromptSampler } from './promptSampler.js'
import { collectRollouts } from './rollouts.js'
import type { RolloutGroup, Rollouts } from './rollouts.js'
import { rowValues } from './rowValues.js'
import { RunFiles } from './runFiles.js'
import { mean } from './statistics.js'
import type { TrainingRow } from './trainingRow.js'

export interface GRPOTrainerOptions {
  /** A model with an adapter to train, from `model.withLora()`. */
  policy: CausalLM
  /** The problems. */
  task: Task
  /** What completions are judged by; at least one. */
  rewards: readonly RewardFunction[]
  /** TRL's options; see grpo/config.ts for all of them and their defaults. */
  config?: Partial<GRPOConfig>
  /** Folder for metrics.jsonl, completions.jsonl and adapter/. Defaults to none: nothing is written. */
  outputDir?: string
  /** Stops the run after the step that is being computed, or in the middle of sampling; the adapter is kept and saved. */
  signal?: AbortSignal
  /** Called while a step goes on. */
  onProgress?: (progress: StepProgress) => void
}

/** What a step is doing. */
export interface StepProgress {
  readonly phase: 'sampling' | 'training'
  /** Tokens sampled, or micro-batches trained on, in this step. */
  readonly done: number
}

/** What one optimizer step did. */
export interface TrainingStep {
  /** From 1. */
  readonly step: number
  readonly maxSteps: number
  /** By TRL's names; see docs/metrics.md. */
  readonly metrics: Record<string, number>
  /** The groups that were sampled in this step; none when it trains again on earlier ones. */
  readonly groups: readonly RolloutGroup[]
  /** What is the matter with the run, if anything: see docs/metrics.md. */
  readonly diagnosis: readonly Finding[]
}

/** Above this many nats, sampling and training do not compute the same function, and the gradient would be of another policy. */
const MAXIMUM_SAMPLING_DIFFERENCE = 0.01

/**
 * Group Relative Policy Optimization (DeepSeekMath, arXiv 2402.03300) with TRL's options, metrics and, by default, its `dapo`
 * loss: tokens of completions that were rewarded above their group's mean become likelier, those of the others less likely.
 * Each token counts the same (dapo); the ratio to the sampling policy is clipped; no KL term by default (beta 0).
 *
 * One step: sample `generationBatchSize` completions (when due), judge them, and train on `gradientAccumulationSteps`
 * micro-batches. Unlike in TRL the rows of a generation batch are not shuffled, so that a group shares its prompt.
 *
 * `for await (const step of trainer)` computes a step each time it asks for one; breaking off saves the adapter, and a later
 * loop goes on with the next step. A second loop after the last step has nothing to do.
 */
export class GRPOTrainer implements AsyncIterable<TrainingStep> {
  readonly config: GRPOConfig
  readonly maxSteps: number
  readonly #options: GRPOTrainerOptions
  readonly #update: PolicyUpdate
  readonly #prompts: PromptSampler
  readonly #files: RunFiles | null
  readonly #diagnosis: RunDiagnosis
  #step = 0
  #microStep = 0
  #numTokens = 0
  #rollouts: Rollouts | null = null
  /** Optimizer steps since the current rollouts were sampled. */
  #rolloutAge = 0

  /** @throws ConfigError, DataError */
  constructor(options: GRPOTrainerOptions) {
    const { policy, task, rewards } = options
    if (rewards.length === 0) throw new ConfigError('rewards is empty; expected at least one reward function')
    const names = rewards.map(({ name }) => name)
    if (new Set(names).size < names.length) {
      throw new ConfigError(
        `two reward functions have the same name (${names.join(', ')}); metrics could not tell them apart`,
      )
    }
    if (task.problems.length === 0) throw new DataError(`task ${task.name} has no problems`)
    this.config = parseGRPOConfig(options.config ?? {})
    const weights = this.config.rewardWeights?.length ?? rewards.length
    if (weights !== rewards.length) {
      throw new ConfigError(
        `rewardWeights has ${weights} weights for ${rewards.length} reward functions; give one for each`,
      )
    }
    this.#options = options
    this.maxSteps = this.config.maxSteps > 0 ? this.config.maxSteps : this.#stepsForEpochs(task.problems.length)
    this.#update = new PolicyUpdate(policy, this.config, this.maxSteps)
    this.#prompts = new PromptSampler(task.problems.length, this.config.shuffleDataset, this.config.seed)
    this.#files = options.outputDir === undefined ? null : new RunFiles(options.outputDir, this.config)
    this.#diagnosis = new RunDiagnosis(this.config)
  }

  /** Runs all steps that are left and returns them. */
  async train(): Promise<TrainingStep[]> {
    const steps: TrainingStep[] = []
    for await (const step of this) steps.push(step)
    return steps
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingStep> {
    const { policy, outputDir, signal } = this.#options
    try {
      while (this.#step < this.maxSteps && !signal?.aborted) {
        const step = await this.#trainStep()
        if (!step) return
        this.#files?.write(step)
        yield step
      }
    } catch (error) {
      this.#dropUnfinishedStep()
      throw error
    } finally {
      this.#files?.close()
      if (outputDir !== undefined) policy.saveAdapter(path.join(outputDir, 'adapter'))
    }
  }

  /** After an error a later loop goes on with a new generation batch. */
  #dropUnfinishedStep(): void {
    const microStepsPerBatch = this.config.stepsPerGeneration * this.config.numIterations
    this.#update.discard()
    this.#microStep = Math.ceil(this.#microStep / microStepsPerBatch) * microStepsPerBatch
  }

  /** One optimizer step; null when the signal stopped it before the adapter was changed. */
  async #trainStep(): Promise<TrainingStep | null> {
    const { gradientAccumulationSteps, stepsPerGeneration, numIterations, perDeviceTrainBatchSize } = this.config
    const started = performance.now()
    let samplingTime = 0
    const sampled: Rollouts[] = []
    const results: MicroBatchResult[] = []
    const differences: number[] = []
    for (let i = 0; i < gradientAccumulationSteps; i++) {
      const place = this.#microStep % (stepsPerGeneration * numIterations)
      if (place === 0 || !this.#rollouts) {
        const before = performance.now()
        const rollouts = await this.#sample()
        if (!rollouts) return null
        samplingTime += performance.now() - before
        this.#rollouts = rollouts
        this.#rolloutAge = 0
        this.#numTokens += rollouts.numTokens
        sampled.push(rollouts)
      }
      const first = (place % stepsPerGeneration) * perDeviceTrainBatchSize
      const rows = this.#rollouts.rows.slice(first, first + perDeviceTrainBatchSize)
      const { numItemsInBatch } = this.#rollouts
      this.#options.onProgress?.({ phase: 'training', done: i })
      // Training waits for nothing outside: without this, timers and Ctrl-C would have no turn.
      await setImmediate()
      const asSampled = this.#rolloutAge === 0
      const position = { numItemsInBatch, gradientAccumulationSteps, stepsPerGeneration }
      const result = await this.#update.accumulate(rows, position, { asSampled })
      results.push(result)
      if (asSampled) differences.push(...logProbDifferences(rows, result.logProbs))
      this.#microStep++
    }
    // Where no completion pulls, none was computed: one of them still has to show that sampling and training agree.
    const [first] = sampled.flatMap(({ rows }) => rows)
    if (differences.length === 0 && first) {
      const { logProbs } = await rowValues(this.#options.policy, [first], this.config.temperature)
      differences.push(...logProbDifferences([first], logProbs))
    }
    const difference = differences.reduce((max, value) => Math.max(max, value), 0)
    if (!(difference <= MAXIMUM_SAMPLING_DIFFERENCE)) {
      throw new GrpoError(
        `sampling and training disagree: log-probabilities of the same tokens differ by up to ${difference} nats, expected at most ` +
          `${MAXIMUM_SAMPLING_DIFFERENCE}. The adapter was left as it was. This is a defect of the backend: please report it with the output of grpo-ts doctor`,
      )
    }
    const { gradNorm, learningRate, metrics: updateMetrics } = await this.#update.apply()
    this.#step++
    this.#rolloutAge++

    const stepTime = (performance.now() - started) / 1000
    const completionTokens = sampled.flatMap(({ rows }) => rows).reduce((sum, row) => sum + row.completionIds.length, 0)
    const metrics = {
      loss: results.reduce((sum, { loss }) => sum + loss, 0),
      grad_norm: gradNorm,
      ...updateMetrics,
      learning_rate: learningRate,
      ...meanOfRecords(sampled.map(({ metrics }) => metrics)),
      ...meanOfRecords(results.map(({ metrics }) => metrics)),
      ...(differences.length > 0 && {
        'sampling/sampling_logp_difference/mean': mean(differences),
        'sampling/sampling_logp_difference/max': difference,
      }),
      num_tokens: this.#numTokens,
      epoch: this.#prompts.epoch,
      step_time: stepTime,
      sampling_time: samplingTime / 1000,
      tokens_per_second: completionTokens / stepTime,
      ...memoryMetrics(),
    }
    return {
      step: this.#step,
      maxSteps: this.maxSteps,
      groups: sampled.flatMap(({ groups }) => groups),
      metrics,
      diagnosis: this.#diagnosis.add(this.#step, metrics),
    }
  }

  /** Samples the next generation batch; null when the signal stopped it. */
  async #sample(): Promise<Rollouts | null> {
    const { policy, task, rewards, signal, onProgress } = this.#options
    const count = this.config.generationBatchSize / this.config.numGenerations
    const problems = Array.from({ length: count }, () => task.problems[this.#prompts.next()]!)
    try {
      return await collectRollouts(policy, task, problems, rewards, this.config, {
        // Another seed for each batch: a problem that comes again is answered anew.
        seed: (this.config.seed % 2 ** 32) * 1_000_003 + this.#microStep,
        ...(signal && { signal }),
        onProgress: (done) => onProgress?.({ phase: 'sampling', done }),
      })
    } catch (error) {
      if (signal?.aborted) return null
      throw error
    }
  }

  #stepsForEpochs(problems: number): number {
    const { generationBatchSize, numGenerations, numIterations, numTrainEpochs } = this.config
    const { stepsPerGeneration, gradientAccumulationSteps } = this.config
    const batches = (problems * numTrainEpochs * numGenerations) / generationBatchSize
    return Math.max(1, Math.ceil((batches * stepsPerGeneration * numIterations) / gradientAccumulationSteps))
  }
}

/** |log π when sampled − log π in training| of every token of the rows that were computed. */
function logProbDifferences(rows: readonly TrainingRow[], logProbs: readonly (readonly number[] | null)[]): number[] {
  return rows.flatMap(({ samplingLogProbs }, row) =>
    (logProbs[row] ?? []).map((logProb, t) => Math.abs(logProb - (samplingLogProbs?.[t] ?? NaN))),
  )
}

/** Mean of each metric over the records that have it; NaN, as of a standard deviation of nothing, is left out as in TRL. */
function meanOfRecords(records: readonly Record<string, number>[]): Record<string, number> {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const valueOf = (value: number | undefined): number | null =>
    value === undefined || Number.isNaN(value) ? null : value
  return Object.fromEntries(names.map((name) => [name, mean(records.map((record) => valueOf(record[name])))]))
}
