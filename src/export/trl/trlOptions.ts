import { snakeCase } from '../../options/names.js'
import type { TrainOptions } from '../../grpo/config/trainConfig.js'
import { bySnakeCase } from '../../run/configFile.js'
import { carried, changed, leftOut, ofNames, refused } from '../optionOutcome.js'
import type { OptionMappings, OptionOutcome } from '../optionOutcome.js'
import { engineOutcomes, evaluationOutcomes, onlyWith, taskOutcomes } from '../sharedOutcomes.js'

/** Columns of TRL's files of completions, those that reward_functions.py adds included. */
const completionColumns = [
  'step',
  'prompt',
  'completion',
  'advantage',
  'problem_id',
  'completion_length',
  'finish_reason',
]

const peftOnly = (): OptionOutcome =>
  refused("TRL's command line has no such option for the adapter; leave it out (lora_target_modules selects modules)")

/** An option that TRL has by the same name with the same meaning; null is left to TRL's own default, which is null. */
function same(name: keyof TrainOptions) {
  return (value: unknown): OptionOutcome => carried({ [snakeCase(name)]: value ?? undefined })
}

/** What becomes of each option under `trl grpo`, TRL 1.16: GRPOConfig with TrainingArguments, ModelConfig and ScriptArguments. */
export const trlOptions: OptionMappings = {
  ...taskOutcomes,
  ...engineOutcomes,
  ...evaluationOutcomes,
  model: (_, { model }) => carried({ model_name_or_path: model.name, model_revision: model.revision ?? undefined }),
  task: () =>
    changed(
      { dataset_name: './data' },
      'its problems, by their prompts and ids; the reward service has the problems themselves',
    ),
  rewards: (_, { rewards }) =>
    ofNames(rewards, completionColumns, 'TRL') ??
    changed(
      { reward_funcs: rewards.map(({ name }) => name) },
      'functions of grpo_ts_rewards.py, which asks the reward service',
    ),
  rewardWeights: (_, { rewards }) => carried({ reward_weights: rewards.map(({ weight }) => weight) }),

  usePeft: same('usePeft'),
  loraR: (value, plan) => withPeft(plan.config.run, { lora_r: value }),
  loraAlpha: (value, plan) => withPeft(plan.config.run, { lora_alpha: value }),
  useRslora: (value, plan) => withPeft(plan.config.run, { use_rslora: value }),
  loraDropout: (value, plan) => withPeft(plan.config.run, { lora_dropout: value }),
  loraTargetModules: (value, plan) => targetModules(value, plan.config.run),
  excludeModules: (value) => (value === null || value.length === 0 ? leftOut('nothing is excluded') : peftOnly()),
  layersToTransform: (value) => (value === null ? leftOut('all layers') : peftOnly()),
  layersPattern: (value) => (value === null ? leftOut('all layers') : peftOnly()),
  rankPattern: (value) => (Object.keys(value).length === 0 ? leftOut('one rank for all modules') : peftOnly()),
  alphaPattern: (value) => (Object.keys(value).length === 0 ? leftOut('one alpha for all modules') : peftOnly()),
  outputDir: () => changed({ output_dir: './output' }, 'in the folder of the export'),
  dtype: (value, plan) => dtypeOf(value, plan.config.run),
  precision: (value) =>
    value === 'float32'
      ? carried({ bf16: false })
      : changed({ bf16: true }, 'bfloat16 on GPUs; run.sh takes float32 where there is none'),
  rollout: (value) =>
    leftOut(
      value === null
        ? 'TRL samples by itself'
        : 'TRL samples by itself; for vLLM set use_vllm in trl.yaml (trl[vllm], vllm up to 0.31)',
    ),

  numGenerations: same('numGenerations'),
  perDeviceTrainBatchSize: (value, { processes }) => {
    if (value % processes !== 0) {
      return refused(
        `${value} completions do not divide by ${processes} processes, and TRL counts them per process; take a multiple of ${processes}, or ` +
          'another --processes',
      )
    }
    const settings = { per_device_train_batch_size: value / processes }
    return processes === 1
      ? carried(settings)
      : changed(settings, `of each of ${processes} processes: together they are the same`)
  },
  gradientAccumulationSteps: same('gradientAccumulationSteps'),
  stepsPerGeneration: (_, { config }) => carried({ steps_per_generation: config.grpo.stepsPerGeneration }),
  generationBatchSize: () => leftOut('follows from steps_per_generation, the batch of a process and their number'),
  maxTokensPerPass: () => leftOut('changes memory, not results; TRL trains on whole micro-batches'),
  numIterations: same('numIterations'),
  maxSteps: same('maxSteps'),
  numTrainEpochs: same('numTrainEpochs'),
  shuffleDataset: same('shuffleDataset'),
  seed: (value) =>
    changed({ seed: value }, 'another generator of random numbers: other orders and completions than here'),

  maxCompletionLength: same('maxCompletionLength'),
  temperature: same('temperature'),
  topK: same('topK'),
  topP: same('topP'),
  minP: (value) => carried({ min_p: value === 0 ? undefined : value }),
  repetitionPenalty: same('repetitionPenalty'),
  stopStrings: (value) =>
    value.length === 0
      ? leftOut('none')
      : refused(
          "TRL hands transformers' generate no tokenizer, without which it refuses stop_strings; leave them out: completions end with EOS",
        ),
  dynamicSampling: (value) =>
    value ? refused('TRL has none; set it to false, or export to verl, which has filter_groups') : leftOut('off'),
  maxNumGenBatches: onlyWith('dynamic_sampling'),
  difficultyPools: (value) => (value ? refused('TRL has none; set it to false') : leftOut('off')),

  advantageEstimator: (value) => {
    if (value === 'rloo') {
      return refused(
        'TRL has it in another trainer, RLOOTrainer; take dr_grpo, whose advantages are the same but for the factor ' +
          '(num_generations - 1) / num_generations',
      )
    }
    return value === 'grpo'
      ? leftOut('scale_rewards says it')
      : changed({}, 'by scale_rewards: none, which is the same')
  },
  scaleRewards: (value, { config }) =>
    config.grpo.advantageEstimator === 'dr_grpo' && value !== 'none'
      ? changed({ scale_rewards: 'none' }, 'advantage_estimator dr_grpo does not scale')
      : carried({ scale_rewards: value }),
  multiObjectiveAggregation: same('multiObjectiveAggregation'),
  maskTruncatedCompletions: same('maskTruncatedCompletions'),
  lossType: (value, { processes }) =>
    value === 'bnpo' && processes > 1
      ? changed({ loss_type: value }, `averages over the tokens of a process's micro-batch: a ${processes}th of ours`)
      : carried({ loss_type: value }),
  beta: same('beta'),
  useBiasCorrectionKl: same('useBiasCorrectionKl'),
  epsilon: same('epsilon'),
  epsilonHigh: same('epsilonHigh'),
  delta: same('delta'),
  importanceSamplingLevel: same('importanceSamplingLevel'),
  offPolicyMaskThreshold: same('offPolicyMaskThreshold'),
  vllmImportanceSamplingCorrection: same('vllmImportanceSamplingCorrection'),
  vllmImportanceSamplingMode: same('vllmImportanceSamplingMode'),
  vllmImportanceSamplingClipMax: (value) => carried({ vllm_importance_sampling_clip_max: value }),
  vllmImportanceSamplingClipMin: same('vllmImportanceSamplingClipMin'),
  topEntropyQuantile: same('topEntropyQuantile'),
  entropyCoef: same('entropyCoef'),
  useAdaptiveEntropy: same('useAdaptiveEntropy'),
  entropyTarget: same('entropyTarget'),
  entropyCoefDelta: same('entropyCoefDelta'),
  entropyCoefMin: same('entropyCoefMin'),
  entropyCoefMax: same('entropyCoefMax'),
  sapoTemperaturePos: same('sapoTemperaturePos'),
  sapoTemperatureNeg: same('sapoTemperatureNeg'),
  vespoKPos: same('vespoKPos'),
  vespoLambdaPos: same('vespoLambdaPos'),
  vespoKNeg: same('vespoKNeg'),
  vespoLambdaNeg: same('vespoLambdaNeg'),

  learningRate: same('learningRate'),
  lrSchedulerType: same('lrSchedulerType'),
  lrSchedulerKwargs: (value) => carried({ lr_scheduler_kwargs: isEmpty(value) ? undefined : bySnakeCase(value) }),
  warmupSteps: (value, { config }) =>
    value === 0 && config.grpo.warmupRatio > 0 ? leftOut('warmup_ratio counts') : carried({ warmup_steps: value }),
  warmupRatio: (value, { config }) => {
    if (value === 0 || config.grpo.warmupSteps > 0) return leftOut('warmup_steps counts')
    // From 1 on it would be a number of steps.
    if (value === 1) return refused('a warm-up over the whole run cannot be said to transformers 5; take at most 0.99')
    return changed({ warmup_steps: value }, 'transformers 5 takes a number below 1 as a share of all steps')
  },
  weightDecay: same('weightDecay'),
  adamBeta1: same('adamBeta1'),
  adamBeta2: same('adamBeta2'),
  adamEpsilon: same('adamEpsilon'),
  maxGradNorm: same('maxGradNorm'),

  loadBestModelAtEnd: (value) =>
    value
      ? refused(
          'it needs evaluations while training, and the reward service knows the problems that are trained on only; set it to false and evaluate the checkpoints that come back',
        )
      : leftOut('off'),
  earlyStoppingPatience: (value) =>
    value === null
      ? leftOut('off')
      : refused("a callback of transformers that TRL's command line cannot add; leave it out and set max_steps"),
  saveStrategy: (value) =>
    value === 'steps'
      ? carried({ save_strategy: value })
      : changed(
          { save_strategy: 'steps', save_only_model: true },
          'one checkpoint at the end, without the state of the optimizer: the metrics come back in it',
        ),
  saveSteps: (value, { config }) =>
    config.grpo.saveStrategy === 'steps'
      ? carried({ save_steps: value })
      : changed({ save_steps: 1_000_000_000 }, 'save_strategy is no'),
  saveTotalLimit: same('saveTotalLimit'),
  logCompletionTokens: () => leftOut('TRL logs completions as text'),
  reportTo: (value) => carried({ report_to: value.length === 0 ? 'none' : value }),
  loggingSteps: () => changed({ logging_steps: 1 }, 'every step, so that the metrics that come back are complete'),
}

/** What TRL needs besides the options of a run. */
export const trlSettings = {
  // The completions come back as parquet files; none are printed.
  log_completions: true,
  num_completions_to_print: 0,
}

function withPeft({ usePeft }: TrainOptions, settings: Readonly<Record<string, unknown>>): OptionOutcome {
  return usePeft ? carried(settings) : leftOut('use_peft is false')
}

function targetModules(value: TrainOptions['loraTargetModules'], run: TrainOptions): OptionOutcome {
  const [only, ...others] = [value].flat()
  // TRL makes of a list of one a text, which PEFT takes for an expression for whole names.
  if (run.usePeft && Array.isArray(value) && only !== undefined && others.length === 0) {
    const pattern = `(.*\\.)?${only.replaceAll('.', '\\.')}`
    return changed({ lora_target_modules: pattern }, 'an expression for whole names, as which TRL reads a list of one')
  }
  return withPeft(run, { lora_target_modules: value })
}

function dtypeOf(value: TrainOptions['dtype'], { usePeft }: TrainOptions): OptionOutcome {
  if (value === 'int4') {
    return changed({ load_in_4bit: true, dtype: 'auto' }, "bitsandbytes' 4-bit floats in place of our whole numbers")
  }
  if (value === 'int8')
    return changed({ load_in_8bit: true, dtype: 'auto' }, "bitsandbytes' LLM.int8() in place of ours")
  if (value === 'float32') return carried({ dtype: 'float32' })
  return usePeft
    ? carried({ dtype: 'auto' })
    : changed({ dtype: 'float32' }, 'all weights are trained, which takes float32')
}

function isEmpty(value: object | null): value is null {
  return value === null || Object.keys(value).length === 0
}
