import type { GRPOConfig } from '../../grpo/config/config.js'
import { lossTypes } from '../../grpo/losses/lossTypes.js'
import type { ExportPlan } from '../exportPlan.js'
import { carried, changed, leftOut, refused } from '../optionOutcome.js'
import type { OptionMappings, OptionOutcome } from '../optionOutcome.js'
import { onlyWith } from '../sharedOutcomes.js'
import { noneThere } from './noneThere.js'

/** Options of advantages and of the loss: OpenRLHF's `algo` and `actor`. */
export const openrlhfLossOptions = {
  advantageEstimator: (_, { config }) => estimatorOf(config.grpo),
  scaleRewards: () => leftOut('see advantage_estimator'),
  multiObjectiveAggregation: (value) =>
    value === 'sum_then_normalize'
      ? leftOut('the reward service adds up the rewards')
      : noneThere('sum_then_normalize'),
  maskTruncatedCompletions: (value) =>
    value ? refused('OpenRLHF trains on them; set it to false, or add the reward soft_overlong') : leftOut('off'),

  lossType: (_, plan) => lossOf(plan),
  epsilon: (value, { config }) => carried({ 'actor.eps_clip_low_high': [value, config.grpo.epsilonHigh ?? value] }),
  epsilonHigh: () => leftOut('see epsilon'),
  delta: (value, { config }) => {
    const { epsilon, epsilonHigh } = config.grpo
    if (value === null) return leftOut('off')
    return value > 1 + (epsilonHigh ?? epsilon)
      ? carried({ 'actor.dual_clip': value })
      : refused('OpenRLHF applies it to negative advantages only, where it has to be above 1 + epsilon_high')
  },
  importanceSamplingLevel: () => leftOut('see loss_type'),
  beta: (value) =>
    value === 0
      ? carried({ 'algo.kl.init_coef': 0 })
      : carried({ 'algo.kl.init_coef': value, 'algo.kl.use_loss': true, 'algo.kl.estimator': 'k3' }),
  useBiasCorrectionKl: (value, { config }) => {
    if (config.grpo.beta === 0) return leftOut('counts with beta only')
    return value ? carried({ 'algo.kl.unbiased_gradient': true }) : leftOut('off')
  },
  offPolicyMaskThreshold: (value) => (value === null ? leftOut('off') : noneThere('null')),
  topEntropyQuantile: (value) => (value === 1 ? leftOut('off') : noneThere('1')),
  entropyCoef: (value) => (value === 0 ? leftOut('off') : carried({ 'actor.entropy_coef': value })),
  useAdaptiveEntropy: (value) => (value ? noneThere('false') : leftOut('off')),
  entropyTarget: onlyWith('use_adaptive_entropy'),
  entropyCoefDelta: onlyWith('use_adaptive_entropy'),
  entropyCoefMin: onlyWith('use_adaptive_entropy'),
  entropyCoefMax: onlyWith('use_adaptive_entropy'),
  sapoTemperaturePos: onlyWith('loss_type sapo'),
  sapoTemperatureNeg: onlyWith('loss_type sapo'),
  vespoKPos: onlyWith('loss_type vespo'),
  vespoLambdaPos: onlyWith('loss_type vespo'),
  vespoKNeg: onlyWith('loss_type vespo'),
  vespoLambdaNeg: onlyWith('loss_type vespo'),

  vllmImportanceSamplingCorrection: (_, { config }) => correctionOf(config.grpo),
  vllmImportanceSamplingMode: onlyWith('vllm_importance_sampling_correction'),
  vllmImportanceSamplingClipMax: onlyWith('vllm_importance_sampling_correction'),
  vllmImportanceSamplingClipMin: onlyWith('vllm_importance_sampling_correction'),
} satisfies Partial<OptionMappings>

function estimatorOf({ advantageEstimator, scaleRewards }: GRPOConfig): OptionOutcome {
  if (advantageEstimator === 'rloo') return carried({ 'algo.advantage.estimator': 'rloo' })
  if (advantageEstimator === 'dr_grpo' || scaleRewards === 'none')
    return carried({ 'algo.advantage.estimator': 'dr_grpo' })
  if (scaleRewards === 'batch') {
    return refused('with scale_rewards batch OpenRLHF has none; take scale_rewards group or none')
  }
  return changed({ 'algo.advantage.estimator': 'group_norm' }, 'OpenRLHF adds 1e-9 to the standard deviation, we 1e-4')
}

function lossOf({ config }: ExportPlan): OptionOutcome {
  const { lossType, importanceSamplingLevel, gradientAccumulationSteps, stepsPerGeneration } = config.grpo
  const { term, per } = lossTypes[lossType]
  const isTokenMean = per === 'batch' || (per === 'microBatch' && gradientAccumulationSteps === 1)
  if (term !== 'clipped' || (per !== 'completion' && !isTokenMean)) {
    return refused('OpenRLHF has clipped losses that are averaged over tokens or over completions; take dapo or grpo')
  }
  if (importanceSamplingLevel === 'sequence') {
    return per === 'completion'
      ? carried({ 'actor.policy_loss_type': 'gspo', 'actor.loss_agg_mode': 'seq-mean-token-mean' })
      : refused('with importance_sampling_level sequence OpenRLHF averages over completions; take grpo')
  }
  const settings = {
    'actor.policy_loss_type': 'ppo',
    'actor.loss_agg_mode': isTokenMean ? 'token-mean' : 'seq-mean-token-mean',
  }
  return per === 'batch' && stepsPerGeneration > gradientAccumulationSteps
    ? changed(
        settings,
        'divides by the tokens of the optimizer step, ours by its share of those of the generation batch',
      )
    : carried(settings)
}

/** OpenRLHF's correction of the difference between vLLM's log-probabilities and those of training. */
function correctionOf(config: GRPOConfig): OptionOutcome {
  const level = 'algo.advantage.is_correction_level'
  if (!config.vllmImportanceSamplingCorrection) return carried({ [level]: 'off' })
  const {
    vllmImportanceSamplingMode: mode,
    vllmImportanceSamplingClipMax: max,
    vllmImportanceSamplingClipMin: min,
  } = config
  const settings = {
    [level]: mode.startsWith('token') ? 'token' : 'seq',
    'algo.advantage.is_correction_mode': mode.endsWith('_truncate') ? 'clip' : 'mask',
    'algo.advantage.is_correction_threshold': [min ?? 0, max ?? 1e9],
  }
  if (mode.startsWith('token')) return carried(settings)
  if (mode === 'sequence_truncate') {
    return refused(
      'OpenRLHF clips the ratio of tokens only; take vllm_importance_sampling_mode token_truncate or sequence_mask',
    )
  }
  return changed(
    settings,
    'the bounds are for the geometric mean of the ratios of the tokens, ours for their product; completions within them are weighted token by token',
  )
}
