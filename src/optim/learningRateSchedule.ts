import type { SchedulerKwargs, SchedulerType } from './schedulerOptions.js'

/** What a learning-rate schedule reads; the names are transformers' in camelCase. */
export interface LearningRateOptions {
  /** Highest rate. */
  readonly learningRate: number
  /** How the rate changes, by transformers' names: see {@link learningRateAt}. */
  readonly lrSchedulerType: SchedulerType
  /** What the type takes besides; see docs/trl.md. Defaults to nothing. */
  readonly lrSchedulerKwargs?: SchedulerKwargs
  /** Optimizer steps of the warm-up; below 1 a fraction of all steps, rounded up. */
  readonly warmupSteps: number
  /** Warm-up as a fraction of all steps, where warmupSteps is 0. */
  readonly warmupRatio: number
}

/**
 * Learning rate of an optimizer step, exactly as transformers' schedules: the rate that the step uses, before
 * `scheduler.step()`.
 *
 * With w warm-up steps, N = maxSteps and p = (step - w) / (N - w), the factor on `learningRate` is step / w while
 * step < w, so the first step of a warm-up has rate 0; afterwards
 *
 * - `constant` (which has no warm-up), `constant_with_warmup`: 1
 * - `linear`: 1 - p
 * - `cosine`: ½ (1 + cos(2π · numCycles · p)), numCycles ½
 * - `cosine_with_restarts`: ½ (1 + cos(π · (numCycles · p mod 1))), numCycles 1
 * - `cosine_with_min_lr`: as cosine, but down to minLr or minLrRate · learningRate
 * - `cosine_warmup_with_min_lr`: the same one step ahead, with a warm-up that starts at 1 / w or at warmupLrRate
 * - `polynomial`: (1 - p)^power, power 1, down to the rate lrEnd, 1e-7
 * - `inverse_sqrt`: √(timescale / (step - w + timescale)), timescale w, or 10 000 without a warm-up
 * - `warmup_stable_decay`: 1 for numStableSteps, by default as many as are left, then numDecaySteps down to minLrRatio, 0,
 *   along decayType; the warm-up rises from minLrRatio along warmupType
 *
 * Source: https://github.com/huggingface/transformers/blob/main/src/transformers/optimization.py
 */
export function learningRateAt(
  step: number, // optimizer steps made before this one, from 0
  maxSteps: number,
  options: LearningRateOptions,
): number {
  return options.learningRate * factorAt(step, maxSteps, options)
}

/** Steps of the warm-up, as transformers reads them. */
export function warmupStepsOf(maxSteps: number, { warmupSteps, warmupRatio }: LearningRateOptions): number {
  return warmupSteps >= 1 ? warmupSteps : Math.ceil(maxSteps * (warmupSteps > 0 ? warmupSteps : warmupRatio))
}

function factorAt(step: number, maxSteps: number, options: LearningRateOptions): number {
  const { lrSchedulerType: type, lrSchedulerKwargs: kwargs = {}, learningRate } = options
  if (type === 'constant') return 1
  const warmup = warmupStepsOf(maxSteps, options)
  if (type === 'warmup_stable_decay') return stableFactor(step, maxSteps, warmup, kwargs)
  if (step < warmup) return type === 'cosine_warmup_with_min_lr' ? risenFactor(step, warmup, kwargs) : step / warmup
  const length = Math.max(1, maxSteps - warmup)
  const progress = (step - warmup) / length
  switch (type) {
    case 'constant_with_warmup':
      return 1
    case 'linear':
      return Math.max(0, (maxSteps - step) / length)
    case 'cosine':
      return Math.max(0, cosine(progress, kwargs))
    case 'cosine_with_restarts':
      return progress >= 1 ? 0 : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (((kwargs.numCycles ?? 1) * progress) % 1))))
    case 'cosine_with_min_lr':
      return Math.max(0, raised(cosine(progress, kwargs), lowestRate(kwargs, learningRate)))
    case 'cosine_warmup_with_min_lr':
      return Math.max(0, raised(cosine((step - warmup + 1) / length, kwargs), lowestRate(kwargs, learningRate)))
    case 'polynomial': {
      const { power = 1, lrEnd = 1e-7 } = kwargs
      if (step >= maxSteps) return lrEnd / learningRate
      return ((learningRate - lrEnd) * (1 - progress) ** power + lrEnd) / learningRate
    }
    case 'inverse_sqrt': {
      const timescale = kwargs.timescale ?? (warmup === 0 ? 10_000 : warmup)
      return 1 / Math.sqrt((step + (timescale - warmup)) / timescale)
    }
  }
}

/** A factor that goes from 1 to 0, going to `lowest` instead. */
function raised(factor: number, lowest: number): number {
  return factor * (1 - lowest) + lowest
}

function cosine(progress: number, { numCycles = 0.5 }: SchedulerKwargs): number {
  return 0.5 * (1 + Math.cos(Math.PI * numCycles * 2 * progress))
}

/** Of learningRate, what the schedule goes down to. */
function lowestRate({ minLr, minLrRate }: SchedulerKwargs, learningRate: number): number {
  return minLr === undefined ? (minLrRate ?? 0) : minLr / learningRate
}

/** The warm-up that does not start at 0. */
function risenFactor(step: number, warmup: number, { warmupLrRate }: SchedulerKwargs): number {
  if (warmupLrRate === undefined) return (step + 1) / warmup
  return warmupLrRate + ((1 - warmupLrRate) * step) / Math.max(1, warmup - 1)
}

function stableFactor(step: number, maxSteps: number, warmup: number, kwargs: SchedulerKwargs): number {
  const { numDecaySteps = 0, warmupType = 'linear', decayType = 'cosine', minLrRatio = 0 } = kwargs
  const stable = kwargs.numStableSteps ?? maxSteps - warmup - numDecaySteps
  if (step < warmup) {
    const progress = step / warmup
    const risen = {
      linear: progress,
      cosine: 0.5 * (1 - Math.cos(Math.PI * progress)),
      '1-sqrt': 1 - Math.sqrt(1 - progress),
    }
    return Math.max(0, raised(risen[warmupType], minLrRatio))
  }
  if (step < warmup + stable) return 1
  if (step >= warmup + stable + numDecaySteps) return minLrRatio
  const progress = (step - warmup - stable) / Math.max(1, numDecaySteps)
  const fallen = { linear: 1 - progress, cosine: cosine(progress, kwargs), '1-sqrt': 1 - Math.sqrt(progress) }
  return Math.max(0, raised(fallen[decayType], minLrRatio))
}

/** Whether another number of steps would change the rates of the steps that were made already. */
export function dependsOnMaxSteps(options: LearningRateOptions): boolean {
  const { lrSchedulerType, lrSchedulerKwargs, warmupSteps, warmupRatio } = options
  if (lrSchedulerType === 'constant') return false
  if (warmupRatio > 0 || (warmupSteps > 0 && warmupSteps < 1)) return true
  if (lrSchedulerType === 'warmup_stable_decay') return lrSchedulerKwargs?.numStableSteps === undefined
  return lrSchedulerType !== 'constant_with_warmup' && lrSchedulerType !== 'inverse_sqrt'
}
