import path from 'node:path'
import { loraOptionsOf, loraRunOptions } from './loraOptions.js'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import { grpoConfigSchema, parseGRPOConfig } from '../../grpo/config/config.js'
import type { GRPOConfig } from '../../grpo/config/config.js'
import { expandPath } from '../../io/expandPath.js'
import { quote } from '../../io/json.js'
import { loraSettings } from '../../model/loraOptions.js'
import { parseDifficulty } from '../../tasks/difficulty.js'
import { taskNames } from '../../tasks/loadTask.js'
import type { TaskOptions } from '../../tasks/loadTask.js'
import { taskFlagSchemas } from '../../tasks/taskOptions.js'
import { checkReward, rewardNames } from '../../rewards/loadReward.js'
import { camelCase, optionsByName } from '../../options/names.js'
import { bySnakeCase, formatConfig } from '../../run/configFile.js'

/** The options of tasks; null is the task's own default. */
const taskRunOptions = nullable(taskFlagSchemas)

type Nullable<Shape extends Readonly<Record<string, z.ZodType>>> = {
  [Name in keyof Shape]: z.ZodDefault<z.ZodNullable<Shape[Name]>>
}

/** The same options, each null where it is not given. */
function nullable<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): Nullable<Shape> {
  return Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [
      name,
      schema
        .nullable()
        .default(null)
        .describe((schema.description ?? '').replace(/ Defaults to (?!null)/, ' Defaults to null: ')),
    ]),
  ) as Nullable<Shape>
}

/** What a run needs besides the options of GRPO. */
const runOptions = {
  model: z
    .string()
    .min(1)
    .describe(
      "Folder of the model in Hugging Face's layout, or its Hub id (owner/name, owner/name@revision). Required.",
    ),
  task: z
    .string()
    .min(1)
    .describe(`What to train on: ${taskNames.join(', ')}, or the file of a module such as ./my-task.mjs. Required.`),
  ...taskRunOptions,
  split: taskFlagSchemas.split.default('train').describe('Part of the problems to take. Defaults to "train".'),
  rewards: z
    .array(z.union([z.string().min(1), z.looseObject({ name: z.string().min(1) })]))
    .min(1)
    .default(['correctness', 'format:0.2'])
    .describe(
      `Reward functions, each with its weight (1 if none is given) and options (format:0.2?style=think): ` +
        `${rewardNames.join(', ')}, or the file of a module such as ./my-reward.mjs. Defaults to correctness,format:0.2.`,
    ),
  taskOptions: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Options that a task of your own takes, such as { levels: [1, 2] }. As a flag in YAML. Defaults to {}.'),
  doEval: z
    .boolean()
    .default(false)
    .describe(
      'Evaluates the base model before and the trained one after training, on the same held-out problems: greedily, and ' +
        'numGenerationsEval samples at the temperature of the training. The result is eval.json. Defaults to false.',
    ),
  evalSplit: z
    .enum(['train', 'test'])
    .default('test')
    .describe('Part of the problems that doEval and evalStrategy steps evaluate. Defaults to "test".'),
  evalLimit: z
    .int()
    .positive()
    .nullable()
    .default(100)
    .describe('Evaluate the first problems only; null = all. Defaults to 100.'),
  ...loraRunOptions,
  outputDir: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe('Folder of the run. Defaults to null: runs/TASK-MODEL.'),
  backend: z.enum(['auto', 'cpu', 'reference']).default('auto').describe('What computes. Defaults to "auto".'),
  threads: z
    .int()
    .min(1)
    .max(256)
    .nullable()
    .default(null)
    .describe('Threads of the cpu backend. Defaults to null: the number of cores.'),
}

/** All options of `grpo-ts train`: at once the check, the type and the help text of the flags. */
export const trainConfigSchema = z.strictObject({ ...runOptions, ...grpoConfigSchema.shape })

/** Every option, with its default where it was not given. */
export type TrainConfig = Omit<z.output<typeof trainConfigSchema>, 'outputDir'> & { outputDir: string }

/**
 * Checks options given by their camelCase or snake_case names and fills in the defaults. `flags`, by their camelCase names,
 * override them. Throws a ConfigError that names
 * every option that is unknown, given twice, missing or of a wrong value, or else the combination that is not possible.
 */
export function parseTrainConfig(
  input: Readonly<Record<string, unknown>>,
  flags: Readonly<Record<string, unknown>> = {},
): TrainConfig {
  const problems: string[] = []
  const given = { ...optionsByName(input, Object.keys(trainConfigSchema.shape), problems), ...flags }
  const result = trainConfigSchema.safeParse(given)
  for (const issue of result.error?.issues ?? []) {
    const name = String(issue.path[0]) as keyof typeof trainConfigSchema.shape
    const help = trainConfigSchema.shape[name].description ?? ''
    const got = name in given ? `: ${issue.message}, got ${quote(given[name])}.` : ' is missing.'
    problems.push(`${name}${got} ${help}`)
  }
  if (problems.length > 0 || !result.success) throw new ConfigError(`options of train:\n  ${problems.join('\n  ')}`)
  const { model, task, data, outputDir: givenDir } = withExpandedPaths(result.data)
  const outputDir =
    givenDir ??
    path.join('runs', `${path.parse(task).name}-${path.basename(path.resolve(model.replace(/@[^/]*$/, '')))}`)
  const config = { ...result.data, model, task, data, outputDir }
  for (const reward of config.rewards) checkReward(reward, config)
  checkRewardWeights(config)
  otherTaskOptions(config)
  loraSettings(loraOptionsOf(config))
  grpoConfigOf(config)
  return config
}

/** The options that are paths, with `~` and environment variables replaced: in YAML no shell has done it. */
function withExpandedPaths({
  model,
  task,
  data,
  outputDir,
}: Pick<z.output<typeof trainConfigSchema>, 'model' | 'task' | 'data' | 'outputDir'>) {
  return {
    model: expandPath(model),
    task: expandPath(task),
    data: data && expandPath(data),
    outputDir: outputDir && expandPath(outputDir),
  }
}

/** The options of GRPO among those of a run. Throws a ConfigError for a combination that is not possible. */
export function grpoConfigOf(config: TrainConfig): GRPOConfig {
  const names = Object.keys(grpoConfigSchema.shape) as (keyof typeof grpoConfigSchema.shape)[]
  return parseGRPOConfig(Object.fromEntries(names.map((name) => [name, config[name]])))
}

/** The options of a run that say which problems it takes and how they are asked. Throws a ConfigError for one that is given twice. */
export function taskOptionsOf(config: TrainConfig): TaskOptions {
  const given = Object.entries(config).filter(([name]) => name in taskRunOptions)
  return { seed: config.seed, ...taskOptionsFrom(Object.fromEntries(given)), ...otherTaskOptions(config) }
}

/** The options of a task as files and flags give them, as {@link loadTask} takes them: without those that are null or false. */
export function taskOptionsFrom(given: Readonly<Record<string, unknown>>): TaskOptions {
  const { systemPrompt, difficulty, ...rest } = given
  const named = Object.entries(rest).filter(([, value]) => value !== null && value !== undefined && value !== false)
  return {
    ...Object.fromEntries(named),
    ...(typeof systemPrompt === 'string' && { systemPrompt: systemPrompt === '' ? null : systemPrompt }),
    ...((typeof difficulty === 'string' || typeof difficulty === 'number') && {
      difficulty: parseDifficulty(String(difficulty)),
    }),
  }
}

/** Options that earlier versions took in taskOptions only, where their files have them. */
const movedOptions = new Set<string>([
  'systemPrompt',
  'solutionColumn',
  'subjects',
  'timeLimit',
  'memoryLimit',
  'variant',
  'operations',
  'minOperand',
  'maxOperand',
  'bare',
] satisfies readonly (keyof typeof taskRunOptions)[])

/**
 * What stands in taskOptions, by the camelCase names. Throws a ConfigError for options of the run, and for those of a task that
 * also stand beside it.
 */
function otherTaskOptions(config: TrainConfig): Record<string, unknown> {
  const named = Object.entries(config.taskOptions).map(([name, value]) => [camelCase(name), value] as const)
  for (const [name] of named) {
    const isGivenTwice = config[name as keyof TrainConfig] != null
    if (name in trainConfigSchema.shape && (isGivenTwice || !movedOptions.has(name))) {
      throw new ConfigError(`taskOptions holds ${name}; give it beside taskOptions, as an option of the run`)
    }
  }
  return Object.fromEntries(named)
}

/** The options as YAML, by their snake_case names; reading it gives the same run again. */
export function formatTrainConfig(config: TrainConfig): string {
  return formatConfig({ ...config, lrSchedulerKwargs: bySnakeCase(config.lrSchedulerKwargs) })
}

function checkRewardWeights({ rewards, rewardWeights }: Pick<TrainConfig, 'rewards' | 'rewardWeights'>): void {
  if (rewardWeights === null || rewardWeights.length === rewards.length) return
  throw new ConfigError(
    `rewardWeights has ${rewardWeights.length} values for ${rewards.length} rewards; give one for ` +
      'each, or none and the weights in rewards',
  )
}
