import { Option } from 'commander'
import type { Command } from 'commander'
import { selectEngine } from '../../engine/registry.js'
import type { Evaluation } from '../../run/evaluation.js'
import { writeEvaluation } from '../../run/evaluationFile.js'
import { listCheckpoints } from '../../run/checkpointFolders.js'
import type { GRPOConfig } from '../../grpo/config/config.js'
import { configWarnings } from '../../grpo/config/rules.js'
import { describeFinding } from '../../grpo/diagnosis/runDiagnosis.js'
import { describeMemory } from '../../grpo/memory/forecast.js'
import { gibibytes } from '../../io/units.js'
import { GRPOTrainer } from '../../grpo/trainer.js'
import type { GRPOTrainerOptions } from '../../grpo/trainer.js'
import type { StepProgress, TrainingStep } from '../../grpo/step.js'
import { atomicWriteFile } from '../../io/atomicWrite.js'
import { ConfigError } from '../../errors.js'
import { checkTrainable, runPolicy } from '../run/runPolicy.js'
import type { Policy } from '../../policy/causalLM.js'
import { writeReport } from '../../report/writeReport.js'
import { loadRewards } from '../../rewards/loadReward.js'
import { loadTask } from '../../tasks/loadTask.js'
import { malformedWarnings } from '../../tasks/rows/datasetTask.js'
import type { Streams } from '../terminal/streams.js'
import { describeEvaluation } from './eval/evalOutput.js'
import { Interrupted } from '../terminal/exitCode.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { evaluateHeldOut, loadEvalTask } from '../run/heldOutEvaluation.js'
import { pinSources } from '../run/pinSources.js'
import { addRewardHelp } from '../terminal/rewardHelp.js'
import { showCompiling } from '../terminal/compileProgress.js'
import { loadWithProgress } from '../terminal/loadProgress.js'
import { Progress } from '../terminal/progress.js'
import { runPreflight } from '../run/runPreflight.js'
import { withRolloutServers } from '../run/withRolloutServers.js'
import { writePreflight } from '../../run/preflightFile.js'
import { runLayout } from '../../run/layout.js'
import { lockRunFolder } from '../../run/lock.js'
import {
  checkCheckpointsAreThere,
  checkModelFolder,
  checkRunFolder,
  checkStartingModel,
  startRunFolder,
} from '../../run/runEntries.js'
import { percent } from '../terminal/table.js'
import { formatTrainConfig, parseTrainConfig } from '../../grpo/config/trainConfig.js'
import type { TrainConfig } from '../../grpo/config/trainConfig.js'
import { addTrainFlags, readTrainFlags } from '../run/trainFlags.js'
import { readConfigFile } from '../../run/configFile.js'
import { statusOf } from '../../io/statusOf.js'

type TrainFlags = Record<string, string | string[]> & {
  overwrite?: true
  resume?: true
  acceptChangedData?: true
  preflight?: boolean
}

/** Seconds that the preflight may sample before a run. */
const PREFLIGHT_SECONDS = 30

/** What a run trains and is judged on. */
type RunInputs = Pick<GRPOTrainerOptions, 'task' | 'rewards' | 'evalTask' | 'rolloutEngine'>

export function addTrainCommand(program: Command, streams: Streams): void {
  const command = program
    .command('train')
    .summary('train a LoRA adapter with GRPO')
    .description(
      'Trains a LoRA adapter with GRPO. Options come from a YAML file, by their camelCase or snake_case names, and from ' +
        'flags, which override the file.',
    )
    .argument('[config]', 'YAML file with options')
  addTrainFlags(command)
  addRewardHelp(command)
  command
    .addOption(new Option('--overwrite', 'replace the run that the output folder holds').conflicts('resume'))
    .option('--accept-changed-data', 'with --resume: go on although rows were corrected or left out since')
    .option('--resume', 'go on from the latest checkpoint in the output folder; from the start when there is none yet')
    .option('--no-preflight', 'do not look first at what usually goes wrong')
    .action(
      async (file: string | undefined, { overwrite, resume, acceptChangedData, preflight, ...flags }: TrainFlags) => {
        const fromFile = file === undefined ? {} : readOptions(file, resume === true)
        const config = await pinSources(parseTrainConfig(fromFile, readTrainFlags(flags)), streams)
        return train(
          config,
          {
            overwrite: overwrite ?? false,
            resume: resume ?? false,
            acceptChangedData: acceptChangedData ?? false,
            preflight: preflight ?? true,
          },
          streams,
        )
      },
    )
}

function readOptions(file: string, resume: boolean): Record<string, unknown> {
  if (!statusOf(file)?.isDirectory()) return readConfigFile(file)
  throw new ConfigError(
    `${file} is a folder; expected a YAML file with options, such as ${runLayout(file).config}` +
      (resume ? '. --resume takes no folder: it goes on in the output folder that the options name' : ''),
  )
}

/** Trains, and leaves the adapter in `adapter/` of the run's folder. Throws Interrupted after Ctrl-C. */
export async function train(
  config: TrainConfig,
  options: { overwrite: boolean; resume?: boolean; acceptChangedData?: boolean; preflight?: boolean },
  streams: Streams,
): Promise<void> {
  const { outputDir } = config.run
  const resumes = options.resume === true && listCheckpoints(outputDir).length > 0
  checkRunFolder(outputDir, options.overwrite || options.resume === true)
  if (options.resume && !resumes) checkCheckpointsAreThere(outputDir)
  const { usePeft } = config.run
  if (!usePeft && !resumes) checkModelFolder(outputDir)
  await withRun(config, streams, async (policy, data) => {
    checkStartingModel(policy.folder, outputDir, !usePeft)
    const lock = lockRunFolder(outputDir)
    try {
      await withRolloutServers(config, { outputDir }, streams, (servers) =>
        interruptible((signal) =>
          trainIn(policy, { ...data, ...servers }, config, { ...options, resumes, signal }, streams),
        ),
      )
    } finally {
      lock.release()
    }
  })
}

async function trainIn(
  policy: Policy,
  data: RunInputs,
  config: TrainConfig,
  {
    preflight,
    resumes,
    acceptChangedData,
    signal,
  }: { preflight?: boolean; resumes: boolean; acceptChangedData?: boolean; signal: AbortSignal },
  streams: Streams,
): Promise<void> {
  const { outputDir } = config.run
  const settings = { policy, ...data, config: config.grpo, signal }
  const report =
    preflight === true && !resumes
      ? await runPreflight({ ...settings, maxSeconds: PREFLIGHT_SECONDS }, { all: false }, streams)
      : null
  if (!resumes) startRunFolder(outputDir, formatTrainConfig(config, policy.engine.info, policy.weightFormat))
  if (report) writePreflight(outputDir, report)
  const base = config.run.doEval ? await evaluateBase(policy, data, config, signal, streams) : null
  const isComplete = await runTrainer(policy, data, config, { resumes, acceptChangedData, signal }, streams)
  if (base && isComplete) await evaluateTrained(policy, data, config, { earlier: base, signal }, streams)
  streams.stdout.write(`report   ${writeReport(outputDir)}\n`)
  if (!isComplete) {
    streams.stdout.write(`resume   grpo-ts train ${runLayout(outputDir).config} --resume goes on from here\n`)
  }
  signal.throwIfAborted()
  // A stop that came from outside (grpo-ts report --watch) is like Ctrl-C.
  if (!isComplete) throw new Interrupted()
}

/** Evaluates the model before the training, and says how often it is right. */
async function evaluateBase(
  policy: Policy,
  { evalTask }: RunInputs,
  config: TrainConfig,
  signal: AbortSignal,
  streams: Streams,
): Promise<Evaluation> {
  const evaluation = await evaluateHeldOut({ base: policy.baseModel }, evalTask!, config, { signal }, streams)
  const { greedy, sampled } = evaluation.policies[0]!
  streams.stdout.write(
    `base     of ${evaluation.problems.length} held-out problems, ${percent(greedy!.accuracy.value)} are right greedily, ` +
      `${percent(sampled!.accuracy.value)} sampled at temperature ${config.grpo.temperature}\n`,
  )
  return evaluation
}

/** Evaluates the trained model on the same problems, prints both beside each other, and leaves eval.json. */
async function evaluateTrained(
  policy: Policy,
  { evalTask }: RunInputs,
  config: TrainConfig,
  options: { earlier: Evaluation; signal: AbortSignal },
  streams: Streams,
): Promise<void> {
  const adapter = learnedFolder(policy, config)
  const policies = { base: policy.baseModel, trained: policy }
  const evaluation = await evaluateHeldOut(policies, evalTask!, config, { ...options, adapter }, streams)
  writeEvaluation(runLayout(config.run.outputDir).evaluation, evaluation)
  streams.stdout.write(`${describeEvaluation(evaluation, 1)}\n`)
}

/** Loads what a run needs, says what it is, and frees it after `body`. */
export async function withRun(
  config: TrainConfig,
  streams: Streams,
  body: (policy: Policy, data: RunInputs) => Promise<void>,
): Promise<void> {
  const print = (name: string, value: string): void => {
    streams.stdout.write(`${name.padEnd(9)}${value}\n`)
  }
  const { run, grpo } = config
  await checkTrainable(config)
  const rewards = await loadRewards(run.rewards, run)
  const task = await loadTask(run.task, config.task)
  const evalTask = await loadEvalTask(config, task)
  const engine = await selectEngine(run.engine, { ...run, onCompile: showCompiling(streams.stdout) })
  const base = await loadWithProgress(streams.stderr, run.model, { dtype: run.dtype })
  try {
    const policy = runPolicy(base, config)
    try {
      print('model', `${run.model} (${describeModel(policy)})`)
      print('engine', `${engine.name}: ${engine.why}`)
      print('task', `${task.name}, ${task.problems.length} problems`)
      for (const warning of malformedWarnings(task, evalTask)) print('warning', warning)
      print('batch', describeBatch(grpo))
      print('output', run.outputDir)
      for (const warning of configWarnings(grpo)) print('warning', warning)
      await body(policy, { task, rewards, ...(evalTask && { evalTask }) })
    } finally {
      policy.dispose()
    }
  } finally {
    base.dispose()
  }
}

/** Trains, and saves what was learned. Returns whether the run came to its end. */
async function runTrainer(
  policy: Policy,
  data: RunInputs,
  config: TrainConfig,
  {
    resumes,
    acceptChangedData,
    signal,
  }: { resumes: boolean; acceptChangedData: boolean | undefined; signal: AbortSignal },
  streams: Streams,
): Promise<boolean> {
  let last: TrainingStep | null = null
  const trainer = new GRPOTrainer({
    policy,
    ...data,
    config: config.grpo,
    outputDir: config.run.outputDir,
    signal,
    resume: resumes,
    acceptChangedData: acceptChangedData ?? false,
    onWarning: (message) => streams.stderr.write(`warning: ${message}\n`),
    onProgress: (progress) => {
      bar.update(trainer.step, describeProgress(progress, last))
    },
  })
  const forecast = await trainer.memoryForecast
  const onDevice = forecast.device === null ? '' : `${gibibytes(forecast.device)} of the device and `
  streams.stdout.write(`memory   at most ${onDevice}${gibibytes(forecast.process)}: ${describeMemory(forecast)}\n`)
  if (resumes) {
    const end = trainer.isFinished ? ': the run has ended, so there is nothing to train' : ''
    streams.stdout.write(`resume   after step ${trainer.step} of ${trainer.maxSteps}${end}\n`)
    // The options that may change are those of this run from here on.
    const options = formatTrainConfig(config, policy.engine.info, policy.weightFormat)
    atomicWriteFile(runLayout(config.run.outputDir).config, options)
  }
  const bar = new Progress(streams.stdout, trainer.maxSteps, 'steps', { first: trainer.step })
  onInterruption(signal, (interrupted) => {
    bar.log(
      `${interrupted}: saving ${policy.trained.folderName} and checkpoint after this step; Ctrl-C again stops at once`,
    )
  })
  try {
    for await (const step of trainer) {
      last = step
      bar.update(step.step, describeProgress(null, step))
      if (step.step % config.grpo.loggingSteps === 0 || step.step === step.maxSteps)
        bar.log(describeStep(step, bar.timeLeft(step.step)))
      for (const finding of step.diagnosis) if (finding.state !== 'ongoing') bar.log(describeFinding(finding))
    }
  } finally {
    bar.stop()
  }
  streams.stdout.write(`${policy.trained.folderName.padEnd(9)}${learnedFolder(policy, config)}\n`)
  return !signal.aborted && trainer.isFinished
}

/** Where a run leaves what it has learned. */
function learnedFolder({ trained }: Policy, { run }: TrainConfig): string {
  return runLayout(run.outputDir)[trained.folderName]
}

function describeModel({ config, weightFormat, adapter, trained }: Policy): string {
  const count = trained.parameters.values.length.toLocaleString('en')
  const what = adapter ? `${count} LoRA parameters to train` : `all ${count} weights to train`
  return `${config.architecture}, ${config.numLayers} layers, ${weightFormat}; ${what}`
}

function describeBatch(config: GRPOConfig): string {
  const { generationBatchSize, numGenerations, maxCompletionLength, perDeviceTrainBatchSize } = config
  const prompts = generationBatchSize / numGenerations
  return (
    `${prompts} prompt${prompts === 1 ? '' : 's'} × ${numGenerations} completions of up to ${maxCompletionLength} tokens, ` +
    `a step of ${config.gradientAccumulationSteps} × ${perDeviceTrainBatchSize} completions`
  )
}

/** The line that a step leaves behind; what the step did not measure, because it sampled nothing, is left out. */
function describeStep({ step, maxSteps, metrics }: TrainingStep, timeLeft: string | null): string {
  const values = [
    labelled('reward', metrics.reward?.toFixed(3)),
    labelled('eval accuracy', metrics.eval_accuracy?.toFixed(3)),
    labelled('length', metrics['completions/mean_length']?.toFixed(1)),
    labelled('logp diff', describeDifference(metrics)),
    labelled('ratio', metrics['sampling/importance_sampling_ratio/mean']?.toFixed(2)),
    speed(metrics),
    timeLeft,
  ]
  return [`step ${step}/${maxSteps}`, ...values.filter((value) => value !== null)].join('  ')
}

/** `0.0e+0`, the largest; `1.9e-2 of 3.0e-2`, the mean, where the engine expects one; undefined where nothing was measured. */
function describeDifference(metrics: TrainingStep['metrics']): string | undefined {
  const { 'sampling/expected_logp_difference/mean': expected } = metrics
  if (expected === undefined) return metrics['sampling/sampling_logp_difference/max']?.toExponential(1)
  return `${metrics['sampling/sampling_logp_difference/mean']?.toExponential(1)} of ${expected.toExponential(1)}`
}

/** What stands beside the bar: the step's phase, and reward and speed as of the last step. */
function describeProgress(progress: StepProgress | null, last: TrainingStep | null): string {
  const values = [
    last && labelled('reward', last.metrics.reward?.toFixed(3)),
    last && speed(last.metrics),
    progress?.phase === 'sampling' ? `sampling: ${progress.done} tokens` : null,
    progress?.phase === 'training' ? 'training' : null,
  ]
  return values.filter((value) => value !== null).join('  ')
}

function labelled(label: string, value: string | undefined): string | null {
  return value === undefined ? null : `${label} ${value}`
}

function speed({ tokens_per_second: tokens }: TrainingStep['metrics']): string {
  return `${tokens.toFixed(tokens < 100 ? 1 : 0)} tokens/s`
}
