import type { GRPOConfig } from '../grpo/config/config.js'

/**
 * Learning rate of an optimizer step, exactly as transformers' schedules: the rate the step uses, before
 * `scheduler.step()`.
 *
 * With w warm-up steps and N = maxSteps, the factor on `learningRate` is step / w while step < w, so the first step
 * of a warm-up has rate 0; afterwards `constant` and `constant_with_warmup`: 1, `linear`: (N - step) / (N - w),
 * `cosine`: ½ (1 + cos(π (step - w) / (N - w))).
 */
export function learningRateAt(
  step: number, // optimizer steps made before this one, from 0
  maxSteps: number,
  config: Pick<GRPOConfig, 'learningRate' | 'lrSchedulerType' | 'warmupSteps' | 'warmupRatio'>,
): number {
  if (config.lrSchedulerType === 'constant') return config.learningRate
  const warmup = config.warmupSteps > 0 ? config.warmupSteps : Math.ceil(maxSteps * config.warmupRatio)
  if (step < warmup) return config.learningRate * (step / warmup)
  const remaining = Math.max(1, maxSteps - warmup)
  switch (config.lrSchedulerType) {
    case 'constant_with_warmup':
      return config.learningRate
    case 'linear':
      return config.learningRate * Math.max(0, (maxSteps - step) / remaining)
    case 'cosine':
      return config.learningRate * Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (step - warmup)) / remaining)))
  }
}
