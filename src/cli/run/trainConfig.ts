import fs from 'node:fs'
import path from 'node:path'
import { loraOptionsOf, loraRunOptions } from './loraOptions.js'
import { parseDocument, stringify } from 'yaml'
import { z } from 'zod'
import { ConfigError, FileFormatError } from '../../errors.js'
import { grpoConfigSchema, parseGRPOConfig } from '../../grpo/config/config.js'
import type { GRPOConfig } from '../../grpo/config/config.js'
import { expandPath } from '../../io/expandPath.js'
import { isJsonObject, quote } from '../../io/json.js'
import { loraSettings } from '../../model/loraOptions.js'
import { parseDifficulty } from '../../tasks/difficulty.js'
import { graderNames } from '../../grading/namedGraders.js'
import { taskNames } from '../../tasks/loadTask.js'
import { answerForms } from '../../grading/answerForm.js'
import type { TaskOptions } from '../../tasks/loadTask.js'
import { checkReward, rewardNames } from '../../rewards/loadReward.js'
import { camelCase, optionsByName, snakeCase } from '../../options/names.js'

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
  data: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'File, folder or Hub id of the problems, for tasks that are read. Defaults to null: the Hub id of gsm8k, math, humaneval.',
    ),
  encoding: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'Encoding of data that is text, such as windows-1252. Defaults to null: UTF-8, or UTF-16 with a byte order mark.',
    ),
  split: z.enum(['train', 'test']).default('train').describe('Part of the problems to take. Defaults to "train".'),
  limit: z.int().positive().nullable().default(null).describe('Take the first problems only. Defaults to null: all.'),
  shots: z
    .int()
    .nonnegative()
    .nullable()
    .default(null)
    .describe("Worked examples before each question. Defaults to null: the task's own number."),
  difficulty: z
    .union([
      z.int().nonnegative(),
      z.string().regex(/^\d+(-\d+)?$/, 'expected a number such as 3 or a range such as 2-4'),
    ])
    .nullable()
    .default(null)
    .describe("Difficulty of the problems, such as 3 or 2-4. Defaults to null: the task's own."),
  reasoningFormat: z
    .enum(answerForms)
    .nullable()
    .default(null)
    .describe(
      "How answers are marked: #### 18, <think> and <answer>, or \\boxed{18}. Defaults to null: the task's own.",
    ),
  allowPython: z
    .boolean()
    .default(false)
    .describe('Allow to run Python programs that the model writes (docs/sandbox.md). Defaults to false.'),
  questionColumn: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'Column of the question, a text or a list of messages, for task file; dots lead into nested columns. Defaults to null: ' +
        'question, prompt, messages, conversations or problem.',
    ),
  answerColumn: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'Column of the answer, for task file, such as reward_model.ground_truth. Defaults to null: answer, ' +
        'reward_model.ground_truth or ground_truth.',
    ),
  grader: z
    .enum(graderNames)
    .nullable()
    .default(null)
    .describe('How the answers of task file are compared. Defaults to null: math.'),
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
    .describe(
      'Other options of the task, such as { max_operand: 20 } of sums (docs/tasks.md). As a flag in YAML. Defaults to {}.',
    ),
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
  otherTaskOptions(config.taskOptions)
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

/** The options of a run that say which problems it takes and how they are asked. */
export function taskOptionsOf(config: TrainConfig): TaskOptions {
  return {
    ...{ split: config.split, seed: config.seed },
    ...(config.data !== null && { data: config.data }),
    ...(config.encoding !== null && { encoding: config.encoding }),
    ...(config.limit !== null && { limit: config.limit }),
    ...(config.shots !== null && { shots: config.shots }),
    ...(config.difficulty !== null && { difficulty: parseDifficulty(String(config.difficulty)) }),
    ...(config.reasoningFormat !== null && { reasoningFormat: config.reasoningFormat }),
    ...(config.allowPython && { allowPython: true }),
    ...(config.questionColumn !== null && { questionColumn: config.questionColumn }),
    ...(config.answerColumn !== null && { answerColumn: config.answerColumn }),
    ...(config.grader !== null && { grader: config.grader }),
    ...otherTaskOptions(config.taskOptions),
  }
}

/** Options of a task by their camelCase names. Throws a ConfigError for those that are options of the run. */
function otherTaskOptions(options: Readonly<Record<string, unknown>>): TaskOptions {
  const named = Object.entries(options).map(([name, value]) => [camelCase(name), value] as const)
  for (const [name] of named) {
    if (name in trainConfigSchema.shape) {
      throw new ConfigError(`taskOptions holds ${name}; give it beside taskOptions, as an option of the run`)
    }
  }
  return Object.fromEntries(named)
}

/** Reads options from a YAML file, by the names that they have there. Throws a FileFormatError. */
export function readTrainConfigFile(file: string): Record<string, unknown> {
  let text: string
  try {
    text = fs.readFileSync(file, 'utf8')
  } catch (cause) {
    throw new FileFormatError(file, `cannot be read (${(cause as Error).message}); check the path`, { cause })
  }
  const document = parseDocument(text)
  const [problem] = document.errors
  if (problem) throw new FileFormatError(file, `is not valid YAML: ${problem.message.trimEnd()}`, { cause: problem })
  const value: unknown = document.toJS()
  // An empty file, or one of comments alone, sets nothing.
  if (value === null) return {}
  if (!isJsonObject(value)) throw new FileFormatError(file, `expected options as name: value, got ${quote(value)}`)
  return value
}

/** The options as YAML, by their snake_case names; reading it gives the same run again. */
export function formatTrainConfig(config: TrainConfig): string {
  const named = { ...config, lrSchedulerKwargs: bySnakeCase(config.lrSchedulerKwargs) }
  return stringify(bySnakeCase(named))
}

function bySnakeCase(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [snakeCase(name), value as unknown]))
}

function checkRewardWeights({ rewards, rewardWeights }: Pick<TrainConfig, 'rewards' | 'rewardWeights'>): void {
  if (rewardWeights === null || rewardWeights.length === rewards.length) return
  throw new ConfigError(
    `rewardWeights has ${rewardWeights.length} values for ${rewards.length} rewards; give one for ` +
      'each, or none and the weights in rewards',
  )
}
