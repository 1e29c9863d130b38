import { z } from 'zod'
import { ConfigError } from '../errors.js'
import { quote } from '../io/json.js'
import { optionsByName } from '../options/names.js'
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
  hiddenSize: count.default(128).describe('Width of the residual stream.'),
  intermediateSize: count.default(384).describe('Width of the feed-forward layers.'),
  numLayers: count.default(5).describe('Decoder layers.'),
  numHeads: count.default(4).describe('Attention heads.'),
  numKeyValueHeads: count.default(2).describe('Heads of keys and values.'),
  maxPositions: count.default(512).describe('Longest sequence, in tokens.'),
  vocabularySize: count
    .default(560)
    .describe('Tokens: the bytes, the special tokens, and merges learned from the corpus.'),

  // The corpus
  styles: shares
    .default({ answer: 0.4, calculation: 0.15, steps: 0.15, checked: 0.3 })
    .describe(
      'How often problems are answered by the number alone, calculations in a line, steps, or steps with checks.',
    ),
  decayStyles: shares.nullable().default(null).describe('The same while the learning rate decays; null = styles.'),
  slipRates: rates
    .default({ answer: 0.1, calculation: 0.3, steps: 0.15, checked: 0.15 })
    .describe('How often a result is wrong by a slip, in each style; in `checked` at the first attempt.'),
  decaySlipRates: rates.nullable().default(null).describe('The same while the learning rate decays; null = slipRates.'),
  answersPerProblem: count
    .default(4)
    .describe('Answers that a problem is given; they share the computation of its text.'),
  drillShare: fraction.default(0.35).describe('Share of the tokens that are drills: single calculations.'),
  questionShare: fraction.default(0.2).describe('Share of the problems whose text is learned too, beside the answer.'),

  // Training
  maxSteps: count.default(6000).describe('Updates.'),
  tokensPerStep: count.default(2048).describe('Tokens of an update.'),
  learningRate: z.number().positive().default(2.5e-3).describe('Learning rate after the warm-up.'),
  warmupSteps: z.int().nonnegative().default(100).describe('Updates in which the learning rate rises linearly from 0.'),
  decaySteps: z.int().nonnegative().default(1500).describe('Last updates, in which it falls linearly to 0.'),
  adamBeta1: z.number().min(0).lt(1).default(0.9).describe("Decay of AdamW's mean of gradients."),
  adamBeta2: z.number().min(0).lt(1).default(0.98).describe("Decay of AdamW's mean of squared gradients."),
  adamEpsilon: z.number().positive().default(1e-8).describe("Added to AdamW's denominator."),
  weightDecay: z.number().nonnegative().default(0).describe('Decoupled weight decay of AdamW.'),
  maxGradNorm: z
    .number()
    .nonnegative()
    .default(1)
    .describe('The norm of all gradients is clipped to this; 0 = no clipping.'),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0)
    .describe('Seed of the weights and the corpus.'),

  // Files
  saveSteps: count.default(500).describe('Updates between two checkpoints.'),
})

/** Checked options, all present. */
export type PretrainConfig = {
  -readonly [Name in keyof PretrainOptions]-?: z.output<typeof pretrainConfigSchema>[Name]
}

/**
 * Checks options given by their camelCase or snake_case names and fills in the defaults.
 * @throws ConfigError that names every option that is unknown, given twice, of a wrong type or out of range
 */
export function parsePretrainConfig(input: PretrainOptions | Readonly<Record<string, unknown>>): PretrainConfig {
  const problems: string[] = []
  const given = optionsByName({ ...input }, Object.keys(pretrainConfigSchema.shape), problems)
  const result = pretrainConfigSchema.safeParse(given)
  for (const { path, message } of result.error?.issues ?? []) {
    problems.push(`${path.join('.')}: ${message}, got ${quote(given[String(path[0])])}`)
  }
  if (problems.length > 0 || !result.success) throw new ConfigError(`options of pretrain:\n  ${problems.join('\n  ')}`)
  const config = result.data
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
