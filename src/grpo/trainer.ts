import { setImmediate, setTimeout } from 'node:timers/promises'
import { ConfigError, DataError, GrpoError } from '../errors.js'
import { saveAdapter } from '../model/peft.js'
import type { CausalLM } from '../policy/causalLM.js'
import type { Reward, RewardFunction } from '../rewards/reward.js'
import { correctnessJudge } from '../rewards/judge.js'
import { asRewardFunction } from '../rewards/rewardCallback.js'
import type { Task } from '../tasks/task.js'
import { watchEscapedErrors } from '../io/userCode.js'
import { removeCheckpoints } from '../run/checkpointFolders.js'
import type { FilePositions } from '../run/growingFiles.js'
import { runLayout } from '../run/layout.js'
import { lockRunFolder } from '../run/lock.js'
import type { RunLock } from '../run/lock.js'
import { checkCheckpointsAreThere } from '../run/runEntries.js'
import type { StoredRollouts } from './checkpoint/rolloutFiles.js'
import { RunCheckpoints } from './checkpoint/runCheckpoints.js'
import type { ResumedRun, RunPosition } from './checkpoint/runCheckpoints.js'
import { runIdentity } from './checkpoint/runIdentity.js'
import type { RunIdentity } from './checkpoint/runIdentity.js'
import { parseGRPOConfig } from './config/config.js'
import type { GRPOConfig } from './config/config.js'
import { checkGoldAnswers } from './goldAnswers.js'
import type { Finding } from './diagnosis/finding.js'
import { RunDiagnosis } from './diagnosis/runDiagnosis.js'
import { checkMemory, memoryForecast, promptLengths } from './memory/forecast.js'
import type { MemoryForecast } from './memory/forecast.js'
import { sampleRollouts } from './rollouts/dynamicSampling.js'
import { compareWithBest, evaluatePolicy } from './validation.js'
import { memoryMetrics } from './metrics/memory.js'
import type { LegalOptions } from './config/legalOptions.js'
import type { GRPOOptions } from './config/options.js'
import type { TrainingMetrics } from './metrics/trainingMetrics.js'
import { PolicyUpdate } from './update/policyUpdate.js'
import type { MicroBatchResult } from './update/policyUpdate.js'
import { PromptSampler } from './rollouts/promptSampler.js'
import type { RolloutGroup, Rollouts } from './rollouts/rollouts.js'
import { RunControl } from '../run/control.js'
import { RunFiles } from './runFiles.js'
import { mean } from './metrics/statistics.js'
import type { TrainingRow } from './update/trainingRow.js'

/** What a run of GRPO is made of. */
export interface GRPOTrainerOptions<Options extends GRPOOptions = GRPOOptions> {
  /** A model with an adapter to train, from `model.withLora()`. */
  policy: CausalLM
  /** The problems. */
  task: Task
  /** What completions are judged by; at least one. A plain function gets `{ prompt, completion, answer, ids, meta }`. */
  rewards: readonly Reward[]
  /** Held-out problems, for `evalStrategy: 'steps'`. */
  evalTask?: Task
  /** TRL's options. Defaults to TRL's defaults, where {@link GRPOOptions} says nothing else. */
  config?: GRPOOptions & Options & LegalOptions<Options>
  /** Folder for metrics.jsonl, completions.jsonl, checkpoints/ and adapter/. Defaults to none: nothing is written. */
  outputDir?: string
  /**
   * Goes on from the newest whole checkpoint in outputDir, bit for bit as if the run had not been interrupted; from the start
   * when there is none yet. Defaults to false: an earlier run in that folder is replaced.
   */
  resume?: boolean
  /** Told of what is damaged or lost, such as a checkpoint that is passed over for an older one. Defaults to console.warn. */
  onWarning?: (message: string) => void
  /**
   * With `resume`: goes on although problems were corrected, left out or added since; their number may change that of the steps.
   * Defaults to false: changed data is refused.
   */
  acceptChangedData?: boolean
  /** Stops the run after the step that is being computed, or in the middle of sampling; the adapter is kept and saved. */
  signal?: AbortSignal
  /** Called while a step goes on. */
  onProgress?: (progress: StepProgress) => void
}

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

/** Steps in a row whose gradients are not finite numbers, after which a run is stopped. */
const MAXIMUM_SKIPPED_IN_A_ROW = 3

/** Saving that fails because a folder has just gone is tried so often, with pauses of so many ms. */
const SAVING_ATTEMPTS = 4
const SAVING_PAUSE = 250

/** The folder of a run while it is trained. */
interface RunFolder {
  readonly lock: RunLock
  readonly checkpoints: RunCheckpoints | null
  readonly resumed: ResumedRun | null
  readonly files: RunFiles
}

/** A step that changed the adapter (or was skipped) and where the run stands after it. */
interface MadeStep {
  readonly step: TrainingStep
  readonly position: RunPosition
  /** False when its gradients were not finite numbers, so that nothing was changed. */
  readonly isFinite: boolean
  /** The evaluation that was due after it, if one was, is part of it. */
  readonly isEvaluated: boolean
}

/**
 * Group Relative Policy Optimization (DeepSeekMath, arXiv 2402.03300) with TRL's options, metrics and, by default, its `dapo`
 * loss: tokens of completions that were rewarded above their group's mean become likelier, those of the others less likely.
 * Each token counts the same (dapo); the ratio to the sampling policy is clipped; no KL term by default (beta 0).
 *
 * One step: sample `generationBatchSize` completions (when due), judge them, and train on `gradientAccumulationSteps`
 * micro-batches. Unlike in TRL the rows of a generation batch are not shuffled, so that a group shares its prompt.
 *
 * `for await (const step of trainer)` computes a step each time it asks for one; breaking off saves the adapter and a
 * checkpoint, and a later loop goes on with the next step. A second loop after the last step has nothing to do. After an
 * error (a reward function that failed, a full disk) a later loop, or another trainer with `resume`, goes on behind the last
 * step that was made. A step whose gradients are not finite numbers changes nothing and is counted as `skipped_steps`; the
 * third in a row ends the run with an error.
 */
export class GRPOTrainer<const Options extends GRPOOptions = GRPOOptions> implements AsyncIterable<TrainingStep> {
  /** All options, the defaults filled in. */
  readonly config: GRPOConfig
  /** Optimizer steps of the whole run. */
  readonly maxSteps: number
  /** What the run will need at most. */
  readonly memoryForecast: MemoryForecast
  readonly #options: Omit<GRPOTrainerOptions, 'config'>
  readonly #rewards: readonly RewardFunction[]
  readonly #update: PolicyUpdate
  readonly #prompts: PromptSampler
  readonly #files: RunFiles | null
  #diagnosis: RunDiagnosis
  readonly #checkpoints: RunCheckpoints | null
  readonly #lock: RunLock | null
  /** Where the run stands. */
  #at: RunPosition
  /** Where it stood before the steps that were skipped in a row: what a checkpoint saves. */
  #good: { position: RunPosition; files: FilePositions }
  #skippedInARow = 0
  /** A step that was made but is not in the files yet. */
  #made: MadeStep | null = null
  /** The adapter is about to be, or was, changed by a step that is not in the files yet. */
  #isAhead = false
  /** Rollouts of a checkpoint for the step after it. */
  #pending: StoredRollouts | null
  /** Stops the loop that goes on: the signal of the options, or a command in the folder of the run. */
  #signal: AbortSignal = new AbortController().signal

  /**
   * From here to the end of the loop, no other process may train in outputDir: see docs/checkpoints.md.
   * @throws ConfigError, DataError, BackendError when the run will not fit into memory, FileFormatError when no checkpoint to
   *   resume from is whole, GrpoError when another process trains in outputDir
   */
  constructor(options: GRPOTrainerOptions<Options>) {
    const { policy, task } = options
    const rewards = options.rewards.map(asRewardFunction)
    if (rewards.length === 0) throw new ConfigError('rewards is empty; expected at least one reward function')
    const names = rewards.map(({ name }) => name)
    if (new Set(names).size < names.length) {
      throw new ConfigError(
        `two reward functions have the same name (${names.join(', ')}); metrics could not tell them apart`,
      )
    }
    if (task.problems.length === 0) throw new DataError(`task ${task.name} has no problems`)
    checkGoldAnswers(task, rewards)
    if (options.evalTask) checkGoldAnswers(options.evalTask, rewards)
    this.config = parseGRPOConfig(options.config ?? {})
    const weights = this.config.rewardWeights?.length ?? rewards.length
    if (weights !== rewards.length) {
      throw new ConfigError(
        `rewardWeights has ${weights} weights for ${rewards.length} reward functions; give one for each`,
      )
    }
    this.memoryForecast = memoryForecast(policy, promptLengths(policy, task), this.config)
    const { info } = policy.engine
    checkMemory(this.memoryForecast, { tensorLimit: info.tensorLimit, available: policy.engine.memory().available })
    this.#options = options
    this.#rewards = rewards
    this.maxSteps = this.config.maxSteps > 0 ? this.config.maxSteps : this.#stepsForEpochs(task.problems.length)
    this.#update = new PolicyUpdate(policy, this.config, this.maxSteps)
    const { shuffleDataset, seed, difficultyPools } = this.config
    this.#prompts = new PromptSampler(task.problems.length, shuffleDataset, seed, { difficultyPools })
    checkEvaluation(options, this.config)
    const { outputDir } = options
    if (options.resume && outputDir === undefined) {
      throw new ConfigError('resume needs outputDir, the folder of the run to continue')
    }
    const identity = runIdentity(policy, task, rewards, this.config, this.maxSteps)
    const folder = outputDir === undefined ? null : this.#openFolder(outputDir, identity)
    this.#lock = folder?.lock ?? null
    this.#checkpoints = folder?.checkpoints ?? null
    this.#files = folder?.files ?? null
    this.#pending = folder?.resumed?.pending ?? null
    this.#at = folder?.resumed?.position ?? {
      step: 0,
      microStep: 0,
      numTokens: 0,
      rolloutAge: 0,
      skippedSteps: 0,
      rollouts: null,
      best: null,
      evaluationsSinceBest: 0,
      prompts: this.#prompts.state(),
    }
    this.#prompts.restore(this.#at.prompts)
    this.#good = { position: this.#at, files: this.#files?.position ?? {} }
    this.#diagnosis = this.#startDiagnosis()
  }

  /** Locks the folder of the run, and goes on with what it holds or makes place for a new run. */
  #openFolder(outputDir: string, identity: RunIdentity): RunFolder {
    const { policy, task, resume } = this.#options
    const { config } = this
    const lock = lockRunFolder(outputDir)
    try {
      const checkpoints =
        config.saveStrategy === 'no' && !resume
          ? null
          : new RunCheckpoints({
              outputDir,
              policy,
              update: this.#update,
              task,
              config,
              identity,
              acceptChangedData: this.#options.acceptChangedData ?? false,
              onWarning: this.#warn,
            })
      const resumed = resume ? (checkpoints?.resume() ?? null) : null
      if (resume && !resumed) checkCheckpointsAreThere(outputDir)
      if (!resumed) removeCheckpoints(outputDir)
      const fileOptions = { ...config, tokenizer: policy.tokenizer, onWarning: this.#warn }
      return { lock, checkpoints, resumed, files: new RunFiles(outputDir, fileOptions, resumed?.files) }
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** Optimizer steps made so far, those before a resumed checkpoint included. */
  get step(): number {
    return this.#at.step
  }

  /** Whether all steps were made, or early stopping ended the run. */
  get isFinished(): boolean {
    const { earlyStoppingPatience } = this.config
    const { step, evaluationsSinceBest } = this.#at
    return step >= this.maxSteps || (earlyStoppingPatience !== null && evaluationsSinceBest >= earlyStoppingPatience)
  }

  /** The step and the metric of the best evaluation so far; null before the first. */
  get best(): RunPosition['best'] {
    return this.#at.best
  }

  /** Runs all steps that are left and returns them. */
  async train(): Promise<TrainingStep[]> {
    const steps: TrainingStep[] = []
    for await (const step of this) steps.push(step)
    return steps
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingStep> {
    let failure: unknown = null
    const { outputDir, signal } = this.#options
    this.#lock?.begin()
    const control = outputDir === undefined ? null : new RunControl(outputDir, this.maxSteps)
    const escaped = new AbortController()
    const stopWatching = watchEscapedErrors((error) => {
      escaped.abort(error)
    })
    this.#signal = AbortSignal.any([signal, control?.signal, escaped.signal].filter((one) => one !== undefined))
    try {
      control?.start()
      while (this.#made || (!this.isFinished && !this.#signal.aborted)) {
        await control?.waitWhilePaused(this.#signal)
        if (!this.#made && this.#signal.aborted) break
        this.#made ??= await this.#trainStep()
        if (!this.#made) break
        if (!this.#made.isEvaluated) this.#made = await this.#evaluate(this.#made)
        const { step } = this.#made
        this.#lock?.check()
        const lost = this.#files?.write(step) ?? []
        this.#commit(this.#made)
        if (lost.length > 0) throw await this.#stoppedBy(new GrpoError(lost.join('; ')))
        yield step
      }
      if (escaped.signal.aborted) throw await this.#stoppedBy(escaped.signal.reason as GrpoError)
    } catch (error) {
      failure = error
      this.#goBack()
      throw error
    } finally {
      this.#options.policy.engineModel.stopKeeping()
      this.#files?.close()
      stopWatching()
      try {
        await this.#saveAll(failure)
      } finally {
        control?.end()
        this.#lock?.release()
      }
      // The loop was left before it could be told: what nobody catches is for the process to tell.
      if (failure === null && escaped.signal.aborted) {
        const { reason } = escaped.signal as { reason: unknown }
        queueMicrotask(() => {
          throw reason
        })
      }
    }
  }

  /** An error that says, when all is saved, where the run can go on. */
  async #stoppedBy(error: GrpoError): Promise<GrpoError> {
    const { outputDir } = this.#options
    const stopped = `${error.message}. The run was stopped behind step ${this.#good.position.step}`
    const saying = (what: string): GrpoError => new GrpoError(`${stopped}; ${what}`, { cause: error })
    if (outputDir === undefined) return saying('without outputDir nothing is saved')
    try {
      await this.#saveAll(null)
    } catch (cause) {
      return saying(`what it had learned could not be saved: ${(cause as Error).message}`)
    }
    if (this.config.saveStrategy === 'no') return saying(`the adapter is saved in ${outputDir}`)
    return saying(`adapter and checkpoint are saved in ${outputDir}, and resume (--resume) goes on from there`)
  }

  /** Takes note of a step that is in the files, and saves a checkpoint when one is due. */
  #commit({ position, isFinite }: MadeStep): void {
    this.#at = position
    this.#made = null
    this.#pending = null
    this.#isAhead = false
    this.#skippedInARow = isFinite ? 0 : this.#skippedInARow + 1
    if (this.#skippedInARow >= MAXIMUM_SKIPPED_IN_A_ROW) throw this.#diverged()
    if (!isFinite) return
    this.#good = { position, files: this.#files?.position ?? {} }
    const isBest = position.best?.step === position.step
    if (isBest || position.step % this.config.saveSteps === 0 || this.isFinished) this.#saveCheckpoint()
  }

  /** A step with the evaluation that is due after it. */
  async #evaluate(made: MadeStep): Promise<MadeStep> {
    const { policy, evalTask } = this.#options
    const { evalStrategy, evalSteps, saveSteps } = this.config
    const { step } = made.position
    const isDue = evalStrategy === 'steps' && (step % (evalSteps ?? saveSteps) === 0 || step === this.maxSteps)
    if (!evalTask || !isDue || !made.isFinite) return { ...made, isEvaluated: true }
    const metrics = await evaluatePolicy(policy, evalTask, this.#rewards, this.config, {
      onWarning: this.#warnOnce,
    })
    return {
      ...made,
      isEvaluated: true,
      step: { ...made.step, metrics: { ...made.step.metrics, ...metrics } },
      position: { ...made.position, ...compareWithBest(made.position, step, metrics, this.config) },
    }
  }

  #diverged(): GrpoError {
    const { step } = this.#good.position
    // The later steps changed nothing: they are made again by whoever goes on from here.
    this.#at = this.#good.position
    this.#update.restore({ ...this.#update.state(), step })
    this.#files?.goBack(this.#good.files)
    this.#diagnosis = this.#startDiagnosis()
    this.#skippedInARow = 0
    return new GrpoError(
      `the gradients of ${MAXIMUM_SKIPPED_IN_A_ROW} optimizer steps in a row were not finite numbers, so the run was stopped; ` +
        `adapter and checkpoints are as they were after step ${step}. Try a lower learningRate, a smaller maxGradNorm, or ` +
        'rewards of a smaller range',
    )
  }

  /** The diagnosis of the run so far. */
  #startDiagnosis(): RunDiagnosis {
    const diagnosis = new RunDiagnosis({ ...this.config, judge: correctnessJudge(this.#rewards)?.name ?? null })
    for (const { step, metrics } of this.#files?.readMetrics() ?? []) diagnosis.add(step, metrics)
    return diagnosis
  }

  /** After an error: forgets what was begun and goes back to where the last step left off. */
  #goBack(): void {
    this.#update.discard()
    this.#prompts.restore(this.#made?.position.prompts ?? this.#at.prompts)
  }

  #saveCheckpoint(): void {
    if (this.config.saveStrategy === 'no' || !this.#checkpoints) return
    this.#files?.flush()
    this.#checkpoints.save(this.#good.position, this.#good.files)
  }

  /**
   * Saves what a run leaves when it ends or stops. After a failure, which may well be the disk's, another one is only a warning.
   */
  async #saveAll(failure: unknown): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#lock?.check()
        this.#save()
        return
      } catch (error) {
        // Somebody who deletes the folder may be at it still.
        if (isGone(error) && attempt < SAVING_ATTEMPTS) await setTimeout(SAVING_PAUSE)
        else if (failure === null) throw error
        else {
          this.#warn(`what the run had learned could not be saved: ${(error as Error).message}`)
          return
        }
      }
    }
  }

  /**
   * Saves a checkpoint of the last step unless there is one, and the adapter; with `loadBestModelAtEnd` that is the best one once
   * the run is finished.
   */
  #save(): void {
    const { policy, outputDir } = this.#options
    if (outputDir === undefined) return
    const { step } = this.#good.position
    if (!this.#isAhead && step > (this.#checkpoints?.savedStep ?? 0)) this.#saveCheckpoint()
    const { best } = this.#at
    try {
      if (this.config.loadBestModelAtEnd && this.isFinished && best) this.#checkpoints?.loadAdapter(best.step)
    } finally {
      saveAdapter(runLayout(outputDir).adapter, policy.adapter!, policy.name)
    }
  }

  readonly #warn = (message: string): void => {
    const { onWarning = console.warn } = this.#options
    onWarning(message)
  }

  /** A problem that cannot be graded comes again in every pass. */
  readonly #warnOnce = (message: string): void => {
    if (this.#told.has(message)) return
    this.#told.add(message)
    this.#warn(message)
  }

  readonly #told = new Set<string>()

  /** One optimizer step; null when the signal stopped it before the adapter was changed. */
  async #trainStep(): Promise<MadeStep | null> {
    const { gradientAccumulationSteps, stepsPerGeneration, numIterations, perDeviceTrainBatchSize } = this.config
    const started = performance.now()
    let samplingTime = 0
    let { microStep, numTokens, rolloutAge, rollouts, skippedSteps } = this.#at
    const sampled: Rollouts[] = []
    const results: MicroBatchResult[] = []
    const differences: number[] = []
    for (let i = 0; i < gradientAccumulationSteps; i++) {
      const place = microStep % (stepsPerGeneration * numIterations)
      if (place === 0 || !rollouts) {
        const before = performance.now()
        const next = (i === 0 ? this.#pending : null) ?? (await this.#sample(microStep, numTokens))
        if (!next) {
          this.#goBack()
          return null
        }
        if (i === 0 && next !== this.#pending) this.#checkpoints?.addRollouts(this.#at.step, next)
        samplingTime += performance.now() - before
        ;({ rollouts, numTokens } = next)
        this.#prompts.restore(next.prompts)
        rolloutAge = 0
        sampled.push(rollouts)
      }
      const first = (place % stepsPerGeneration) * perDeviceTrainBatchSize
      const rows = rollouts.rows.slice(first, first + perDeviceTrainBatchSize)
      const { numItemsInBatch } = rollouts
      this.#options.onProgress?.({ phase: 'training', done: i })
      // Training waits for nothing outside: without this, timers and Ctrl-C would have no turn.
      await setImmediate()
      const asSampled = rolloutAge === 0
      const position = { numItemsInBatch, gradientAccumulationSteps, stepsPerGeneration }
      const result = await this.#update.accumulate(rows, position, { asSampled })
      results.push(result)
      if (asSampled) differences.push(...logProbDifferences(rows, result.logProbs))
      microStep++
    }
    // Where no completion pulls, none was computed: one of them still has to show that sampling and training agree.
    const [first] = sampled.flatMap(({ rows }) => rows)
    if (differences.length === 0 && first) {
      const { engineModel } = this.#options.policy
      const { logProbs } = await engineModel.values([first], { temperature: this.config.temperature })
      differences.push(...logProbDifferences([first], logProbs))
    }
    const difference = differences.reduce((max, value) => Math.max(max, value), 0)
    const { samplingTolerance } = this.#options.policy.engine.info
    if (difference > samplingTolerance) {
      throw new GrpoError(
        `sampling and training disagree: log-probabilities of the same tokens differ by up to ${difference} nats, expected at most ` +
          `${samplingTolerance}. The adapter was left as it was. This is a defect of the engine: please report it with the output of grpo-ts doctor`,
      )
    }
    this.#isAhead = true
    this.#options.policy.engineModel.stopKeeping()
    const { gradNorm, learningRate, isFinite, metrics: updateMetrics } = this.#update.apply()
    if (!isFinite) skippedSteps++

    const stepTime = (performance.now() - started) / 1000
    const completionTokens = sampled.flatMap(({ rows }) => rows).reduce((sum, row) => sum + row.completionIds.length, 0)
    const metrics = {
      loss: results.reduce((sum, { loss }) => sum + loss, 0),
      grad_norm: gradNorm,
      ...updateMetrics,
      learning_rate: learningRate,
      skipped_steps: skippedSteps,
      ...meanOfRecords(sampled.map(({ metrics }) => metrics)),
      ...meanOfRecords(results.map(({ metrics }) => metrics)),
      ...(differences.length > 0 && {
        'sampling/sampling_logp_difference/mean': mean(differences),
        'sampling/sampling_logp_difference/max': difference,
      }),
      num_tokens: numTokens,
      epoch: this.#prompts.epoch,
      step_time: stepTime,
      sampling_time: samplingTime / 1000,
      tokens_per_second: completionTokens / stepTime,
      ...memoryMetrics(this.#options.policy.engine),
    }
    const step: TrainingStep = {
      step: this.#at.step + 1,
      maxSteps: this.maxSteps,
      groups: sampled.flatMap(({ groups }) => groups),
      metrics,
      diagnosis: this.#diagnosis.add(this.#at.step + 1, metrics),
    }
    const prompts = this.#prompts.state()
    const { best, evaluationsSinceBest } = this.#at
    const counters = { step: step.step, microStep, numTokens, rolloutAge: rolloutAge + 1, skippedSteps, prompts }
    return {
      step,
      isFinite,
      isEvaluated: false,
      position: { ...counters, rollouts, best, evaluationsSinceBest },
    }
  }

  /** Samples the next generation batch; null when the signal stopped it. */
  async #sample(microStep: number, numTokens: number): Promise<StoredRollouts | null> {
    const { policy, task, onProgress } = this.#options
    // Room for what sampling computes and training needs again, as much as the forecast of memory allows.
    policy.engineModel.startKeeping(this.memoryForecast.keptTokens)
    try {
      const rollouts = await sampleRollouts(policy, task, this.#prompts, this.#rewards, this.config, {
        // Another seed for each batch: a problem that comes again is answered anew.
        seed: (this.config.seed % 2 ** 32) * 1_000_003 + microStep,
        keep: true,
        signal: this.#signal,
        onProgress: (done) => onProgress?.({ phase: 'sampling', done }),
        onWarning: this.#warnOnce,
      })
      return { rollouts, prompts: this.#prompts.state(), numTokens: numTokens + rollouts.numTokens }
    } catch (error) {
      if (this.#signal.aborted) return null
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

/** Whether the operating system could not find what had just been made. */
function isGone(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined
  return cause?.code === 'ENOENT' || cause?.code === 'ENOTEMPTY'
}

/** Throws a ConfigError for options of evaluation that cannot work. */
function checkEvaluation(
  { evalTask, outputDir }: Pick<GRPOTrainerOptions, 'evalTask' | 'outputDir'>,
  config: GRPOConfig,
): void {
  const { evalStrategy, loadBestModelAtEnd, saveStrategy } = config
  if (evalStrategy === 'steps' && !evalTask?.problems.length) {
    throw new ConfigError("evalStrategy 'steps' needs evalTask, a task with held-out problems")
  }
  if (loadBestModelAtEnd && (outputDir === undefined || saveStrategy === 'no')) {
    throw new ConfigError('loadBestModelAtEnd needs checkpoints: give outputDir, and saveStrategy steps')
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
