import { ConfigError, GrpoError, OutOfDeviceMemoryError } from '../errors.js'
import { watchEscapedErrors } from '../io/userCode.js'
import type { CausalLM } from '../policy/causalLM.js'
import type { Trained } from '../policy/trained.js'
import type { Reward } from '../rewards/reward.js'
import type { Task } from '../tasks/task.js'
import type { GRPOConfig } from './config/config.js'
import type { LegalOptions } from './config/legalOptions.js'
import type { GRPOOptions } from './config/options.js'
import type { MemoryForecast } from './memory/forecast.js'
import { RunRecorder } from './recorder.js'
import { PromptSampler } from './rollouts/promptSampler.js'
import type { RolloutEngine } from './rollouts/rolloutEngine.js'
import { planRun } from './runPlan.js'
import { makeStep } from './step.js'
import type { StepParts, StepProgress, TrainingStep } from './step.js'
import { afterStep, beforeSkippedSteps, firstPosition, startState } from './trainerState.js'
import type { MadeStep, TrainerState } from './trainerState.js'
import { PolicyUpdate } from './update/policyUpdate.js'
import { compareWithBest, evaluatePolicy } from './validation.js'
import type { BestEvaluation } from './validation.js'

/** What is trained at the moment: two loops at once would change it under each other. */
const inTraining = new WeakSet<Trained>()

/** What a run of GRPO is made of. */
export interface GRPOTrainerOptions<Options extends GRPOOptions = GRPOOptions> {
  /** What is trained: an adapter, from `model.withLora()`, or all weights of a small model, from `model.trainable()`. */
  policy: CausalLM
  /** The problems. */
  task: Task
  /** What completions are judged by; at least one. A plain function gets `{ prompt, completion, answer, ids, meta }`. */
  rewards: readonly Reward[]
  /** Held-out problems, for `evalStrategy: 'steps'`. */
  evalTask?: Task
  /** What samples the completions. Defaults to the policy's own engine, which samples evaluations in any case. */
  rolloutEngine?: RolloutEngine
  /** TRL's options. Defaults to TRL's defaults, where {@link GRPOOptions} says nothing else. */
  config?: GRPOOptions & Options & LegalOptions<Options>
  /** Folder for metrics.jsonl, completions.jsonl, checkpoints/ and adapter/ (or model/, when all weights are trained). Defaults to none: nothing is written. */
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

/** Steps in a row whose gradients are not finite numbers, after which a run is stopped. */
const MAXIMUM_SKIPPED_IN_A_ROW = 3

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
  /** What the run will need at most; `await` it, since an engine that compiles its programs knows it later. */
  readonly memoryForecast: MemoryForecast | Promise<MemoryForecast>
  readonly #options: Omit<GRPOTrainerOptions, 'config'>
  readonly #parts: Omit<StepParts, 'signal'>
  readonly #recorder: RunRecorder
  #state: TrainerState

  /**
   * From here to the end of the loop, no other process may train in outputDir: see docs/checkpoints.md.
   * @throws ConfigError, DataError, EngineError when the run will not fit into memory (an engine that compiles its programs says
   *   so before the first step), FileFormatError when no checkpoint to
   *   resume from is whole, GrpoError when another process trains in outputDir
   */
  constructor(options: GRPOTrainerOptions<Options>) {
    const { task, onProgress = () => undefined, onWarning = console.warn } = options
    const plan = planRun(options)
    const { policy, config, maxSteps } = plan
    const { shuffleDataset, seed, difficultyPools } = config
    const update = new PolicyUpdate(policy, config, maxSteps)
    const prompts = new PromptSampler(task.problems.length, shuffleDataset, seed, { difficultyPools })
    this.config = config
    this.maxSteps = maxSteps
    this.memoryForecast = plan.memoryForecast
    this.#options = options
    const recorder = new RunRecorder({ ...options, ...plan, update, onWarning })
    this.#recorder = recorder
    this.#parts = {
      ...plan,
      task,
      prompts,
      update,
      onProgress,
      onWarning: once(onWarning),
      onRollouts: (step, rollouts) => {
        recorder.addRollouts(step, rollouts)
      },
      diagnose: (step, metrics) => recorder.diagnose(step, metrics),
    }
    const { position, pending } = recorder.resumed ?? { position: firstPosition(prompts.state()), pending: null }
    this.#state = startState(position, recorder.position, pending)
  }

  /** Optimizer steps made so far, those before a resumed checkpoint included. */
  get step(): number {
    return this.#state.position.step
  }

  /** Whether all steps were made, or early stopping ended the run. */
  get isFinished(): boolean {
    const { earlyStoppingPatience } = this.config
    const { step, evaluationsSinceBest } = this.#state.position
    return step >= this.maxSteps || (earlyStoppingPatience !== null && evaluationsSinceBest >= earlyStoppingPatience)
  }

  /** The step and the metric of the best evaluation so far; null before the first. */
  get best(): BestEvaluation['best'] {
    return this.#state.position.best
  }

  /** Runs all steps that are left and returns them. */
  async train(): Promise<TrainingStep[]> {
    const steps: TrainingStep[] = []
    for await (const step of this) steps.push(step)
    return steps
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingStep> {
    const recorder = this.#recorder
    const { trained } = this.#parts.policy
    if (inTraining.has(trained)) {
      throw new ConfigError(
        'the policy is being trained already, by another loop of this or another trainer; let that one end first, or give each trainer ' +
          'a policy of its own, as base.withLora() makes them',
      )
    }
    const stopped = recorder.begin()
    const escaped = new AbortController()
    const stopWatching = watchEscapedErrors((error) => {
      escaped.abort(error)
    })
    const signal = AbortSignal.any([this.#options.signal, stopped, escaped.signal].filter((one) => one !== undefined))
    let failure: unknown = null
    inTraining.add(trained)
    try {
      await this.memoryForecast
      recorder.start()
      for (;;) {
        const step = await this.#nextStep(signal)
        if (!step) break
        yield step
      }
      if (escaped.signal.aborted) throw await this.#stoppedBy(escaped.signal.reason as GrpoError)
    } catch (error) {
      failure = error instanceof OutOfDeviceMemoryError ? await this.#outOfMemory(error) : error
      throw failure
    } finally {
      inTraining.delete(trained)
      this.#parts.update.discard()
      this.#parts.policy.engineModel.stopKeeping()
      recorder.close()
      stopWatching()
      try {
        await recorder.saveAll(this.#state, this.isFinished, failure)
      } finally {
        recorder.end()
      }
      // The loop was left before it could be told: what nobody catches is for the process to tell.
      if (failure === null && escaped.signal.aborted) throwUncaught(escaped.signal.reason)
    }
  }

  /** Makes, evaluates and records a step; null when the run is over or the signal stopped it. */
  async #nextStep(signal: AbortSignal): Promise<TrainingStep | null> {
    let { made } = this.#state
    if (!made && this.isFinished) return null
    if (!signal.aborted) await this.#recorder.waitWhilePaused(signal)
    if (!made && signal.aborted) return null
    made ??= await makeStep({ ...this.#parts, signal }, this.#state)
    if (!made) return null
    this.#state = { ...this.#state, made }
    if (!made.isEvaluated) {
      made = await this.#evaluate(made)
      this.#state = { ...this.#state, made }
    }
    const lost = this.#recorder.write(made.step)
    this.#commit(made)
    if (lost.length > 0) throw await this.#stoppedBy(new GrpoError(lost.join('; ')))
    return made.step
  }

  /** A step with the evaluation that is due after it. */
  async #evaluate(made: MadeStep): Promise<MadeStep> {
    const { policy, rewards, config, maxSteps, onWarning } = this.#parts
    const { evalTask } = this.#options
    const { evalStrategy, evalSteps, saveSteps } = config
    const { step } = made.position
    const isDue = evalStrategy === 'steps' && (step % (evalSteps ?? saveSteps) === 0 || step === maxSteps)
    if (!evalTask || !isDue || !made.isFinite) return { ...made, isEvaluated: true }
    const metrics = await evaluatePolicy(policy, evalTask, rewards, config, { onWarning })
    return {
      ...made,
      isEvaluated: true,
      step: { ...made.step, metrics: { ...made.step.metrics, ...metrics } },
      position: { ...made.position, ...compareWithBest(made.position, step, metrics, config) },
    }
  }

  /** Takes note of a step that is in the files, and saves a checkpoint when one is due. */
  #commit(made: MadeStep): void {
    this.#state = afterStep(this.#state, made, this.#recorder.position)
    if (this.#state.skippedInARow >= MAXIMUM_SKIPPED_IN_A_ROW) throw this.#diverged()
    if (!made.isFinite) return
    const { step, best } = made.position
    const isDue = best?.step === step || step % this.config.saveSteps === 0 || this.isFinished
    if (isDue) this.#recorder.saveCheckpoint(this.#state.good)
  }

  /** Goes back before the steps that changed nothing. */
  #diverged(): GrpoError {
    const { update } = this.#parts
    this.#state = beforeSkippedSteps(this.#state)
    const { position, files } = this.#state.good
    update.restore({ ...update.state(), step: position.step })
    this.#recorder.goBack(files)
    return new GrpoError(
      `the gradients of ${MAXIMUM_SKIPPED_IN_A_ROW} optimizer steps in a row were not finite numbers, so the run was stopped; ` +
        `policy and checkpoints are as they were after step ${position.step}. Try a lower learningRate, a smaller maxGradNorm, or ` +
        'rewards of a smaller range',
    )
  }

  /** A device's memory that was too small, and when all is saved, where the run can go on. */
  async #outOfMemory(error: OutOfDeviceMemoryError): Promise<OutOfDeviceMemoryError> {
    const { message } = await this.#stoppedBy(error)
    const { isBatchInvariant } = this.#parts.policy.engine.info
    const change = isBatchInvariant
      ? ''
      : '; maxTokensPerPass may be another one then, and so may what else is on the device'
    return new OutOfDeviceMemoryError(`${message}${change}`, error.bytes, { cause: error })
  }

  /** An error that says, when all is saved, where the run can go on. */
  async #stoppedBy(error: GrpoError): Promise<GrpoError> {
    const { outputDir } = this.#options
    const { folderName } = this.#parts.policy.trained
    const stopped = `${error.message}. The run was stopped behind step ${this.#state.good.position.step}`
    const saying = (what: string): GrpoError => new GrpoError(`${stopped}; ${what}`, { cause: error })
    if (outputDir === undefined) return saying('without outputDir nothing is saved')
    try {
      await this.#recorder.saveAll(this.#state, this.isFinished, null)
    } catch (cause) {
      return saying(`what it had learned could not be saved: ${(cause as Error).message}`)
    }
    if (this.config.saveStrategy === 'no') return saying(`the ${folderName} is saved in ${outputDir}`)
    return saying(`${folderName} and checkpoint are saved in ${outputDir}, and resume (--resume) goes on from there`)
  }
}

/** Tells each message once: a problem that cannot be graded comes again in every pass. */
function once(tell: (message: string) => void): (message: string) => void {
  const told = new Set<string>()
  return (message) => {
    if (told.has(message)) return
    told.add(message)
    tell(message)
  }
}

function throwUncaught(reason: unknown): void {
  queueMicrotask(() => {
    throw reason
  })
}
