import type { FilePositions } from '../run/growingFiles.js'
import type { StoredRollouts } from './checkpoint/rolloutFiles.js'
import type { GRPOConfig } from './config/config.js'
import type { PromptSamplerState } from './rollouts/promptSampler.js'
import type { Rollouts } from './rollouts/rollouts.js'
import type { TrainingStep } from './step.js'
import type { BestEvaluation } from './validation.js'

/** Where a run stands between two steps. */
export interface RunPosition extends BestEvaluation {
  /** Optimizer steps made, those that were skipped included. */
  readonly step: number
  /** Micro-batches trained on. */
  readonly microStep: number
  /** Prompt and completion tokens of all rollouts. */
  readonly numTokens: number
  /** Optimizer steps since the rollouts that are in use were sampled. */
  readonly rolloutAge: number
  /** Steps that changed nothing because a gradient was not a finite number. */
  readonly skippedSteps: number
  /** Where the sequence of problems stands. */
  readonly prompts: PromptSamplerState
  /** The generation batch that the next micro-batches are cut from; null when none is in use. */
  readonly rollouts: Rollouts | null
}

/** A step that changed the policy (or was skipped), and where the run stands after it. */
export interface MadeStep {
  readonly step: TrainingStep
  readonly position: RunPosition
  /** False when its gradients were not finite numbers, so that nothing was changed. */
  readonly isFinite: boolean
  /** The evaluation that was due after it, if one was, is part of it. */
  readonly isEvaluated: boolean
}

/** What a trainer knows of its run; it goes from one to the next only when what it says has happened. */
export interface TrainerState {
  /** Behind the last step that is in the files. */
  readonly position: RunPosition
  /** Before the steps that were skipped in a row: what a checkpoint saves. */
  readonly good: { readonly position: RunPosition; readonly files: FilePositions }
  readonly skippedInARow: number
  /** Rollouts of a checkpoint for the step after it. */
  readonly pending: StoredRollouts | null
  /** A step that was made but is not in the files yet: what failed after it is tried again. */
  readonly made: MadeStep | null
}

/** The state of a run that begins, or goes on from a checkpoint. */
export function startState(
  position: RunPosition,
  files: FilePositions,
  pending: StoredRollouts | null = null,
): TrainerState {
  return { position, good: { position, files }, skippedInARow: 0, pending, made: null }
}

/** Where a run stands that has not begun. */
export function firstPosition(prompts: PromptSamplerState): RunPosition {
  return {
    step: 0,
    microStep: 0,
    numTokens: 0,
    rolloutAge: 0,
    skippedSteps: 0,
    prompts,
    rollouts: null,
    best: null,
    evaluationsSinceBest: 0,
  }
}

/** The state when a step that was made is in the files. */
export function afterStep(state: TrainerState, { position, isFinite }: MadeStep, files: FilePositions): TrainerState {
  return {
    position,
    good: isFinite ? { position, files } : state.good,
    skippedInARow: isFinite ? 0 : state.skippedInARow + 1,
    pending: null,
    made: null,
  }
}

/** The state before the steps that were skipped in a row, which are made again by whoever goes on. */
export function beforeSkippedSteps({ good }: TrainerState): TrainerState {
  return startState(good.position, good.files)
}

/** Which micro-batch of its generation batch comes next, from 0; at 0 the next generation batch is due. */
export function placeInBatch(
  microStep: number,
  { stepsPerGeneration, numIterations }: Pick<GRPOConfig, 'stepsPerGeneration' | 'numIterations'>,
): number {
  return microStep % (stepsPerGeneration * numIterations)
}
