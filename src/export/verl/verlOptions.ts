import { carried, changed, leftOut, ofNames, refused } from '../optionOutcome.js'
import type { OptionMappings, OptionOutcome, Settings } from '../optionOutcome.js'
import type { ExportPlan } from '../exportPlan.js'
import { ofBatches } from '../rolloutBatches.js'
import { engineOutcomes, evaluationOutcomes, onlyWith, taskOutcomes } from '../sharedOutcomes.js'
import { verlLossOptions } from './verlLossOptions.js'
import { verlModelOptions } from './verlModelOptions.js'
import { verlOptimizerOptions } from './verlOptimizerOptions.js'

const ACTOR = 'actor_rollout_ref.actor'
const ROLLOUT = 'actor_rollout_ref.rollout'

/** What verl's files of completions say of each, beside the values of the reward functions. */
const rolloutKeys = ['input', 'output', 'gts', 'score', 'step', 'uid', 'request_id']

/** What becomes of each option under verl 0.9.1: `python -m verl.trainer.main_ppo`, its hydra configuration ppo_trainer. */
export const verlOptions: OptionMappings = {
  ...taskOutcomes,
  ...engineOutcomes,
  ...evaluationOutcomes,
  ...verlModelOptions,
  ...verlLossOptions,
  ...verlOptimizerOptions,
  task: () =>
    changed(
      { 'data.train_files': './data/train.parquet' },
      'its problems, by their messages and ids; the reward service has the problems themselves',
    ),
  rewards: (_, { rewards }) =>
    ofNames(rewards, rolloutKeys, 'verl') ??
    changed(
      { 'reward.custom_reward_function.name': 'compute_score' },
      'asks the reward service for the weighted sum of all reward functions, which are logged one by one',
    ),
  rewardWeights: () => leftOut('the reward service adds up the rewards'),
  outputDir: () => changed({ 'trainer.default_local_dir': './output' }, 'in the folder of the export'),
  rollout: () => leftOut('verl samples by itself, with vLLM'),

  numGenerations: (value) => carried({ [`${ROLLOUT}.n`]: value }),
  perDeviceTrainBatchSize: (_, plan) =>
    ofBatches(plan, ({ microBatch }) =>
      changed(
        {
          [`${ACTOR}.ppo_micro_batch_size_per_gpu`]: microBatch,
          [`${ROLLOUT}.log_prob_micro_batch_size_per_gpu`]: microBatch,
          'actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu': microBatch,
        },
        'completions that a GPU computes at a time: results do not depend on it',
      ),
    ),
  gradientAccumulationSteps: (_, plan) =>
    ofBatches(plan, ({ optimizerBatch }) => {
      const { numGenerations, perDeviceTrainBatchSize } = plan.config.grpo
      if (optimizerBatch % numGenerations !== 0) {
        return refused(
          `an optimizer step takes ${optimizerBatch} completions, and verl takes whole groups of num_generations = ${numGenerations}; ` +
            'make per_device_train_batch_size × gradient_accumulation_steps a multiple of it',
        )
      }
      return changed(
        { [`${ACTOR}.ppo_mini_batch_size`]: optimizerBatch / numGenerations },
        `prompts of an optimizer step: ${perDeviceTrainBatchSize} × ${plan.config.grpo.gradientAccumulationSteps} completions of all GPUs`,
      )
    }),
  stepsPerGeneration: (_, plan) =>
    ofBatches(plan, ({ prompts }) => carried({ 'data.train_batch_size': prompts }), leftOut('see the batch sizes')),
  generationBatchSize: () => leftOut('data.train_batch_size × n: follows from steps_per_generation'),
  maxTokensPerPass: () => leftOut('changes memory, not results'),
  numIterations: (value) => carried({ [`${ACTOR}.ppo_epochs`]: value }),
  maxSteps: (value, plan) => (value > 0 ? lengthOf(plan) : leftOut('num_train_epochs counts')),
  numTrainEpochs: (_, plan) => (plan.config.grpo.maxSteps > 0 ? leftOut('max_steps counts') : lengthOf(plan)),
  shuffleDataset: (value) => carried({ 'data.shuffle': value }),
  seed: (value) =>
    changed(
      {
        'data.seed': value,
        [`${ACTOR}.data_loader_seed`]: value,
        [`${ACTOR}.fsdp_config.seed`]: value,
        [`${ROLLOUT}.seed`]: value,
      },
      'other generators of random numbers: other orders and completions than here',
    ),

  maxCompletionLength: (value) => carried({ 'data.max_response_length': value }),
  temperature: (value) => carried({ [`${ROLLOUT}.temperature`]: value }),
  topK: (value) => carried({ [`${ROLLOUT}.top_k`]: value === 0 ? -1 : value }),
  topP: (value) => carried({ [`${ROLLOUT}.top_p`]: value }),
  minP: (value) => (value === 0 ? leftOut('off') : refused('verl hands no min_p to its sampler; set it to 0')),
  repetitionPenalty: (value) =>
    value === 1 ? leftOut('off, as verl always has it') : refused('verl samples with 1 always; set it to 1'),
  stopStrings: (value) =>
    value.length === 0
      ? leftOut('none')
      : refused('verl hands none to its sampler; leave them out: completions end with EOS'),
  dynamicSampling: (value) =>
    value
      ? changed(
          { 'algorithm.filter_groups.enable': true, 'algorithm.filter_groups.metric': 'reward' },
          'verl samples until the batch is full of groups whose rewards differ, however long that takes',
        )
      : carried({ 'algorithm.filter_groups.enable': false }),
  maxNumGenBatches: (_, { config }) =>
    config.grpo.dynamicSampling
      ? leftOut('verl 0.9.1 ignores its max_num_gen_batches: it never trains on a group that was dropped')
      : onlyWith('dynamic_sampling')(),
  difficultyPools: (value) => (value ? refused('verl has none; set it to false') : leftOut('off')),

  loadBestModelAtEnd: (value) =>
    value
      ? refused('verl keeps no best checkpoint; set it to false and evaluate the checkpoints that come back')
      : leftOut('off'),
  earlyStoppingPatience: (value) =>
    value === null ? leftOut('off') : refused('verl has none; leave it out and set max_steps'),
  saveStrategy: (value) =>
    value === 'steps'
      ? leftOut('save_steps says it')
      : changed({}, 'one checkpoint at the end, or nothing would come back'),
  saveSteps: (value, plan) =>
    ofBatches(
      plan,
      ({ rollouts, stepsPerRollout }) => {
        if (plan.config.grpo.saveStrategy === 'no') {
          return changed({ 'trainer.save_freq': rollouts }, 'save_strategy is no: at the end only')
        }
        const settings = { 'trainer.save_freq': Math.max(1, Math.round(value / stepsPerRollout)) }
        return value % stepsPerRollout === 0 && stepsPerRollout === 1
          ? carried(settings)
          : changed(settings, `verl counts batches of rollouts, each of ${stepsPerRollout} optimizer steps`)
      },
      leftOut('see the batch sizes'),
    ),
  saveTotalLimit: (value) => carried({ 'trainer.max_actor_ckpt_to_keep': value }),
  logCompletionTokens: () =>
    changed({ 'trainer.rollout_data_dir': './output/rollouts' }, 'verl logs completions as text'),
  reportTo: (value) =>
    changed(
      { 'trainer.logger': ['console', 'file', ...value] },
      'the metrics of every step come back in output/grpo-ts/run.jsonl',
    ),
  loggingSteps: () => leftOut('verl logs every step'),
}

/** The length of the run in verl's steps, in each of which it samples once. */
function lengthOf(plan: ExportPlan): OptionOutcome {
  return ofBatches(
    plan,
    ({ prompts, rollouts, stepsPerRollout, maxSteps }) => {
      const problems = plan.task.problems.length
      if (problems < prompts) {
        return refused(
          `verl takes whole batches of ${prompts} prompts from the data, which has ${problems}; take more problems, or a smaller batch`,
        )
      }
      const settings: Settings = {
        'trainer.total_training_steps': rollouts,
        // Passes beyond what total_training_steps takes are not begun.
        'trainer.total_epochs': Math.ceil(rollouts / Math.floor(problems / prompts)),
      }
      const dropped =
        problems % prompts === 0 ? '' : `; the last ${problems % prompts} prompts of each pass are left out`
      if (stepsPerRollout === 1 && dropped === '' && plan.config.grpo.maxSteps > 0) return carried(settings)
      const counted = `${rollouts} times sampled, ${stepsPerRollout} optimizer ${stepsPerRollout === 1 ? 'step' : 'steps'} each`
      return changed(settings, `${counted}: ${rollouts * stepsPerRollout} steps for ${maxSteps} here${dropped}`)
    },
    leftOut('see the batch sizes'),
  )
}
