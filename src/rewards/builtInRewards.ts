import type { z } from 'zod'
import { correctness, correctnessOptions } from './correctness.js'
import { format, formatOptions } from './format.js'
import { clarity, languageConsistency, languageConsistencyOptions } from './process/clarity.js'
import { efficiency, efficiencyOptions } from './process/efficiency.js'
import { partialCredit, partialCreditOptions } from './process/partialCredit.js'
import { reasoningSteps, reasoningStepsOptions } from './process/reasoningSteps.js'
import { selfCorrection } from './process/selfCorrection.js'
import { stepArithmetic, stepArithmeticOptions } from './process/stepArithmetic.js'
import { random, randomOptions } from './random.js'
import type { RewardFunction } from './reward.js'
import { cosineScaled, cosineScaledOptions } from './shaping/cosineScaled.js'
import { repetitionPenalty, repetitionPenaltyOptions } from './shaping/repetitionPenalty.js'
import { thinkFormat } from './shaping/thinkFormat.js'
import { softOverlong, softOverlongOptions } from './softOverlong.js'

/** A reward that a run names, as `format:0.2?style=think`. */
export interface BuiltInReward {
  /** Its options besides weight and timeout: their check, types, help texts and documents are made from them. */
  readonly options: Readonly<Record<string, z.ZodType>>
  /** Makes the function. Throws a ConfigError for options that are wrong: they may come from a file or a flag. */
  readonly make: (options: never) => RewardFunction
}

/** The rewards by their names. */
export const builtInRewards: ReadonlyMap<string, BuiltInReward> = new Map<string, BuiltInReward>([
  ['correctness', { options: correctnessOptions, make: correctness }],
  ['format', { options: formatOptions, make: format }],
  ['think_format', { options: {}, make: thinkFormat }],
  ['partial_credit', { options: partialCreditOptions, make: partialCredit }],
  ['reasoning_steps', { options: reasoningStepsOptions, make: reasoningSteps }],
  ['step_arithmetic', { options: stepArithmeticOptions, make: stepArithmetic }],
  ['self_correction', { options: {}, make: selfCorrection }],
  ['efficiency', { options: efficiencyOptions, make: efficiency }],
  ['clarity', { options: {}, make: clarity }],
  ['language_consistency', { options: languageConsistencyOptions, make: languageConsistency }],
  ['repetition_penalty', { options: repetitionPenaltyOptions, make: repetitionPenalty }],
  ['cosine_scaled', { options: cosineScaledOptions, make: cosineScaled }],
  ['random', { options: randomOptions, make: random }],
  ['soft_overlong', { options: softOverlongOptions, make: softOverlong }],
])
