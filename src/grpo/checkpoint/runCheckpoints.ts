import fs from 'node:fs'
import { FileFormatError } from '../../errors.js'
import type { Policy } from '../../policy/causalLM.js'
import type { Task } from '../../tasks/task.js'
import type { GRPOConfig } from '../config/config.js'
import type { PolicyUpdate } from '../update/policyUpdate.js'
import { placeInBatch } from '../trainerState.js'
import type { RunPosition } from '../trainerState.js'
import { readCheckpoint, requiredFiles, restorePolicy, writeCheckpoint } from './checkpoint.js'
import type { TrainerCounters } from './checkpoint.js'
import {
  addToCheckpointFolder,
  checkWhole,
  removeOldCheckpoints,
  restoreNewestCheckpoint,
  writeCheckpointFolder,
} from '../../run/checkpointFolders.js'
import type { WholeCheckpoint } from '../../run/checkpointFolders.js'
import { runLayout } from '../../run/layout.js'
import { readRollouts, rolloutFiles, writeRollouts } from './rolloutFiles.js'
import type { StoredRollouts } from './rolloutFiles.js'
import { checkSameRun } from './runIdentity.js'
import type { RunIdentity } from './runIdentity.js'

/** A run as a checkpoint holds it. */
export interface ResumedRun {
  readonly position: RunPosition
  readonly files: TrainerCounters['files']
  /** The generation batch that was sampled after the checkpoint's step and not trained on yet. */
  readonly pending: StoredRollouts | null
  readonly folder: string
}

/** The checkpoints of one run: saving them, and going on from the latest. */
export class RunCheckpoints {
  #savedStep: number | null = null
  #savedFolder: string | null = null

  constructor(
    private readonly run: {
      readonly outputDir: string
      readonly policy: Policy
      readonly update: PolicyUpdate
      readonly task: Task
      readonly config: GRPOConfig
      readonly identity: RunIdentity
      readonly onWarning: (message: string) => void
      /** Goes on although the problems are others than before. */
      readonly acceptChangedData?: boolean
    },
  ) {}

  /** The step of the checkpoint that was saved or resumed from last; null when there is none, or it is not there any more. */
  get savedStep(): number | null {
    return this.#savedFolder !== null && fs.existsSync(this.#savedFolder) ? this.#savedStep : null
  }

  /**
   * Puts policy and optimizer back to where the newest whole checkpoint has them; null when there is no checkpoint. Nothing is
   * changed when that is not possible. Damaged ones are told as warnings.
   * @throws ConfigError when it is not the same run; FileFormatError when no checkpoint is whole
   */
  resume(): ResumedRun | null {
    const { outputDir, onWarning } = this.run
    return restoreNewestCheckpoint(outputDir, requiredFiles, (whole) => this.#resumeFrom(whole), onWarning)
  }

  #resumeFrom(whole: WholeCheckpoint): ResumedRun {
    const { policy, update, task, config, identity } = this.run
    const { folder, step } = whole
    const checkpoint = readCheckpoint(whole)
    const { acceptChangedData = false, onWarning } = this.run
    checkSameRun(folder, checkpoint.identity, identity, config, acceptChangedData)
    const isChanged = checkpoint.identity.problems !== identity.problems
    const { files, ...saved } = checkpoint.counters
    // Pass rates are of the problems by their numbers, which may be those of others now.
    const counters = isChanged ? { ...saved, prompts: { ...saved.prompts, passRates: {} } } : saved
    const read = readRollouts(whole, task.problems, config, isChanged)
    const stored = read && isChanged ? { ...read, prompts: { ...read.prompts, passRates: {} } } : read
    if (isChanged) {
      onWarning(
        `goes on with changed data: ${String(checkpoint.identity.problems)} then, ${String(identity.problems)} now`,
      )
    }
    const isBetweenBatches = placeInBatch(counters.microStep, config) === 0
    if (!isBetweenBatches && !stored) {
      throw new FileFormatError(folder, 'the rollouts that its next step trains on are missing')
    }
    restorePolicy(whole, policy, () => {
      update.restore(checkpoint.optimizer)
    })
    this.#savedStep = step
    this.#savedFolder = folder
    return {
      files,
      folder,
      position: { ...counters, rollouts: isBetweenBatches ? null : stored!.rollouts },
      pending: isBetweenBatches ? stored : null,
    }
  }

  /** Saves a checkpoint, and removes the oldest beyond saveTotalLimit. Throws a GrpoError when the disk is full. */
  save({ rollouts, ...counters }: RunPosition, files: TrainerCounters['files']): void {
    const { outputDir, policy, update, config, identity } = this.run
    const { step, prompts, numTokens } = counters
    const isBetweenBatches = placeInBatch(counters.microStep, config) === 0
    this.#savedFolder = writeCheckpointFolder(outputDir, step, (folder) => {
      if (rollouts && !isBetweenBatches) writeRollouts(folder, { rollouts, prompts, numTokens })
      // Steps that were skipped since have not changed the optimizer.
      const optimizer = { ...update.state(), step }
      writeCheckpoint(folder, policy, { identity, counters: { ...counters, files }, optimizer })
    })
    this.#savedStep = step
    removeOldCheckpoints(outputDir, config.saveTotalLimit, [counters.best?.step ?? null])
  }

  /** Gives the policy the values of a step's checkpoint. Throws a FileFormatError when that is damaged or not there any more. */
  loadPolicy(step: number): void {
    const { outputDir, policy } = this.run
    const folder = runLayout(outputDir).checkpoint(step)
    restorePolicy(checkWhole({ folder, step }, requiredFiles), policy)
  }

  /** Adds the generation batch that was sampled right after the checkpoint of a step, if that is the last one saved. */
  addRollouts(step: number, rollouts: StoredRollouts): void {
    const folder = this.#savedFolder
    if (folder === null || this.savedStep !== step) return
    addToCheckpointFolder(folder, rolloutFiles, () => {
      writeRollouts(folder, rollouts)
    })
  }
}
