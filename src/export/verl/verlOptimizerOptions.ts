import type { GRPOConfig } from '../../grpo/config/config.js'
import { warmupStepsOf } from '../../optim/learningRateSchedule.js'
import type { ExportPlan } from '../exportPlan.js'
import { carried, changed, leftOut, refused } from '../optionOutcome.js'
import type { OptionMappings, OptionOutcome, Settings } from '../optionOutcome.js'
import { rolloutBatches } from '../rolloutBatches.js'

const OPTIM = 'actor_rollout_ref.actor.optim'

/** Options of the optimizer: verl's `actor_rollout_ref.actor.optim`, FSDPOptimizerConfig. */
export const verlOptimizerOptions = {
  learningRate: (value) => carried({ [`${OPTIM}.lr`]: value }),
  lrSchedulerType: (_, plan) => scheduleOf(plan),
  lrSchedulerKwargs: () => leftOut('see lr_scheduler_type'),
  warmupSteps: (_, plan) => warmupOf(plan),
  warmupRatio: () => leftOut('see warmup_steps'),
  weightDecay: (value) => carried({ [`${OPTIM}.weight_decay`]: value }),
  adamBeta1: (value, { config }) => carried({ [`${OPTIM}.betas`]: [value, config.grpo.adamBeta2] }),
  adamBeta2: () => leftOut('see adam_beta1'),
  adamEpsilon: (value) => carried({ [`${OPTIM}.override_optimizer_config`]: { eps: value } }),
  maxGradNorm: (value) =>
    value > 0
      ? carried({ [`${OPTIM}.clip_grad`]: value })
      : changed({ [`${OPTIM}.clip_grad`]: 1e9 }, 'off: so large that it clips nothing'),
} satisfies Partial<OptionMappings>

/** verl has two schedules, and changes the rate once for all optimizer steps on a rollout. */
function scheduleOf(plan: ExportPlan): OptionOutcome {
  const settings = scheduleSettings(plan.config.grpo)
  if (typeof settings === 'string') return refused(settings)
  const batches = rolloutBatches(plan)
  const steps = typeof batches === 'string' ? 1 : batches.stepsPerRollout
  return steps === 1
    ? carried(settings)
    : changed(settings, `verl changes the rate once in ${steps} optimizer steps, when it has sampled again`)
}

function scheduleSettings({ lrSchedulerType: type, lrSchedulerKwargs, learningRate }: GRPOConfig): Settings | string {
  const { numCycles, minLr, minLrRate } = lrSchedulerKwargs
  switch (type) {
    case 'constant':
    case 'constant_with_warmup':
      return { [`${OPTIM}.lr_scheduler_type`]: 'constant' }
    case 'cosine':
    case 'cosine_with_min_lr':
      return {
        [`${OPTIM}.lr_scheduler_type`]: 'cosine',
        [`${OPTIM}.num_cycles`]: numCycles ?? 0.5,
        [`${OPTIM}.min_lr_ratio`]: minLr === undefined ? (minLrRate ?? 0) : minLr / learningRate,
      }
    default:
      return `verl has no ${type} schedule; take cosine, cosine_with_min_lr, constant or constant_with_warmup`
  }
}

function warmupOf(plan: ExportPlan): OptionOutcome {
  const { grpo } = plan.config
  const batches = rolloutBatches(plan)
  if (grpo.lrSchedulerType === 'constant' || typeof batches === 'string') {
    return carried({ [`${OPTIM}.lr_warmup_steps`]: 0 })
  }
  const steps = warmupStepsOf(batches.maxSteps, grpo)
  const settings = { [`${OPTIM}.lr_warmup_steps`]: Math.ceil(steps / batches.stepsPerRollout) }
  return batches.stepsPerRollout === 1
    ? carried(settings)
    : changed(settings, `${steps} optimizer steps; verl counts rollouts, each of ${batches.stepsPerRollout}`)
}
