import { z } from 'zod'
import { camelCase, nearestName, snakeCase } from '../options/names.js'
import { expectation } from '../options/schema.js'

const positive = z.number().positive()
const nonNegative = z.number().nonnegative()
const share = z.number().min(0).max(1)
const curve = z.enum(['linear', 'cosine', '1-sqrt'])

/** Every setting of a schedule. */
export const schedulerSettings = z.strictObject({
  numCycles: positive.optional().describe('Waves of the cosine; of cosine_with_restarts, how often it starts again.'),
  minLr: nonNegative.optional().describe('Rate that cosine_with_min_lr ends at.'),
  minLrRate: share.optional().describe('Rate that cosine_with_min_lr ends at, as a share of learningRate.'),
  warmupLrRate: share
    .optional()
    .describe('Share of learningRate that the warm-up of cosine_warmup_with_min_lr starts at.'),
  lrEnd: nonNegative.optional().describe('Rate that polynomial ends at.'),
  power: positive.optional().describe('Exponent of polynomial.'),
  timescale: positive.optional().describe('Steps after which inverse_sqrt has come down to √½.'),
  numDecaySteps: z.int().positive().optional().describe('Steps at the end of warmup_stable_decay.'),
  numStableSteps: z.int().nonnegative().optional().describe('Steps of warmup_stable_decay between warm-up and decay.'),
  warmupType: curve.optional().describe('Form of the warm-up of warmup_stable_decay.'),
  decayType: curve.optional().describe('Form of the decay of warmup_stable_decay.'),
  minLrRatio: share.optional().describe('Share of learningRate that warmup_stable_decay starts and ends at.'),
})

/** Settings of a schedule besides its length and its warm-up; which of them a type takes: {@link schedulers}. */
export type SchedulerKwargs = z.output<typeof schedulerSettings>

/** transformers' schedules whose rates are known before the run, and the settings that each takes. */
export const schedulers = {
  linear: [],
  cosine: ['numCycles'],
  cosine_with_restarts: ['numCycles'],
  polynomial: ['lrEnd', 'power'],
  constant: [],
  constant_with_warmup: [],
  inverse_sqrt: ['timescale'],
  cosine_with_min_lr: ['numCycles', 'minLr', 'minLrRate'],
  cosine_warmup_with_min_lr: ['numCycles', 'minLr', 'minLrRate', 'warmupLrRate'],
  warmup_stable_decay: ['numDecaySteps', 'numStableSteps', 'warmupType', 'decayType', 'minLrRatio', 'numCycles'],
} as const satisfies Record<string, readonly (keyof SchedulerKwargs)[]>

export type SchedulerType = keyof typeof schedulers

/** Those that follow a metric of evaluations, so that a rate is not known before the run. */
const followingEvaluations: readonly unknown[] = ['reduce_lr_on_plateau', 'greedy']

/** The type of a schedule as a user gives it. */
export const schedulerTypeSchema = z.enum(Object.keys(schedulers) as [SchedulerType, ...SchedulerType[]], {
  error: ({ input }) =>
    followingEvaluations.includes(input)
      ? `${String(input)} follows the metric of evaluations and is not supported; expected one of ${Object.keys(schedulers).join(', ')}`
      : undefined,
})

/** Settings as a user gives them: by their camelCase or snake_case names, none by null. */
export const schedulerKwargsSchema = z
  .record(z.string(), z.unknown())
  .nullable()
  .transform((given, context): SchedulerKwargs => {
    const named = Object.fromEntries(Object.entries(given ?? {}).map(([name, value]) => [camelCase(name), value]))
    const result = schedulerSettings.safeParse(named, { error: expectation })
    if (result.success) return result.data
    for (const issue of result.error.issues)
      context.issues.push({ code: 'custom', message: describe(issue), input: given })
    return z.NEVER
  })

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') {
    return `${snakeCase(String(issue.path[0]))}: ${issue.message}`
  }
  const [name = ''] = issue.keys
  return `no schedule has a setting ${snakeCase(name)}; did you mean ${snakeCase(nearestName(name, Object.keys(schedulerSettings.shape)))}?`
}

/** What is wrong with the settings of a schedule, or null. */
export function schedulerProblem(type: SchedulerType, kwargs: SchedulerKwargs, learningRate: number): string | null {
  const taken: readonly string[] = schedulers[type]
  const given = Object.keys(kwargs)
  const surplus = given.find((name) => !taken.includes(name))
  if (surplus !== undefined) {
    const takes = taken.length === 0 ? 'none' : taken.map(snakeCase).join(', ')
    return `lrSchedulerType ${type} has no setting ${snakeCase(surplus)} in lrSchedulerKwargs; it takes ${takes}`
  }
  if (type === 'warmup_stable_decay' && kwargs.numDecaySteps === undefined) {
    return 'lrSchedulerType warmup_stable_decay needs num_decay_steps in lrSchedulerKwargs, the steps of its decay'
  }
  const { minLr, minLrRate, lrEnd = 1e-7 } = kwargs
  if (type.endsWith('with_min_lr') && (minLr === undefined) === (minLrRate === undefined)) {
    return `lrSchedulerType ${type} needs one of min_lr and min_lr_rate in lrSchedulerKwargs, got ${minLr === undefined ? 'none' : 'both'}`
  }
  if (minLr !== undefined && minLr > learningRate) {
    return `min_lr = ${minLr} in lrSchedulerKwargs is above learningRate = ${learningRate}`
  }
  if (minLr !== undefined && learningRate === 0) return 'min_lr in lrSchedulerKwargs needs a learningRate above 0'
  if (type === 'polynomial' && lrEnd >= learningRate) {
    return `lrSchedulerType polynomial ends at lr_end = ${lrEnd}, which must be below learningRate = ${learningRate}`
  }
  return null
}
