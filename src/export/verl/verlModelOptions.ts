import type { TrainOptions } from '../../grpo/config/trainConfig.js'
import { carried, changed, leftOut, refused } from '../optionOutcome.js'
import type { OptionMappings, OptionOutcome, Settings } from '../optionOutcome.js'

const MODEL = 'actor_rollout_ref.model'
const ROLLOUT = 'actor_rollout_ref.rollout'
const FSDP = 'actor_rollout_ref.actor.fsdp_config'

const notSelected = (): OptionOutcome =>
  refused(
    'verl has no such option for the adapter; leave it out (lora_target_modules and exclude_modules select modules)',
  )

/** Options of the model and its adapter: verl's `actor_rollout_ref.model`. */
export const verlModelOptions = {
  model: (_, { model }) => carried({ [`${MODEL}.path`]: model.name }),
  usePeft: (value) =>
    value
      ? // The sampler needs the weights that the adapter is added to; verl's default is to fill them in by training steps.
        changed({ [`${ROLLOUT}.load_format`]: 'safetensors' }, 'a rank above 0 means an adapter')
      : carried({ [`${MODEL}.lora_rank`]: 0 }),
  loraR: (value, { config }) =>
    value > 512
      ? refused('vLLM, with which verl samples, takes 512 at most; take a smaller rank')
      : ofAdapter(config.run, { [`${MODEL}.lora_rank`]: value }),
  loraAlpha: (value, { config }) =>
    Number.isInteger(value)
      ? ofAdapter(config.run, { [`${MODEL}.lora_alpha`]: value })
      : refused('verl takes a whole number; another lora_alpha, or learning_rate, makes up for it'),
  useRslora: (value) =>
    value ? refused('verl has none; set lora_alpha × √lora_r as lora_alpha instead') : leftOut('off'),
  loraDropout: (value) => (value === 0 ? leftOut('off') : refused('verl has none; set it to 0')),
  loraTargetModules: (value, { config }) => ofAdapter(config.run, { [`${MODEL}.target_modules`]: value }),
  excludeModules: (value, { config }) =>
    value === null ? leftOut('nothing is excluded') : ofAdapter(config.run, { [`${MODEL}.exclude_modules`]: value }),
  layersToTransform: (value) => (value === null ? leftOut('all layers') : notSelected()),
  layersPattern: (value) => (value === null ? leftOut('all layers') : notSelected()),
  rankPattern: (value) => (Object.keys(value).length === 0 ? leftOut('one rank for all modules') : notSelected()),
  alphaPattern: (value) => (Object.keys(value).length === 0 ? leftOut('one alpha for all modules') : notSelected()),
  dtype: (value) =>
    value === 'int4' || value === 'int8'
      ? refused('verl trains no quantised weights; take auto')
      : changed(
          { [`${FSDP}.model_dtype`]: 'fp32' },
          'the weights are kept in float32, those of the sampler in bfloat16',
        ),
  precision: (value) =>
    value === 'float32'
      ? changed(
          {
            [`${FSDP}.mixed_precision`]: { param_dtype: 'fp32', reduce_dtype: 'fp32', buffer_dtype: 'fp32' },
            [`${ROLLOUT}.dtype`]: 'float32',
          },
          'of the trainer and of the sampler',
        )
      : leftOut('verl computes in bfloat16, with weights and sums in float32'),
} satisfies Partial<OptionMappings>

function ofAdapter({ usePeft }: TrainOptions, settings: Settings): OptionOutcome {
  return usePeft ? carried(settings) : leftOut('use_peft is false')
}
