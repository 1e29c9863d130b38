import type { GRPOConfig } from '../../grpo/config/config.js'
import { warmupStepsOf } from '../../optim/learningRateSchedule.js'
import { schedulers } from '../../optim/schedulerOptions.js'
import { carried, changed, leftOut, refused } from '../optionOutcome.js'
import type { OptionMappings, OptionOutcome } from '../optionOutcome.js'
import { ofBatches } from '../rolloutBatches.js'

/** Options of the optimizer: OpenRLHF's `actor.adam` and the schedules of transformers. */
export const openrlhfOptimizerOptions = {
  learningRate: (value) => carried({ 'actor.adam.lr': value }),
  lrSchedulerType: (_, { config }) => scheduleOf(config.grpo),
  lrSchedulerKwargs: () => leftOut('see lr_scheduler_type'),
  warmupSteps: (_, plan) =>
    ofBatches(
      plan,
      ({ maxSteps }) => {
        const steps = warmupStepsOf(maxSteps, plan.config.grpo)
        // OpenRLHF takes the next whole number of steps.
        return changed(
          { 'actor.lr_warmup_ratio': steps === 0 ? 0 : (steps - 0.5) / maxSteps },
          `a share of all steps there, which comes to ${steps} of ${maxSteps} steps`,
        )
      },
      leftOut('see the batch sizes'),
    ),
  warmupRatio: () => leftOut('see warmup_steps'),
  weightDecay: (value) => carried({ 'actor.adam.weight_decay': value }),
  adamBeta1: (value, { config }) => carried({ 'actor.adam.betas': [value, config.grpo.adamBeta2] }),
  adamBeta2: () => leftOut('see adam_beta1'),
  adamEpsilon: (value) => carried({ 'actor.adam.eps': value }),
  maxGradNorm: (value) => carried({ 'actor.max_norm': value }),
} satisfies Partial<OptionMappings>

function scheduleOf({ lrSchedulerType: type, lrSchedulerKwargs: kwargs, learningRate }: GRPOConfig): OptionOutcome {
  const { minLr, minLrRate, ...others } = kwargs
  const given = Object.keys(others)
  if (given.length > 0 || type === 'warmup_stable_decay') {
    return refused(
      `OpenRLHF gives a schedule no settings but min_lr_rate${given.length > 0 ? `, and lr_scheduler_kwargs has others` : ''}; ` +
        `take one of ${Object.keys(schedulers)
          .filter((name) => name !== 'warmup_stable_decay')
          .join(', ')} without`,
    )
  }
  const minimum = minLr === undefined ? minLrRate : minLr / learningRate
  return carried({ 'actor.lr_scheduler': type, 'actor.min_lr_ratio': minimum })
}
