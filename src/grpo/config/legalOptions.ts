import type { GRPOConfig } from './config.js'

/** Options of GRPO as a program gives them: any of them, lists also as constants. */
export type GRPOOptions = {
  readonly [Name in keyof GRPOConfig]?: GRPOConfig[Name] extends (infer Item)[]
    ? readonly Item[]
    : GRPOConfig[Name] extends (infer Item)[] | null
      ? readonly Item[] | null
      : Name extends 'scaleRewards'
        ? GRPOConfig[Name] | boolean
        : GRPOConfig[Name]
}

/** Losses that average over all tokens of a batch: a ratio of the whole completion would favour long ones. */
type TokenMeanLoss = 'bnpo' | 'dr_grpo' | 'dapo' | 'cispo'

type IsBelowOne<Value> = Value extends number
  ? `${Value}` extends `0` | `0.${string}` | `-${string}`
    ? true
    : false
  : false

/** The value of an option, or its default when it is not among the options; unknown at compile time when it may be several. */
type Value<Options, Name extends keyof GRPOConfig, Default> =
  Options extends Readonly<Record<Name, infer Given>>
    ? Given
    : Options extends Readonly<Partial<Record<Name, unknown>>>
      ? Name extends keyof Options
        ? unknown
        : Default
      : Default

/** True where a type is exactly one of some values, not a union that only may be. */
type Is<Given, Wanted> = [unknown] extends [Given] ? false : [Given] extends [Wanted] ? true : false

/**
 * What is wrong with options that are known when the program is compiled; `unknown` when nothing is. A combination that is only
 * known when it runs is checked then, by the same rules and some more.
 */
export type LegalOptions<Options extends GRPOOptions> =
  Is<Value<Options, 'numGenerations', 8>, 0 | 1> extends true
    ? { numGenerations: 'a group takes at least 2 completions' }
    : Is<Value<Options, 'lossType', 'dapo'>, 'cispo'> extends true
      ? Is<Value<Options, 'epsilonHigh', null>, null> extends true
        ? { epsilonHigh: 'lossType cispo needs epsilonHigh, the cap of the ratio itself, e.g. 5' }
        : IsBelowOne<Value<Options, 'epsilonHigh', null>> extends true
          ? { epsilonHigh: 'lossType cispo takes epsilonHigh as the cap of the ratio itself: at least 1' }
          : SequenceLevelRule<Options>
      : Is<Value<Options, 'lossType', 'dapo'>, 'dr_grpo'> extends true
        ? Is<Value<Options, 'advantageEstimator', 'grpo'>, 'grpo'> extends true
          ? Is<Value<Options, 'scaleRewards', 'group'>, 'group' | 'batch' | true> extends true
            ? { scaleRewards: 'Dr. GRPO does not divide by the standard deviation: set scaleRewards to none' }
            : SequenceLevelRule<Options>
          : SequenceLevelRule<Options>
        : SequenceLevelRule<Options>

type SequenceLevelRule<Options extends GRPOOptions> =
  Is<Value<Options, 'importanceSamplingLevel', 'token'>, 'sequence'> extends true
    ? Is<Value<Options, 'lossType', 'dapo'>, TokenMeanLoss> extends true
      ? { importanceSamplingLevel: 'with sequence (GSPO), set lossType to grpo: the others average over tokens' }
      : unknown
    : unknown
