import { z } from 'zod'
import { ConfigError } from '../errors.js'
import { option, parseOptions } from '../options/schema.js'
import { answerStyles } from './answers.js'
import type { PretrainOptions } from './options.js'

const count = z.int().positive()
const fraction = z.number().min(0).max(1)

/** A number for each answer style. */
const rates = z.strictObject({ answer: fraction, calculation: fraction, steps: fraction, checked: fraction })

/** A share for each answer style. */
const shares = rates.refine(
  (weights) => answerStyles.some((style) => weights[style] > 0),
  'expected at least one share above 0',
)

/** All options of pre-training: at once the check, the source of the types and the help text. */
export const pretrainConfigSchema = z.strictObject({
  // The model
  hiddenSize: option(count, 128, 'Width of the residual stream.'),
  intermediateSize: option(count, 384, 'Width of the feed-forward layers.'),
  numLayers: option(count, 5, 'Decoder layers.'),
  numHeads: option(count, 4, 'Attention heads.'),
  numKeyValueHeads: option(count, 2, 'Heads of keys and values.'),
  maxPositions: option(count, 512, 'Longest sequence, in tokens.'),
  vocabularySize: option(count, 560, 'Tokens: the bytes, the special tokens, and merges learned from the corpus.'),

  // The corpus
  styles: option(
    shares,
    { answer: 0.4, calculation: 0.15, steps: 0.15, checked: 0.3 },
    'How often problems are answered by the number alone, calculations in a line, steps, or steps with checks.',
  ),
  decayStyles: option(shares.nullable(), null, 'The same while the learning rate decays; null = styles.'),
  slipRates: option(
    rates,
    { answer: 0.1, calculation: 0.3, steps: 0.15, checked: 0.15 },
    'How often a result is wrong by a slip, in each style; in `checked` at the first attempt.',
  ),
  decaySlipRates: option(rates.nullable(), null, 'The same while the learning rate decays; null = slipRates.'),
  answersPerProblem: option(count, 2, 'Answers that a problem is given; they share the computation of its text.'),
  variedShare: option(
    fraction,
    0.75,
    'Share of the problems told in many wordings, of one to four calculations; the others are those of task word-problems.',
  ),
  exerciseShare: option(fraction, 0.1, 'Share of the tokens that are problems of tasks orderings and small-programs.'),
  drillShare: option(fraction, 0.25, 'Share of the tokens that are drills: single calculations.'),
  questionShare: option(fraction, 0.2, 'Share of the problems whose text is learned too, beside the answer.'),

  // Training
  maxSteps: option(count, 6000, 'Updates.'),
  tokensPerStep: option(count, 2048, 'Tokens of an update.'),
  learningRate: option(z.number().positive(), 2.5e-3, 'Learning rate after the warm-up.'),
  warmupSteps: option(z.int().nonnegative(), 100, 'Updates in which the learning rate rises linearly from 0.'),
  decaySteps: option(z.int().nonnegative(), 1500, 'Last updates, in which it falls linearly to 0.'),
  adamBeta1: option(z.number().min(0).lt(1), 0.9, "Decay of AdamW's mean of gradients."),
  adamBeta2: option(z.number().min(0).lt(1), 0.98, "Decay of AdamW's mean of squared gradients."),
  adamEpsilon: option(z.number().positive(), 1e-8, "Added to AdamW's denominator."),
  weightDecay: option(z.number().nonnegative(), 0, 'Decoupled weight decay of AdamW.'),
  maxGradNorm: option(z.number().nonnegative(), 1, 'The norm of all gradients is clipped to this; 0 = no clipping.'),
  seed: option(
    z
      .int()
      .min(0)
      .max(2 ** 32 - 1),
    0,
    'Seed of the weights and the corpus.',
  ),

  // Files
  saveSteps: option(count, 500, 'Updates between two checkpoints.'),
})

/** Checked options, all present. */
export type PretrainConfig = {
  -readonly [Name in keyof PretrainOptions]-?: z.output<typeof pretrainConfigSchema>[Name]
}

/**
 * Checks options given by their camelCase or snake_case names and fills in the defaults. `flags`, by their camelCase names,
 * override them.
 * @throws ConfigError that names every option that is unknown, given twice, of a wrong type or out of range
 */
export function parsePretrainConfig(
  input: PretrainOptions | Readonly<Record<string, unknown>>,
  flags: Readonly<Record<string, unknown>> = {},
): PretrainConfig {
  const config = parseOptions('pretrain', pretrainConfigSchema, input, { flags })
  if (config.warmupSteps + config.decaySteps > config.maxSteps) {
    throw new ConfigError(
      `warmupSteps ${config.warmupSteps} and decaySteps ${config.decaySteps} are more than maxSteps ${config.maxSteps}`,
    )
  }
  return config
}

/**
 * Learning rate of an update: a linear warm-up, a stable part, and a linear decay to 0 at the end (warmup_stable_decay of
 * transformers). Before the decay it does not depend on maxSteps, so that one run can be ended in several ways.
 */
export function pretrainLearningRate(
  step: number, // updates made before this one, from 0
  {
    learningRate,
    warmupSteps,
    decaySteps,
    maxSteps,
  }: Pick<PretrainConfig, 'learningRate' | 'warmupSteps' | 'decaySteps' | 'maxSteps'>,
): number {
  const warmup = warmupSteps === 0 ? 1 : Math.min(1, (step + 1) / warmupSteps)
  const decay = decaySteps === 0 ? 1 : Math.min(1, (maxSteps - step) / decaySteps)
  return learningRate * Math.min(warmup, decay)
}
