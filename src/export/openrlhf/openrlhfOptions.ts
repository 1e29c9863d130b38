import type { ExportPlan } from '../exportPlan.js'
import { carried, changed, leftOut, refused } from '../optionOutcome.js'
import type { OptionMappings, OptionOutcome } from '../optionOutcome.js'
import { ofBatches } from '../rolloutBatches.js'
import { engineOutcomes, evaluationOutcomes, onlyWith, taskOutcomes } from '../sharedOutcomes.js'
import { openrlhfLossOptions } from './openrlhfLossOptions.js'
import { openrlhfOptimizerOptions } from './openrlhfOptimizerOptions.js'
import { noneThere } from './noneThere.js'

const ofTheAdapter = (): OptionOutcome => leftOut('counts with use_peft only')

/** What becomes of each option under OpenRLHF 0.11.2: `python -m openrlhf.cli.train_ppo_ray` with these flags. */
export const openrlhfOptions: OptionMappings = {
  ...taskOutcomes,
  ...engineOutcomes,
  ...evaluationOutcomes,
  ...openrlhfLossOptions,
  ...openrlhfOptimizerOptions,
  model: (_, { model }) => carried({ 'actor.model_name_or_path': model.name }),
  task: () =>
    changed(
      { 'data.prompt_dataset': './data/train.parquet', 'data.input_key': 'prompt', 'data.label_key': 'problem_id' },
      'its problems, by their prompts and ids; the reward service has the problems themselves',
    ),
  rewards: () =>
    changed(
      { 'reward.remote_url': './grpo_ts_rewards.py' },
      'its reward_func asks the reward service for the weighted sum of all reward functions, which are logged one by one',
    ),
  rewardWeights: () => leftOut('the reward service adds up the rewards'),
  outputDir: () => changed({ 'ckpt.output_dir': './output' }, 'in the folder of the export'),
  usePeft: (value) =>
    value
      ? refused(
          'OpenRLHF hands vLLM the weights by the names that PEFT gives them, which vLLM does not know: an adapter cannot be trained; set it ' +
            'to false (all weights are trained), or export to TRL or verl',
        )
      : carried({ 'ds.lora.rank': 0 }),
  loraR: ofTheAdapter,
  loraAlpha: ofTheAdapter,
  useRslora: ofTheAdapter,
  loraDropout: ofTheAdapter,
  loraTargetModules: ofTheAdapter,
  excludeModules: ofTheAdapter,
  layersToTransform: ofTheAdapter,
  layersPattern: ofTheAdapter,
  rankPattern: ofTheAdapter,
  alphaPattern: ofTheAdapter,
  dtype: () => changed({ 'ds.param_dtype': 'bf16' }, 'the trainer keeps a float32 copy of the weights besides'),
  precision: (value) =>
    value === 'float32'
      ? refused('OpenRLHF computes in bfloat16 or float16; take auto')
      : leftOut('OpenRLHF computes in bfloat16'),
  rollout: () => leftOut('OpenRLHF samples by itself, with vLLM'),

  numGenerations: (value) => carried({ 'rollout.n_samples_per_prompt': value }),
  perDeviceTrainBatchSize: (_, plan) =>
    ofBatches(plan, ({ microBatch }) =>
      changed(
        { 'train.micro_batch_size': microBatch, 'rollout.micro_batch_size': microBatch },
        'completions that a GPU computes at a time: results do not depend on it',
      ),
    ),
  gradientAccumulationSteps: (_, plan) =>
    ofBatches(plan, ({ optimizerBatch }) =>
      changed({ 'train.batch_size': optimizerBatch }, 'completions of an optimizer step, of all GPUs'),
    ),
  stepsPerGeneration: (_, plan) =>
    ofBatches(plan, ({ prompts }) => carried({ 'rollout.batch_size': prompts }), leftOut('see the batch sizes')),
  generationBatchSize: () => leftOut('rollout.batch_size × n: follows from steps_per_generation'),
  maxTokensPerPass: () => leftOut('changes memory, not results'),
  numIterations: (value) => carried({ 'train.max_epochs': value }),
  maxSteps: (value, plan) => (value > 0 ? lengthOf(plan) : leftOut('num_train_epochs counts')),
  numTrainEpochs: (_, plan) => (plan.config.grpo.maxSteps > 0 ? leftOut('max_steps counts') : lengthOf(plan)),
  shuffleDataset: (value) =>
    value
      ? leftOut('OpenRLHF always shuffles')
      : refused('OpenRLHF always shuffles; set it to true, or export to TRL or verl'),
  seed: (value) =>
    changed({ 'train.seed': value }, 'other generators of random numbers: other orders and completions than here'),

  maxCompletionLength: (value, { prompts }) =>
    carried({
      'rollout.max_new_tokens': value,
      'data.max_len': Math.max(...prompts.map(({ ids }) => ids.length)) + value,
    }),
  temperature: (value) => carried({ 'rollout.temperature': value }),
  topK: (value) => (value === 0 ? leftOut('off') : noneThere('0')),
  topP: (value) => carried({ 'rollout.top_p': value }),
  minP: (value) => (value === 0 ? leftOut('off') : noneThere('0')),
  repetitionPenalty: (value) => (value === 1 ? leftOut('off') : noneThere('1')),
  stopStrings: (value) =>
    value.length === 0 ? leftOut('none') : refused('OpenRLHF has none; leave them out: completions end with EOS'),
  dynamicSampling: (value) =>
    value
      ? refused(
          "OpenRLHF's dynamic filtering looks whether the mean of a score lies between two bounds, not whether all rewards are equal; set it " +
            'to false, or export to verl',
        )
      : leftOut('off'),
  maxNumGenBatches: onlyWith('dynamic_sampling'),
  difficultyPools: (value) => (value ? noneThere('false') : leftOut('off')),

  loadBestModelAtEnd: (value) =>
    value
      ? refused('without evaluations there is no best; set it to false and evaluate what comes back')
      : changed({ 'ckpt.best_metric_key': 'none' }, 'off'),
  earlyStoppingPatience: (value) =>
    value === null ? leftOut('off') : refused('OpenRLHF has none; leave it out and set max_steps'),
  saveStrategy: (value) =>
    value === 'steps' ? leftOut('save_steps says it') : leftOut('the model is saved at the end in any case'),
  saveSteps: (value, plan) =>
    ofBatches(
      plan,
      ({ stepsPerRollout }) => {
        if (plan.config.grpo.saveStrategy === 'no') return changed({ 'ckpt.save_steps': -1 }, 'save_strategy is no')
        const settings = {
          'ckpt.path': './output/checkpoints',
          'ckpt.save_steps': Math.max(1, Math.round(value / stepsPerRollout)),
        }
        return stepsPerRollout === 1
          ? carried(settings)
          : changed(settings, `OpenRLHF counts batches of rollouts, each of ${stepsPerRollout} optimizer steps`)
      },
      leftOut('see the batch sizes'),
    ),
  saveTotalLimit: (value) => carried({ 'ckpt.max_num': value ?? 1_000_000 }),
  logCompletionTokens: () => leftOut('OpenRLHF keeps no completions'),
  reportTo: () =>
    changed(
      { 'logger.tensorboard_dir': './output/tensorboard', 'logger.wandb.run_name': 'grpo-ts' },
      'OpenRLHF logs metrics to TensorBoard or Weights & Biases only',
    ),
  loggingSteps: () =>
    changed({ 'logger.logging_steps': 1 }, 'every step, so that the metrics that come back are complete'),
}

/** Prompts that are written to the data at most: longer runs say num_train_epochs. */
const MAXIMUM_PROMPTS = 1_000_000

/**
 * OpenRLHF has no number of steps: it makes num_episodes passes over the data. With max_steps the data holds as many prompts as these
 * take, pass after pass.
 */
function lengthOf(plan: ExportPlan): OptionOutcome {
  return ofBatches(
    plan,
    ({ prompts, rollouts, stepsPerRollout, maxSteps }) => {
      const { maxSteps: given, numTrainEpochs } = plan.config.grpo
      const problems = plan.task.problems.length
      if (given > 0) {
        if (prompts * rollouts > MAXIMUM_PROMPTS) {
          return refused(
            `${maxSteps} steps take ${prompts * rollouts} prompts, more than the data may hold; take num_train_epochs`,
          )
        }
        const counted = `${prompts * rollouts} prompts in data/train.parquet: ${rollouts} times sampled, ${stepsPerRollout} optimizer ${stepsPerRollout === 1 ? 'step' : 'steps'} each`
        return changed({ 'train.num_episodes': 1 }, counted)
      }
      if (!Number.isInteger(numTrainEpochs)) {
        return refused('OpenRLHF makes whole passes over the data; take a whole number, or max_steps')
      }
      const settings = { 'train.num_episodes': numTrainEpochs }
      return problems % prompts === 0
        ? carried(settings)
        : changed(settings, `the last batch of each pass holds ${problems % prompts} prompts`)
    },
    leftOut('see the batch sizes'),
  )
}
