import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { EngineOptions } from '../../../engine/engine.js'
import type { EngineName } from '../../../engine/registry.js'
import { ConfigError, FileFormatError } from '../../../errors.js'
import type { GRPOConfig } from '../../../grpo/config/config.js'
import type { EvaluateOptions } from '../../../eval/evaluate.js'
import { engineOptions } from '../../../engine/engineOptions.js'
import { dtypeOption } from '../../../model/weights/dtypeOption.js'
import type { WeightDtype } from '../../../model/weights/weightDtype.js'
import { evaluationOptions } from '../../../run/evaluationOptions.js'
import { leftOpen, option } from '../../../options/schema.js'
import type { TaskOptions } from '../../../tasks/loadTask.js'
import { listCheckpoints } from '../../../run/checkpointFolders.js'
import { runFileNames } from '../../../run/fileNames.js'
import { runLayout } from '../../../run/layout.js'
import { modelOptions, nameOption } from '../../terminal/modelOptions.js'
import { schemaFlags } from '../../terminal/schemaFlags.js'
import { readTrainConfig } from '../../../grpo/config/readTrainConfig.js'
import type { TrainConfig } from '../../../grpo/config/trainConfig.js'

const { greedy, samples, seed, confidence, maxCompletionLength, temperature, ...others } = evaluationOptions
const { topK, topP, minP, repetitionPenalty, stopStrings } = others
const sampling = { maxCompletionLength, temperature, topK, topP, minP, repetitionPenalty, stopStrings }

/** The flags of `grpo-ts eval` but for those of its task. */
export const evalFlags = schemaFlags({
  model: modelOptions.model.optional().describe(`${modelOptions.model.description} Defaults to the run's.`),
  ...leftOpen({ adapter: modelOptions.adapter, dtype: dtypeOption, ...engineOptions }, "the run's"),
  baselineAdapter: nameOption
    .optional()
    .describe('Compare with this adapter instead of the model without one. Defaults to none.'),
  task: nameOption.optional().describe("What to evaluate on. Defaults to the run's."),
  greedy,
  samples,
  ...leftOpen(sampling, "the run's"),
  seed,
  confidence,
  output: nameOption
    .optional()
    .describe(
      "JSON with all completions. Defaults to the run's eval.json, or eval-N.json beside one of more than these N problems.",
    ),
  traces: option(
    z.int().nonnegative(),
    1,
    'Print completions of the first problems that became better and worse, so many of each; of three problems all.',
  ),
  placebo: option(z.boolean(), false, 'Train again with random rewards, and evaluate that too.'),
})

/** The flags as they were given. */
export type EvalFlags = ReturnType<typeof evalFlags.parse>

/** What to evaluate and how: the flags, and for what they leave open the run's own options. */
export interface EvalPlan extends EngineOptions {
  /** Null when no run's folder was given. */
  readonly run: { folder: string; config: TrainConfig } | null
  readonly model: string
  readonly adapter: string | null
  /** Folder of the model, in place of an adapter, where the run has trained all weights. */
  readonly weights: string | null
  /** What the frozen weights are kept in; undefined where neither a flag nor a run says it. */
  readonly dtype: WeightDtype | undefined
  readonly baselineAdapter: string | null
  readonly task: string
  readonly taskOptions: TaskOptions
  readonly evaluateOptions: EvaluateOptions
  /** Null: nothing is written. */
  readonly output: string | null
  /** Whether `output` was asked for by name, so that it may replace anything. */
  readonly isOutputGiven: boolean
  readonly placebo: boolean
  /** Problems of each kind whose completions are printed. */
  readonly traces: number
  readonly engine: EngineName | 'auto'
}

/**
 * Puts flags, the options of the task among them, and the options of a run together. Throws a ConfigError for what is missing or
 * contradicts itself.
 */
export function planEvaluation(folder: string | undefined, flags: EvalFlags, ofTask: TaskOptions): EvalPlan {
  const run = folder === undefined ? null : readRun(folder)
  const config = run?.config
  const model = flags.model ?? config?.run.model
  const task = flags.task ?? config?.run.task
  if (model === undefined || task === undefined) {
    throw new ConfigError('eval: expected the folder of a run, or --model and --task')
  }
  if (flags.placebo && !run) throw new ConfigError('--placebo repeats a training, so it needs the folder of its run')
  const learned = flags.adapter ?? (run && learnedBy(run))
  const [adapter, weights] = config?.run.usePeft === false ? [null, learned] : [learned, null]
  if (flags.baselineAdapter !== undefined && adapter === null) {
    throw new ConfigError(
      weights === null
        ? '--baseline-adapter is what an adapter is compared with; give --adapter too'
        : `--baseline-adapter is what an adapter is compared with, and ${folder} has trained all weights of its model; leave it out`,
    )
  }
  if (weights != null && fs.existsSync(path.join(weights, 'adapter_config.json'))) {
    throw new ConfigError(
      `--adapter ${weights} is an adapter, and ${folder} has trained all weights of its model; give the folder of such a model, or ` +
        '--model, --task and --adapter instead of the run',
    )
  }
  return {
    run,
    model,
    task,
    adapter,
    weights,
    dtype: flags.dtype ?? config?.run.dtype,
    baselineAdapter: flags.baselineAdapter ?? null,
    taskOptions: planTask(ofTask, task, config),
    evaluateOptions: planSampling(flags, config),
    output: flags.output ?? (run && runLayout(run.folder).evaluation),
    isOutputGiven: flags.output !== undefined,
    placebo: flags.placebo,
    traces: flags.traces,
    ...planEngine(flags, config),
  }
}

/** The run's engine with its options, or another one without them: it may have no use for these. */
function planEngine(flags: EvalFlags, config: TrainConfig | undefined): Pick<EvalPlan, 'engine' | keyof EngineOptions> {
  const { engine = config?.run.engine ?? 'auto' } = flags
  const ofRun = engine === config?.run.engine ? config.run : undefined
  return {
    engine,
    threads: flags.threads ?? ofRun?.threads,
    device: flags.device ?? ofRun?.device,
    precision: flags.precision ?? ofRun?.precision,
  }
}

function readRun(folder: string): { folder: string; config: TrainConfig } {
  if (fs.existsSync(runLayout(folder).config)) return { folder, config: readTrainConfig(folder) }
  throw new FileFormatError(
    folder,
    `holds no ${runFileNames.config}; expected the folder of a run that grpo-ts train has made`,
  )
}

/** The adapter or the model that a run left. Throws a {@link ConfigError} that names its latest checkpoint while it has not ended. */
function learnedBy({ folder, config }: { folder: string; config: TrainConfig }): string {
  const name = config.run.usePeft ? 'adapter' : 'model'
  const learned = runLayout(folder)[name]
  // In the folder of an export, model/ is the model that it began with.
  if (fs.existsSync(learned) && path.resolve(learned) !== path.resolve(config.run.model)) return learned
  const latest = listCheckpoints(folder).at(-1)
  throw new ConfigError(
    `${folder}: the run has left no ${name} yet; let it end, or go on with it by grpo-ts train --resume` +
      (latest ? `, or evaluate its latest checkpoint with --adapter ${runLayout(latest.folder)[name]}` : ''),
  )
}

/** The problems to evaluate on: of the test split, and all of them, however few the run was trained on. */
function planTask(given: TaskOptions, task: string, config: TrainConfig | undefined): TaskOptions {
  const ofRun = config?.run.task === task ? config.task : {}
  return { ...ofRun, split: 'test', limit: undefined, ...given }
}

const samplingNames = Object.keys(sampling) as (keyof typeof sampling)[]

/** Sampling as in a run's training. */
export function samplingOfRun(config: GRPOConfig): EvaluateOptions {
  return Object.fromEntries(samplingNames.map((name) => [name, config[name]]))
}

/** Sampling as in the run's training, unless flags say otherwise. */
function planSampling(flags: EvalFlags, config: TrainConfig | undefined): EvaluateOptions {
  const given = samplingNames.filter((name) => flags[name] !== undefined)
  return {
    ...(config && samplingOfRun(config.grpo)),
    ...Object.fromEntries(given.map((name) => [name, flags[name]])),
    samples: flags.samples,
    seed: flags.seed,
    confidence: flags.confidence,
    greedy: flags.greedy,
  }
}
