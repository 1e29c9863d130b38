import path from 'node:path'
import { checkUsePeft, loraOptionsOf, loraRunOptions } from './loraRunOptions.js'
import { z } from 'zod'
import { ConfigError } from '../../errors.js'
import { completeGRPOConfig, grpoConfigSchema } from './config.js'
import type { GRPOConfig } from './config.js'
import { expandPath } from '../../io/expandPath.js'
import { loraSettings } from '../../model/loraOptions.js'
import type { LoraOptions } from '../../model/loraOptions.js'
import { dtypeOption } from '../../model/weights/dtypeOption.js'
import { quantizedDtypes } from '../../quantization/weightFormat.js'
import { parseDifficulty } from '../../tasks/difficulty.js'
import { taskNames } from '../../tasks/loadTask.js'
import type { TaskOptions } from '../../tasks/loadTask.js'
import { taskFlagSchemas } from '../../tasks/taskEntries.js'
import { checkReward, rewardNames } from '../../rewards/loadReward.js'
import { camelCase, renamedOption } from '../../options/names.js'
import { option, parseOptions } from '../../options/schema.js'
import { bySnakeCase, formatConfig } from '../../run/configFile.js'
import type { EngineInfo } from '../../engine/engine.js'
import { engineOptions } from '../../engine/engineOptions.js'
import { rolloutSchema } from '../rollouts/servers/options.js'

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
      "Folder of the model in Hugging Face's layout, a GGUF file, or its Hub id (owner/name, owner/name@revision).",
    ),
  task: z
    .string()
    .min(1)
    .describe(`What to train on: ${taskNames.join(', ')}, or the file of a module such as ./my-task.mjs.`),
  ...taskRunOptions,
  split: option(taskFlagSchemas.split, 'train', 'Part of the problems to take.'),
  rewards: option(
    z.array(z.union([z.string().min(1), z.looseObject({ name: z.string().min(1) })])).min(1),
    ['correctness', 'format:0.2'],
    'Reward functions, each with its weight (1 if none is given) and options (format:0.2?style=think): ' +
      `${rewardNames.join(', ')}, or the file of a module such as ./my-reward.mjs.`,
  ),
  taskOptions: option(
    z.record(z.string(), z.unknown()),
    {},
    'Options that a task of your own takes, such as { levels: [1, 2] }. As a flag in YAML.',
  ),
  doEval: option(
    z.boolean(),
    false,
    'Evaluates the base model before and the trained one after training, on the same held-out problems: greedily, and ' +
      'numGenerationsEval samples at the temperature of the training. The result is eval.json.',
  ),
  evalSplit: option(taskFlagSchemas.split, 'test', 'Part of the problems that doEval and evalStrategy steps evaluate.'),
  evalLimit: option(z.int().positive().nullable(), 100, 'Evaluate the first problems only; null = all.'),
  ...loraRunOptions,
  outputDir: option(z.string().min(1).nullable(), null, 'Folder of the run; null = runs/TASK-MODEL.'),
  dtype: dtypeOption,
  ...engineOptions,
  rollout: option(
    rolloutSchema,
    null,
    'Servers that sample in place of the own engine, such as { engine: vllm, base_url: [http://127.0.0.1:8000] } ' +
      '(docs/rollout-engines.md); null = the own engine. As a flag in YAML.',
  ),
}

/** All options of `grpo-ts train`: at once the check, the type and the help text of the flags. */
export const trainConfigSchema = z.strictObject({ ...runOptions, ...grpoConfigSchema.shape })

/** Every option of a run as config.yaml holds it, with its default where it was not given. */
export type TrainOptions = Omit<z.output<typeof trainConfigSchema>, 'outputDir'> & { outputDir: string }

/** The options of a run, and what is made of them for those who take them. */
export interface TrainConfig {
  /** Every option. */
  readonly run: TrainOptions
  /** Those of the task, for `loadTask`. */
  readonly task: TaskOptions
  /** Those of the adapter, for `withLora`. */
  readonly lora: LoraOptions
  /** Those of GRPO, for `GRPOTrainer`. */
  readonly grpo: GRPOConfig
}

/**
 * Checks options given by their camelCase or snake_case names and fills in the defaults. `flags`, by their camelCase names,
 * override them. Throws a ConfigError that names every option that is unknown, given twice, missing or of a wrong value, or
 * else the combination that is not possible.
 */
export function parseTrainConfig(
  input: Readonly<Record<string, unknown>>,
  flags: Readonly<Record<string, unknown>> = {},
): TrainConfig {
  const options = parseOptions('train', trainConfigSchema, withNewNames(input), { flags })
  const { model, task, data, outputDir, rollout } = withExpandedPaths(options)
  const folder =
    outputDir ??
    path.join('runs', `${path.parse(task).name}-${path.basename(path.resolve(model.replace(/@[^/]*$/, '')))}`)
  const run = { ...options, model, task, data, rollout, outputDir: folder }
  for (const reward of run.rewards) checkReward(reward, run)
  checkRewardWeights(run)
  checkUsePeft(run)
  checkDtype(run)
  checkRollout(run)
  const lora = loraOptionsOf(run)
  loraSettings(lora)
  return { run, task: taskOptionsOf(run), lora, grpo: completeGRPOConfig(grpoOptionsOf(run)) }
}

/** Options that earlier versions wrote into config.yaml, by the names that they have now. */
function withNewNames(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).map(([key, value]) => {
      const name = renamedOption(key)
      return [name === null || name in input ? key : name, value]
    }),
  )
}

function grpoOptionsOf(options: TrainOptions): z.output<typeof grpoConfigSchema> {
  const names = Object.keys(grpoConfigSchema.shape) as (keyof typeof grpoConfigSchema.shape)[]
  return Object.fromEntries(names.map((name) => [name, options[name]])) as z.output<typeof grpoConfigSchema>
}

/** The options that are paths, with `~` and environment variables replaced: in YAML no shell has done it. */
function withExpandedPaths({
  model,
  task,
  data,
  outputDir,
  rollout,
}: Pick<z.output<typeof trainConfigSchema>, 'model' | 'task' | 'data' | 'outputDir' | 'rollout'>) {
  return {
    rollout: rollout?.adapterDir === undefined ? rollout : { ...rollout, adapterDir: expandPath(rollout.adapterDir) },
    model: expandPath(model),
    task: expandPath(task),
    data: data && expandPath(data),
    outputDir: outputDir && expandPath(outputDir),
  }
}

/** The options of a run that say which problems it takes and how they are asked. Throws a ConfigError for one that is given twice. */
function taskOptionsOf(config: TrainOptions): TaskOptions {
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
function otherTaskOptions(config: TrainOptions): Record<string, unknown> {
  const named = Object.entries(config.taskOptions).map(([name, value]) => [camelCase(name), value] as const)
  for (const [name] of named) {
    const isGivenTwice = config[name as keyof TrainOptions] != null
    if (name in trainConfigSchema.shape && (isGivenTwice || !movedOptions.has(name))) {
      throw new ConfigError(`taskOptions holds ${name}; give it beside taskOptions, as an option of the run`)
    }
  }
  return Object.fromEntries(named)
}

/** The options as YAML, by their snake_case names; reading it gives the same run again. What computes is a comment: `auto` does not say it. */
export function formatTrainConfig(
  { run }: Pick<TrainConfig, 'run'>,
  { name, description }: Pick<EngineInfo, 'name' | 'description'>,
  /** In words, where it is known: a model may be quantised by its files. */
  weightFormat: string | null = null,
): string {
  const weights = weightFormat === null ? '' : `# Frozen weights: ${weightFormat}\n`
  return `# Computed by the engine ${name}: ${description}\n${weights}${formatTrainOptions(run)}`
}

/** The options alone. */
export function formatTrainOptions(run: TrainOptions): string {
  return formatConfig({
    ...run,
    rollout: run.rollout && bySnakeCase(run.rollout),
    lrSchedulerKwargs: bySnakeCase(run.lrSchedulerKwargs),
  })
}

/** Throws a ConfigError for a run that trains all weights and wants them quantised. */
function checkDtype({ usePeft, dtype }: Pick<TrainOptions, 'usePeft' | 'dtype'>): void {
  if (usePeft || !quantizedDtypes.some((quantized) => quantized === dtype)) return
  throw new ConfigError(
    `usePeft is false, so all weights are trained, and dtype is ${dtype}: whole numbers cannot be trained; train an adapter, or take ` +
      'dtype auto',
  )
}

/** Throws a ConfigError for a run that trains all weights and has servers sample, which take adapters. */
function checkRollout({ usePeft, rollout }: Pick<TrainOptions, 'usePeft' | 'rollout'>): void {
  if (usePeft || rollout === null) return
  throw new ConfigError(
    'usePeft is false, so all weights are trained, and rollout names servers, which take adapters only; train an adapter, or leave out ' +
      'rollout',
  )
}

function checkRewardWeights({ rewards, rewardWeights }: Pick<TrainOptions, 'rewards' | 'rewardWeights'>): void {
  if (rewardWeights === null || rewardWeights.length === rewards.length) return
  throw new ConfigError(
    `rewardWeights has ${rewardWeights.length} values for ${rewards.length} rewards; give one for ` +
      'each, or none and the weights in rewards',
  )
}
