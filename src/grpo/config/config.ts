import { z } from 'zod'
import { schedulerKwargsSchema, schedulerTypeSchema } from '../../optim/schedulerOptions.js'
import { samplingOptions } from '../../engine/samplingOptions.js'
import type { GRPOOptions } from './options.js'
import { checkCombinations, resolveGenerationBatch } from './rules.js'
import { snakeCase } from '../../options/names.js'
import { option, parseOptions } from '../../options/schema.js'
import { lossTypeNames } from '../losses/lossTypes.js'

const positiveInteger = z.int().positive()
const nonNegative = z.number().nonnegative()
const positive = z.number().positive()
const fraction = z.number().min(0).max(1)
const decayRate = z.number().min(0).lt(1)

/**
 * All options of GRPO training: TRL's GRPOConfig (and the transformers options under it), with its names in camelCase
 * and the defaults of TRL 1.16. The schema is at once the check, the source of the TypeScript types ({@link GRPOOptions},
 * {@link GRPOConfig}) and the help text (`description` of each option).
 */
export const grpoConfigSchema = z.strictObject({
  // Batches
  numGenerations: option(z.int().min(2), 8, 'Completions sampled for each prompt, the group; at least 2.'),
  perDeviceTrainBatchSize: option(positiveInteger, 8, 'Completions in a micro-batch.'),
  gradientAccumulationSteps: option(positiveInteger, 1, 'Micro-batches in an optimizer step.'),
  stepsPerGeneration: option(
    positiveInteger.nullable(),
    null,
    'Micro-batches that a generation batch is cut into; null = gradientAccumulationSteps.',
  ),
  generationBatchSize: option(
    positiveInteger.nullable(),
    null,
    'Completions sampled at a time, whole groups; null = perDeviceTrainBatchSize × stepsPerGeneration.',
  ),
  maxTokensPerPass: option(
    positiveInteger.nullable(),
    null,
    'Tokens that are trained on together; a longer micro-batch is computed in several passes. null = what leaves 1 GiB of activations.',
  ),
  numIterations: option(positiveInteger, 1, 'Times each generation batch is trained on (μ of the paper).'),
  maxSteps: option(
    z.int().refine((steps) => steps === -1 || steps > 0, 'expected a positive number of steps, or -1'),
    -1,
    'Optimizer steps; -1 = as many as numTrainEpochs takes.',
  ),
  numTrainEpochs: option(positive, 3, 'Passes over the prompts, when maxSteps is -1.'),
  shuffleDataset: option(z.boolean(), true, 'Whether the prompts are shuffled before each pass.'),
  seed: option(z.int().nonnegative(), 42, 'Seed of shuffling and sampling.'),

  // Sampling
  ...samplingOptions,
  temperature: option(positive, 1, 'Sampling temperature; the log-probabilities of training are divided by it too.'),

  dynamicSampling: option(
    z.boolean(),
    false,
    'Whether groups whose rewards are all equal are dropped and others sampled in their place (DAPO).',
  ),
  maxNumGenBatches: option(
    positiveInteger,
    4,
    'With dynamicSampling: rounds of sampling for a generation batch; what is missing then is filled with dropped groups.',
  ),
  difficultyPools: option(
    z.boolean(),
    false,
    'Whether problems that the policy nearly always or hardly ever solves are passed over four times out of five.',
  ),

  // Rewards and advantages
  rewardWeights: option(
    z.array(z.number()).min(1).nullable(),
    null,
    "Weight of each reward function, in their order; null = the reward functions' own weights.",
  ),
  advantageEstimator: option(
    z.enum(['grpo', 'dr_grpo', 'rloo']),
    'grpo',
    'Advantage of a completion: grpo, scaled by scaleRewards; dr_grpo, reward minus mean of the group; rloo, reward minus mean of the others. The latter two are not scaled.',
  ),
  scaleRewards: option(
    z.union([z.enum(['group', 'batch', 'none']), z.boolean().transform((scale) => (scale ? 'group' : 'none'))]),
    'group',
    'Divide advantages by the standard deviation of the group, of the batch, or not; true = group, false = none.',
  ),
  multiObjectiveAggregation: option(
    z.enum(['sum_then_normalize', 'normalize_then_sum']),
    'sum_then_normalize',
    'Several rewards: sum, then normalize; or normalize each, then sum (GDPO).',
  ),
  maskTruncatedCompletions: option(
    z.boolean(),
    false,
    'Whether completions that were cut off at maxCompletionLength are left out of the loss.',
  ),

  // Loss
  lossType: option(
    z.enum(lossTypeNames),
    'dapo',
    'How the losses of tokens are formed and averaged: dapo over the tokens of the batch, grpo within each completion.',
  ),
  beta: option(nonNegative, 0, 'Coefficient of the KL divergence to the reference model; 0 = no reference model.'),
  useBiasCorrectionKl: option(z.boolean(), true, 'Whether the KL term is multiplied by the importance ratio.'),
  epsilon: option(nonNegative, 0.2, 'The ratio is clipped below at 1 - epsilon.'),
  epsilonHigh: option(
    nonNegative.nullable(),
    null,
    'The ratio is clipped above at 1 + epsilonHigh (DAPO: 0.28); null = epsilon. For cispo the cap itself (5).',
  ),
  delta: option(
    positive.nullable(),
    null,
    'Cap of the ratio for negative advantages too (two-sided clipping); above 1 + epsilonHigh; null = none.',
  ),
  importanceSamplingLevel: option(
    z.enum(['token', 'sequence']),
    'token',
    'Ratio of each token, or one for the completion (GSPO: with lossType grpo).',
  ),
  offPolicyMaskThreshold: option(
    positive.nullable(),
    null,
    'Leaves out completions with negative advantage that lost more than this many nats per token; null = off.',
  ),
  vllmImportanceSamplingCorrection: option(
    z.boolean(),
    true,
    'Whether the loss is corrected for a rollout engine whose log-probabilities are not quite those of training; otherwise there is nothing to correct.',
  ),
  vllmImportanceSamplingMode: option(
    z.enum(['token_truncate', 'token_mask', 'sequence_truncate', 'sequence_mask']),
    'sequence_mask',
    'Its ratio: of each token, or one for the completion; truncate clips it to the bounds, mask leaves out what is outside them.',
  ),
  vllmImportanceSamplingClipMax: option(positive.nullable(), 3, 'Upper bound of that ratio; null = none.'),
  vllmImportanceSamplingClipMin: option(nonNegative.nullable(), null, 'Lower bound of that ratio; null = none.'),
  topEntropyQuantile: option(
    fraction,
    1,
    'Fraction of the tokens, those with the highest entropy, that the policy loss acts on; 1 = all.',
  ),
  entropyCoef: option(
    z.number(),
    0,
    'Coefficient of the entropy bonus; 0 = none. With useAdaptiveEntropy the initial value.',
  ),
  useAdaptiveEntropy: option(z.boolean(), false, 'Whether entropyCoef is adapted after each optimizer step.'),
  entropyTarget: option(nonNegative, 0.2, 'Adaptive bonus: active while the mean entropy is at most this, in nats.'),
  entropyCoefDelta: option(nonNegative, 0.005, 'Adaptive bonus: change of the coefficient after a step.'),
  entropyCoefMin: option(z.number(), 0, 'Adaptive bonus: smallest coefficient.'),
  entropyCoefMax: option(z.number(), 1, 'Adaptive bonus: largest coefficient.'),
  sapoTemperaturePos: option(positive, 1, 'sapo: temperature of the gate for positive advantages.'),
  sapoTemperatureNeg: option(positive, 1.05, 'sapo: temperature of the gate for the other advantages.'),
  vespoKPos: option(nonNegative, 2, 'vespo: exponent k for advantages of at least 0.'),
  vespoLambdaPos: option(nonNegative, 3, 'vespo: decay λ for advantages of at least 0.'),
  vespoKNeg: option(nonNegative, 3, 'vespo: exponent k for negative advantages.'),
  vespoLambdaNeg: option(nonNegative, 2, 'vespo: decay λ for negative advantages.'),

  // Optimizer
  learningRate: option(nonNegative, 1e-6, 'Highest learning rate; for LoRA often 1e-5 to 1e-4.'),
  lrSchedulerType: option(
    schedulerTypeSchema,
    'linear',
    'Learning rate after the warm-up: to 0 at the last step, to a smallest rate, in three phases, or constant, as in transformers.',
  ),
  lrSchedulerKwargs: option(
    schedulerKwargsSchema,
    {},
    'Settings of the schedule, such as { num_cycles: 2 } of cosine_with_restarts (docs/trl.md). As a flag in YAML.',
  ),
  warmupSteps: option(
    nonNegative.refine((steps) => steps < 1 || Number.isInteger(steps), 'expected whole steps, or a fraction below 1'),
    0,
    'Optimizer steps in which the learning rate rises linearly from 0; below 1 a fraction of all steps.',
  ),
  warmupRatio: option(fraction, 0, 'Warm-up as a fraction of all optimizer steps, instead of warmupSteps.'),
  weightDecay: option(nonNegative, 0, 'Decoupled weight decay of AdamW.'),
  adamBeta1: option(decayRate, 0.9, "Decay of AdamW's mean of gradients."),
  adamBeta2: option(decayRate, 0.999, "Decay of AdamW's mean of squared gradients."),
  adamEpsilon: option(positive, 1e-8, "Added to AdamW's denominator."),
  maxGradNorm: option(nonNegative, 1, 'The norm of all gradients together is clipped to this; 0 = no clipping.'),

  // Evaluation while training
  evalStrategy: option(
    z.enum(['no', 'steps']),
    'no',
    'Whether held-out problems are evaluated, every evalSteps steps.',
  ),
  evalSteps: option(
    positiveInteger.nullable(),
    null,
    'Optimizer steps between two evaluations; the last step is evaluated too. null = saveSteps (TRL: loggingSteps).',
  ),
  numGenerationsEval: option(positiveInteger, 1, 'Completions of each problem in an evaluation (TRL: numGenerations).'),
  evalTemperature: option(nonNegative, 0, 'Sampling temperature of evaluations; 0 = greedy (TRL: temperature).'),
  metricForBestModel: option(
    z.string().min(1).nullable(),
    null,
    'Evaluation metric, with or without eval_, that says which checkpoint is best. null = eval_accuracy, without a correctness reward eval_reward.',
  ),
  greaterIsBetter: option(z.boolean(), true, 'Whether a larger metricForBestModel is better.'),
  loadBestModelAtEnd: option(
    z.boolean(),
    false,
    'Whether the adapter of the best evaluation is the result of the run; its checkpoint is kept in any case.',
  ),
  earlyStoppingPatience: option(
    positiveInteger.nullable(),
    null,
    'The run ends after so many evaluations in a row that were no better than the best; null = never.',
  ),
  earlyStoppingThreshold: option(nonNegative, 0, 'How much better an evaluation has to be to count as better.'),

  // Checkpoints
  saveStrategy: option(
    z.enum(['no', 'steps']),
    'steps',
    'Whether checkpoints are saved, in checkpoints/step-N of outputDir: every saveSteps steps, and when the run ends or stops.',
  ),
  saveSteps: option(positiveInteger, 20, 'Optimizer steps between two checkpoints (TRL: 500).'),
  saveTotalLimit: option(
    positiveInteger.nullable(),
    2,
    'Checkpoints that are kept, the latest; null = all (TRL: null).',
  ),

  // Logging
  logCompletionTokens: option(
    z.boolean(),
    true,
    'Whether completions.jsonl holds the tokens of each completion with their log-probabilities, some 20 bytes a token.',
  ),
  reportTo: option(
    z.union(
      [
        z.array(z.enum(['tensorboard'])),
        z.literal('none').transform((): 'tensorboard'[] => []),
        z.literal('tensorboard').transform((name) => [name]),
      ],
      {
        error:
          'expected tensorboard or none: of the trackers only TensorBoard is supported (metrics.jsonl has every metric)',
      },
    ),
    [],
    'Where metrics go besides metrics.jsonl: tensorboard writes event files, with the tags of transformers, to tensorboard/ of the run.',
  ),
  loggingSteps: option(positiveInteger, 1, 'Optimizer steps between two lines on the terminal (TRL: 10).'),
})

/** Checked options, all present; the sizes of a generation batch are worked out. */
export type GRPOConfig = {
  -readonly [Name in keyof GRPOOptions]-?: Name extends 'stepsPerGeneration' | 'generationBatchSize'
    ? number
    : z.output<typeof grpoConfigSchema>[Name]
}

/**
 * Checks options given by their camelCase or snake_case (TRL's) names and fills in the defaults.
 *
 * Throws {@link ConfigError}, naming every option that is unknown (with the nearest known name), given twice, of a
 * wrong type or out of range, or else the combination that is not possible.
 */
export function parseGRPOConfig(input: GRPOOptions | Readonly<Record<string, unknown>>): GRPOConfig {
  return completeGRPOConfig(parseOptions('GRPO', grpoConfigSchema, input))
}

/** Options that are checked one by one, checked together. Throws {@link ConfigError} for a combination that is not possible. */
export function completeGRPOConfig(options: z.output<typeof grpoConfigSchema>): GRPOConfig {
  const config = { ...options, ...resolveGenerationBatch(options) }
  checkCombinations(config)
  return config
}

/** An option for command lines and documentation. */
export interface GRPOOption {
  /** In camelCase. */
  name: string
  /** In snake_case, as TRL has it. */
  trlName: string
  /** Meaning, unit and default. */
  description: string
  /** What counts where it is left out. */
  defaultValue: unknown
}

/** All options of GRPO training with what they mean and their defaults, in the order in which they are documented. */
export function grpoOptions(): GRPOOption[] {
  return Object.entries(grpoConfigSchema.shape).map(([name, schema]) => ({
    name,
    trlName: snakeCase(name),
    description: schema.description ?? '',
    defaultValue: schema.parse(undefined),
  }))
}
