import { lossTypes } from '../../grpo/losses/lossTypes.js'
import type { GRPOConfig } from '../../grpo/config/config.js'
import { carried, changed, leftOut, refused } from '../optionOutcome.js'
import type { OptionMappings, OptionOutcome } from '../optionOutcome.js'
import type { ExportPlan } from '../exportPlan.js'
import { rolloutBatches } from '../rolloutBatches.js'
import { onlyWith } from '../sharedOutcomes.js'

const ACTOR = 'actor_rollout_ref.actor'
const CORRECTION = 'algorithm.rollout_correction'
/** verl bounds log-ratios by ±20 before it takes exp: nothing is clipped by bounds beyond exp(±20). */
const NO_UPPER_BOUND = 1e9
const NO_LOWER_BOUND = 1e-9

/** loss_agg_mode for what the terms of tokens are divided by. */
const aggregations = {
  completion: 'seq-mean-token-mean',
  microBatch: 'token-mean',
  maxLength: 'seq-mean-token-sum-norm',
  completions: 'seq-mean-token-sum',
  batch: 'token-mean',
} as const

/** Options of advantages and of the loss: verl's `algorithm` and `actor_rollout_ref.actor`. */
export const verlLossOptions = {
  advantageEstimator: (value) => carried({ 'algorithm.adv_estimator': value === 'rloo' ? 'rloo' : 'grpo' }),
  scaleRewards: (value, { config }) => {
    const { advantageEstimator } = config.grpo
    if (advantageEstimator === 'rloo') return leftOut('advantage_estimator rloo does not scale')
    if (advantageEstimator === 'dr_grpo' || value === 'none') {
      return carried({ 'algorithm.norm_adv_by_std_in_grpo': false })
    }
    if (value === 'batch') {
      return refused('verl divides by the standard deviation of the group or not at all; take group or none')
    }
    return changed({ 'algorithm.norm_adv_by_std_in_grpo': true }, 'verl adds 1e-6 to the standard deviation, we 1e-4')
  },
  multiObjectiveAggregation: (value) =>
    value === 'sum_then_normalize'
      ? leftOut('the reward service adds up the rewards')
      : refused(
          "verl's gdpo normalises over the tokens of the batch, ours over its completions; take sum_then_normalize",
        ),
  maskTruncatedCompletions: (value) =>
    value ? refused('verl trains on them; set it to false, or add the reward soft_overlong') : leftOut('off'),

  lossType: (value, plan) => lossOf(value, plan),
  epsilon: (value, { config }) => {
    if (!isClipped(config.grpo)) return leftOut(`loss_type ${config.grpo.lossType} has none`)
    return carried({ [`${ACTOR}.clip_ratio`]: value, [`${ACTOR}.clip_ratio_low`]: value })
  },
  epsilonHigh: (value, { config }) => {
    const high = value ?? config.grpo.epsilon
    const { term } = lossTypes[config.grpo.lossType]
    if (term === 'cispo') {
      // verl clips to 1 - low … 1 + high, ours has no lower bound.
      const settings = { [`${ACTOR}.clip_ratio_low`]: 1, [`${ACTOR}.clip_ratio_high`]: high - 1 }
      return changed(settings, 'of cispo it is the cap itself, there its distance from 1')
    }
    if (!isClipped(config.grpo)) return leftOut(`loss_type ${config.grpo.lossType} has none`)
    return carried({ [`${ACTOR}.clip_ratio_high`]: high })
  },
  delta: (value, { config }) => {
    const { epsilon, epsilonHigh, importanceSamplingLevel } = config.grpo
    if (!isClipped(config.grpo)) return leftOut(`loss_type ${config.grpo.lossType} has none`)
    if (value === null)
      return changed({ [`${ACTOR}.clip_ratio_c`]: NO_UPPER_BOUND }, 'off: so large that it clips nothing')
    if (importanceSamplingLevel === 'sequence') {
      return refused("verl's gspo has no second bound; leave it out, or take importance_sampling_level token")
    }
    if (value <= 1 + (epsilonHigh ?? epsilon)) {
      return refused('verl applies it to negative advantages only, where it has to be above 1 + epsilon_high')
    }
    return carried({ [`${ACTOR}.clip_ratio_c`]: value })
  },
  importanceSamplingLevel: () => leftOut('see loss_type'),
  beta: (value) =>
    value === 0
      ? carried({ [`${ACTOR}.use_kl_loss`]: false })
      : carried({ [`${ACTOR}.use_kl_loss`]: true, [`${ACTOR}.kl_loss_coef`]: value }),
  useBiasCorrectionKl: (value, plan) => {
    if (plan.config.grpo.beta === 0) return leftOut('counts with beta only')
    if (!value) return carried({ [`${ACTOR}.kl_loss_type`]: 'low_var_kl' })
    const settings = { [`${ACTOR}.kl_loss_type`]: 'low_var_kl+' }
    const batches = rolloutBatches(plan)
    return typeof batches !== 'string' && batches.stepsPerRollout === 1
      ? carried(settings)
      : changed(
          settings,
          'the same gradient at the first optimizer step of a rollout; at later ones ours is multiplied by the ratio',
        )
  },
  offPolicyMaskThreshold: (value) => (value === null ? leftOut('off') : refused('verl has none; leave it out')),
  topEntropyQuantile: (value) => (value === 1 ? leftOut('off') : refused('verl has none; set it to 1')),
  entropyCoef: (value) => carried({ [`${ACTOR}.entropy_coeff`]: value }),
  useAdaptiveEntropy: (value) => (value ? refused('verl has none; set it to false') : leftOut('off')),
  entropyTarget: onlyWith('use_adaptive_entropy'),
  entropyCoefDelta: onlyWith('use_adaptive_entropy'),
  entropyCoefMin: onlyWith('use_adaptive_entropy'),
  entropyCoefMax: onlyWith('use_adaptive_entropy'),
  sapoTemperaturePos: (value, { config }) => ofSapo(config.grpo, { [`${ACTOR}.tau_pos`]: value }),
  sapoTemperatureNeg: (value, { config }) => ofSapo(config.grpo, { [`${ACTOR}.tau_neg`]: value }),
  vespoKPos: onlyWith('loss_type vespo'),
  vespoLambdaPos: onlyWith('loss_type vespo'),
  vespoKNeg: onlyWith('loss_type vespo'),
  vespoLambdaNeg: onlyWith('loss_type vespo'),

  vllmImportanceSamplingCorrection: (value, { config }) => {
    if (!value) return carried({ [`${CORRECTION}.rollout_is`]: null })
    const level = config.grpo.vllmImportanceSamplingMode.startsWith('token') ? 'token' : 'sequence'
    return carried({ [`${CORRECTION}.rollout_is`]: level })
  },
  vllmImportanceSamplingMode: (_, { config }) => correctionBounds(config.grpo),
  vllmImportanceSamplingClipMax: onlyWith('vllm_importance_sampling_mode'),
  vllmImportanceSamplingClipMin: onlyWith('vllm_importance_sampling_mode'),
} satisfies Partial<OptionMappings>

function isClipped({ lossType }: Pick<GRPOConfig, 'lossType'>): boolean {
  return lossTypes[lossType].term === 'clipped'
}

function ofSapo({ lossType }: GRPOConfig, settings: Readonly<Record<string, unknown>>): OptionOutcome {
  return lossType === 'sapo' ? carried(settings) : leftOut('counts with loss_type sapo only')
}

/** The term of a token is policy_loss.loss_mode, what the terms are divided by is loss_agg_mode. */
function lossOf(lossType: GRPOConfig['lossType'], plan: ExportPlan): OptionOutcome {
  const { importanceSamplingLevel, gradientAccumulationSteps, maxCompletionLength } = plan.config.grpo
  const { term, per } = lossTypes[lossType]
  if (term === 'vespo') return refused('verl has none; take dapo or cispo')
  const isSequence = importanceSamplingLevel === 'sequence'
  if (isSequence && term !== 'clipped') {
    return refused(
      `verl has importance_sampling_level sequence as gspo only, for clipped losses; take token with ${lossType}`,
    )
  }
  if (per === 'microBatch' && gradientAccumulationSteps > 1) {
    return refused(
      'verl averages over the tokens of an optimizer step, not of each micro-batch; take dapo, or gradient_accumulation_steps 1',
    )
  }
  const settings = {
    [`${ACTOR}.policy_loss.loss_mode`]: isSequence ? 'gspo' : term === 'clipped' ? 'vanilla' : term,
    [`${ACTOR}.loss_agg_mode`]: aggregations[per],
    [`${ACTOR}.loss_scale_factor`]: per === 'maxLength' ? maxCompletionLength : undefined,
  }
  const batches = rolloutBatches(plan)
  const isSplit =
    typeof batches !== 'string' && batches.optimizerBatch < batches.prompts * plan.config.grpo.numGenerations
  return per === 'batch' && isSplit
    ? changed(
        settings,
        'divides by the tokens of the optimizer step, ours by its share of those of the generation batch',
      )
    : carried(settings)
}

/** Bounds of the ratio to the sampler's log-probabilities: one number clips above, two leave out what is outside (0 as its weight). */
function correctionBounds(config: GRPOConfig): OptionOutcome {
  if (!config.vllmImportanceSamplingCorrection) return leftOut('counts with vllm_importance_sampling_correction only')
  const {
    vllmImportanceSamplingMode: mode,
    vllmImportanceSamplingClipMax: max,
    vllmImportanceSamplingClipMin: min,
  } = config
  if (mode.endsWith('_truncate')) {
    if (min !== null || max === null) {
      return refused(
        'verl clips the ratio above only; set vllm_importance_sampling_clip_max and leave out ..._clip_min',
      )
    }
    return carried({ [`${CORRECTION}.rollout_is_threshold`]: max })
  }
  const bounds = `${min === null || min === 0 ? NO_LOWER_BOUND : min}_${max ?? NO_UPPER_BOUND}`
  return carried({ [`${CORRECTION}.rollout_is_threshold`]: bounds })
}
