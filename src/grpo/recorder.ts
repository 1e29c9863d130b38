import { setTimeout } from 'node:timers/promises'
import { correctnessJudge } from '../rewards/judge.js'
import { removeCheckpoints } from '../run/checkpointFolders.js'
import { RunControl } from '../run/control.js'
import type { FilePositions } from '../run/growingFiles.js'
import { runLayout } from '../run/layout.js'
import { lockRunFolder } from '../run/lock.js'
import type { RunLock } from '../run/lock.js'
import { checkCheckpointsAreThere } from '../run/runEntries.js'
import type { StoredRollouts } from './checkpoint/rolloutFiles.js'
import { RunCheckpoints } from './checkpoint/runCheckpoints.js'
import type { ResumedRun } from './checkpoint/runCheckpoints.js'
import { runIdentity } from './checkpoint/runIdentity.js'
import type { Finding } from './diagnosis/finding.js'
import { RunDiagnosis } from './diagnosis/runDiagnosis.js'
import type { TrainingMetrics } from './metrics/trainingMetrics.js'
import { RunFiles } from './runFiles.js'
import type { RunPlan } from './runPlan.js'
import type { TrainingStep } from './step.js'
import type { GRPOTrainerOptions } from './trainer.js'
import type { TrainerState } from './trainerState.js'
import type { PolicyUpdate } from './update/policyUpdate.js'

/** Saving that fails because a folder has just gone is tried so often, with pauses of so many ms. */
const SAVING_ATTEMPTS = 4
const SAVING_PAUSE = 250

/** What a run is recorded of. */
interface RecorderOptions
  extends RunPlan, Pick<GRPOTrainerOptions, 'task' | 'outputDir' | 'resume' | 'acceptChangedData'> {
  readonly update: PolicyUpdate
  readonly onWarning: (message: string) => void
}

/** The folder of a run while it is trained. */
interface RunFolder {
  readonly lock: RunLock
  readonly files: RunFiles
  /** Null when none are saved. */
  readonly checkpoints: RunCheckpoints | null
  readonly resumed: ResumedRun | null
}

/**
 * What a run leaves: its files, checkpoints and policy, and the diagnosis made of them; with the lock that keeps others out of its
 * folder, and the commands that come in through it. Without outputDir nothing is written.
 */
export class RunRecorder {
  readonly #options: RecorderOptions
  readonly #folder: RunFolder | null
  #control: RunControl | null = null
  #diagnosis: RunDiagnosis

  /**
   * Locks the folder; with `resume` puts policy and optimizer back to where the newest whole checkpoint has them, else makes
   * place for a new run.
   */
  constructor(options: RecorderOptions) {
    this.#options = options
    this.#folder = options.outputDir === undefined ? null : openFolder(options, options.outputDir)
    this.#diagnosis = this.#diagnosisOfFiles()
  }

  /** What the run goes on from; null when it begins. */
  get resumed(): ResumedRun | null {
    return this.#folder?.resumed ?? null
  }

  /** Behind the last step in the files. */
  get position(): FilePositions {
    return this.#folder?.files.position ?? {}
  }

  /** From now on the run is trained: others may command it. Returns the signal that stops it. */
  begin(): AbortSignal | undefined {
    const { outputDir, maxSteps } = this.#options
    this.#folder?.lock.begin()
    this.#control = outputDir === undefined ? null : new RunControl(outputDir, maxSteps)
    return this.#control?.signal
  }

  /** Takes commands; the run is told as running. */
  start(): void {
    this.#control?.start()
  }

  /** Returns when the run may go on, which is at once unless somebody paused it. */
  async waitWhilePaused(signal: AbortSignal): Promise<void> {
    await this.#control?.waitWhilePaused(signal)
  }

  /** What the metrics of the next step say of the run. */
  diagnose(step: number, metrics: TrainingMetrics): readonly Finding[] {
    return this.#diagnosis.add(step, metrics)
  }

  /** Writes a step; returns what was lost of earlier ones, because something else deleted or cut the files. */
  write(step: TrainingStep): readonly string[] {
    this.#folder?.lock.check()
    return this.#folder?.files.write(step) ?? []
  }

  /** Forgets the steps behind a position, which are made again. */
  goBack(position: FilePositions): void {
    this.#folder?.files.goBack(position)
    this.#diagnosis = this.#diagnosisOfFiles()
  }

  /** Adds a generation batch to the checkpoint of the step before it, so that it need not be sampled again. */
  addRollouts(step: number, rollouts: StoredRollouts): void {
    this.#folder?.checkpoints?.addRollouts(step, rollouts)
  }

  /** Saves a checkpoint, unless none are saved. */
  saveCheckpoint({ position, files }: TrainerState['good']): void {
    if (this.#options.config.saveStrategy === 'no' || !this.#folder?.checkpoints) return
    this.#folder.files.flush()
    this.#folder.checkpoints.save(position, files)
  }

  /**
   * Saves what a run leaves when it ends or stops. After a failure, which may well be the disk's, another one is only a warning.
   */
  async saveAll(state: TrainerState, isFinished: boolean, failure: unknown): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#folder?.lock.check()
        this.#save(state, isFinished)
        return
      } catch (error) {
        // Somebody who deletes the folder may be at it still.
        if (isGone(error) && attempt < SAVING_ATTEMPTS) await setTimeout(SAVING_PAUSE)
        else if (failure === null) throw error
        else {
          this.#options.onWarning(`what the run had learned could not be saved: ${(error as Error).message}`)
          return
        }
      }
    }
  }

  /** Closes the files; a later step opens them again. */
  close(): void {
    this.#folder?.files.close()
  }

  /** The run is not trained any more: others may take the folder. */
  end(): void {
    this.#control?.end()
    this.#control = null
    this.#folder?.lock.release()
  }

  /**
   * Saves a checkpoint of the last step unless there is one, and the policy; with `loadBestModelAtEnd` that is the best one once
   * the run is finished.
   */
  #save({ good, position }: TrainerState, isFinished: boolean): void {
    const { policy, outputDir, update, config } = this.#options
    if (outputDir === undefined) return
    const checkpoints = this.#folder?.checkpoints
    // A step that is not in the files may have changed the policy already.
    const isAhead = update.step > position.step
    if (!isAhead && good.position.step > (checkpoints?.savedStep ?? 0)) this.saveCheckpoint(good)
    try {
      if (config.loadBestModelAtEnd && isFinished && position.best) checkpoints?.loadPolicy(position.best.step)
    } finally {
      policy.trained.save(runLayout(outputDir)[policy.trained.folderName])
    }
  }

  #diagnosisOfFiles(): RunDiagnosis {
    const { config, rewards } = this.#options
    const diagnosis = new RunDiagnosis({ ...config, judge: correctnessJudge(rewards)?.name ?? null })
    for (const { step, ...metrics } of this.#folder?.files.readMetrics() ?? []) diagnosis.add(step, metrics)
    return diagnosis
  }
}

/** Locks the folder of the run, and goes on with what it holds or makes place for a new run. */
function openFolder(options: RecorderOptions, outputDir: string): RunFolder {
  const { policy, task, rewards, update, config, maxSteps, resume, acceptChangedData = false, onWarning } = options
  const identity = runIdentity(policy, task, rewards, config, maxSteps, options.sampler.identity)
  const lock = lockRunFolder(outputDir)
  try {
    const checkpoints =
      config.saveStrategy === 'no' && !resume
        ? null
        : new RunCheckpoints({ outputDir, policy, update, task, config, identity, acceptChangedData, onWarning })
    const resumed = resume ? (checkpoints?.resume() ?? null) : null
    if (resume && !resumed) checkCheckpointsAreThere(outputDir)
    if (!resumed) removeCheckpoints(outputDir)
    const files = new RunFiles(outputDir, { ...config, tokenizer: policy.tokenizer, onWarning }, resumed?.files)
    return { lock, checkpoints, resumed, files }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Whether the operating system could not find what had just been made. */
function isGone(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined
  return cause?.code === 'ENOENT' || cause?.code === 'ENOTEMPTY'
}
