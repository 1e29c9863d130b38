import fs from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { selectEngine } from '../../engine/registry.js'
import { evaluate } from '../../eval/evaluate.js'
import { writeEvaluation } from '../../run/evaluationFile.js'
import type { Evaluation } from '../../run/evaluation.js'
import { describePValue } from '../../eval/pValue.js'
import { GRPOTrainer } from '../../grpo/trainer.js'
import { atomicWriteJson } from '../../io/atomicWrite.js'
import { loadModel } from '../../policy/loadModel.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { loadRewards } from '../../rewards/loadReward.js'
import { wordProblems } from '../../tasks/generators/wordProblems/wordProblems.js'
import { loadTask } from '../../tasks/loadTask.js'
import type { Task } from '../../tasks/task.js'
import type { Streams } from '../terminal/streams.js'
import { interruptible, onInterruption } from '../terminal/interruptible.js'
import { peakResidentBytes } from '../bench/peakMemory.js'
import { showCompiling } from '../terminal/compileProgress.js'
import { Progress } from '../terminal/progress.js'
import { runLayout } from '../../run/layout.js'
import { readMetrics } from '../../run/metricsFile.js'
import { lockRunFolder } from '../../run/lock.js'
import { checkRunFolder, startRunFolder } from '../../run/runEntries.js'
import { runPreflight } from '../run/runPreflight.js'
import { writePreflight } from '../../run/preflightFile.js'
import { formatTrainConfig, parseTrainConfig } from '../../grpo/config/trainConfig.js'
import type { TrainOptions } from '../../grpo/config/trainConfig.js'
import { percent } from '../terminal/table.js'
import { writeReport } from '../../report/writeReport.js'
import * as settings from './settings.js'
import { chooseTraces, formatSummary, sideBySide, summarize } from './summary.js'
import type { QuickstartSummary } from './summary.js'
import { readRunConfig } from '../../run/configFile.js'

export interface QuickstartOptions {
  /** Of the adapter, the problems that are trained on, and sampling. */
  readonly seed: number
  /** Train with a random reward instead of the right one. */
  readonly placebo: boolean
  readonly outputDir: string
  /** Options of the run other than those of settings.ts: of the engine, and the smaller ones of tests. */
  readonly run?: Partial<TrainOptions>
}

/** Seconds that the preflight may sample. */
const PREFLIGHT_SECONDS = 10
/** Steps between two lines of the log. */
const LOGGING_STEPS = 10

/**
 * The whole method on the embedded model: evaluation, GRPO, evaluation of the trained adapter on the same held-out problems,
 * report. Goes on with an interrupted run of the same options, replaces any other. Throws Interrupted after Ctrl-C.
 */
export async function quickstart(options: QuickstartOptions, streams: Streams): Promise<QuickstartSummary> {
  const lock = lockRunFolder(options.outputDir)
  try {
    return await interruptible((signal) => runQuickstart(options, signal, streams))
  } finally {
    lock.release()
  }
}

async function runQuickstart(
  options: QuickstartOptions,
  signal: AbortSignal,
  streams: Streams,
): Promise<QuickstartSummary> {
  const { seed, placebo, outputDir } = options
  const started = performance.now()
  const print = (name: string, value: string): void => void streams.stdout.write(`${name.padEnd(9)}${value}\n`)
  const specs = [placebo ? { name: 'random', rate: 0.5, seed } : 'correctness']
  const config = parseTrainConfig({ ...settings.runOptions, rewards: specs, ...options.run, seed, outputDir })
  const { run, grpo } = config
  const engine = await selectEngine(run.engine, { ...run, onCompile: showCompiling(streams.stdout) })
  const train = await loadTask(run.task, config.task)
  const heldOut = wordProblems({ split: 'test', limit: run.evalLimit ?? settings.HELD_OUT_PROBLEMS })
  const rewards = await loadRewards(run.rewards, run)
  if (!holdsQuickstart(outputDir, run)) checkRunFolder(outputDir, false, 'choose another folder with --output-dir')
  const resume = holdsQuickstart(outputDir, run) && holdsUnfinishedRun(outputDir, run)
  if (!resume) startRunFolder(outputDir, formatTrainConfig(config, engine.engine.info))
  fs.rmSync(runLayout(outputDir).summary, { force: true })

  const base = await loadModel(run.model)
  const policy = base.withLora(config.lora)
  const limits = { maxCompletionLength: grpo.maxCompletionLength, signal }
  onInterruption(signal, (interrupted) => {
    streams.stdout.write(`\n${interrupted}: saving; the next \`npm start\` goes on. Ctrl-C again stops at once\n`)
  })
  try {
    print('engine', `${engine.name}: ${engine.why}`)
    print(
      'model',
      `${base.config.architecture}, ${base.config.numLayers} layers, trained from scratch on word problems`,
    )
    print(
      'task',
      `${train.problems.length} word problems to train on, ${heldOut.problems.length} others held out, such as`,
    )
    print('', `"${heldOut.problems[0]!.question}"`)
    print('reward', placebo ? 'placebo: random' : '1 for the right answer, 0 for any other; nothing for reasoning')
    print('output', outputDir)
    if (!resume && !placebo) {
      const checked = { policy, task: train, rewards, config: grpo, maxSeconds: PREFLIGHT_SECONDS, signal }
      writePreflight(outputDir, await runPreflight(checked, { all: false }, streams))
    }
    const before = await measure({ base }, heldOut, 'base model', settings.SAMPLES, limits, streams)
    const accuracy = before.policies[0]!.sampled!.accuracy.value
    print('base', `${percent(accuracy) ?? ''} of sampled answers are right`)

    const trainer = new GRPOTrainer({
      policy,
      task: train,
      rewards,
      config: grpo,
      outputDir,
      resume,
      signal,
      onWarning: (message) => streams.stderr.write(`warning: ${message}\n`),
    })
    await runTrainer(trainer, streams)
    signal.throwIfAborted()

    const policies = { base, trained: policy }
    const evaluation = await measure(
      policies,
      heldOut,
      'trained model',
      settings.SAMPLES,
      { ...limits, earlier: before },
      streams,
    )
    writeEvaluation(runLayout(outputDir).evaluation, evaluation)
    const harder: Record<string, Evaluation> = {}
    for (const { variant, description } of settings.HARDER) {
      const limit = Math.min(settings.HARDER_PROBLEMS, heldOut.problems.length)
      const task = wordProblems({ split: 'test', variant, limit })
      harder[variant] = await measure(policies, task, description, 1, limits, streams)
      writeEvaluation(runLayout(outputDir).otherEvaluation(variant), harder[variant])
    }
    const summary = summarize(evaluation, harder, {
      seed,
      placebo,
      trainingSeconds: await trainingSeconds(outputDir),
      totalSeconds: (performance.now() - started) / 1000,
      peakBytes: peakResidentBytes(),
    })
    atomicWriteJson(runLayout(outputDir).summary, summary)
    const report = writeReport(outputDir)
    tell(summary, evaluation, { outputDir, report, model: run.model }, streams)
    return summary
  } finally {
    policy.dispose()
    base.dispose()
  }
}

/** Whether the run in the folder is a quickstart, which another may replace; any other run is not to be lost. */
function holdsQuickstart(folder: string, { model, task }: TrainOptions): boolean {
  const config = readRunConfig(folder)
  return config?.model === model && config.task === task
}

/** Whether the folder holds a run with these options that has not come to its end. */
function holdsUnfinishedRun(folder: string, run: TrainOptions): boolean {
  if (fs.existsSync(runLayout(folder).summary)) return false
  try {
    return isDeepStrictEqual(parseTrainConfig(readRunConfig(folder) ?? {}).run, run)
  } catch {
    // Options that are none now are not these.
    return false
  }
}

/** Evaluates policies on sampled answers, with a progress bar; those that `earlier` holds are not asked again. */
async function measure(
  policies: Readonly<Record<string, CausalLM>>,
  task: Task,
  what: string,
  samples: number,
  limits: { maxCompletionLength: number; signal: AbortSignal; earlier?: Evaluation },
  streams: Streams,
): Promise<Evaluation> {
  const total = task.problems.length * samples
  const known = limits.earlier?.policies.map(({ name }) => name) ?? []
  const names = Object.keys(policies).filter((name) => !known.includes(name))
  const bar = new Progress(streams.stdout, total * names.length, 'answers')
  try {
    return await evaluate(policies, task, {
      greedy: false,
      samples,
      temperature: 1,
      ...limits,
      onProgress: ({ done }) => {
        bar.update(done, `measuring: ${what}`)
      },
    })
  } finally {
    bar.stop()
  }
}

async function runTrainer(trainer: GRPOTrainer, streams: Streams): Promise<void> {
  const first = trainer.step
  if (first > 0) streams.stdout.write(`resumed  after step ${first} of ${trainer.maxSteps}\n`)
  const bar = new Progress(streams.stdout, trainer.maxSteps, 'steps', { first })
  try {
    for await (const { step, maxSteps, metrics } of trainer) {
      const reward = metrics.reward ?? 0
      const text = `reward ${reward.toFixed(2)}  tokens an answer ${metrics['completions/mean_length']!.toFixed(0)}`
      bar.update(step, text)
      if (step === 1 || step % LOGGING_STEPS === 0) {
        const share = '█'.repeat(Math.round(reward * 20))
        const left = bar.timeLeft(step) ?? '0 s left'
        bar.log(`step ${step.toString().padStart(3)}/${maxSteps}  ${text}  ${left}  ${share}`)
      }
    }
  } finally {
    bar.stop()
  }
}

/** Time of all steps, those before an interruption included. */
async function trainingSeconds(outputDir: string): Promise<number> {
  const lines = await readMetrics(outputDir)
  return lines.reduce((seconds, { step_time: time }) => seconds + (time ?? 0), 0)
}

/** Prints the table, two answers beside each other, and where to go next. */
function tell(
  summary: QuickstartSummary,
  evaluation: Evaluation,
  { outputDir, report, model }: { outputDir: string; report: string; model: string },
  streams: Streams,
): void {
  const print = (text: string): void => void streams.stdout.write(`${text}\n`)
  const { adapter } = runLayout(outputDir)
  const descriptions = Object.fromEntries(settings.HARDER.map(({ variant, description }) => [variant, description]))
  print(`\n${formatSummary(summary, descriptions)}`)
  const { difference, pValue, problems, samples } = summary
  print(
    `${problems} held-out problems, ${samples} sampled answers to each, at temperature 1; difference ` +
      `${(100 * difference.value).toFixed(1)} points, ${describePValue(pValue)} (paired)`,
  )
  const traces = chooseTraces(evaluation)
  if (traces) {
    print(`\n${traces.question} (${traces.answer})\n`)
    print(
      sideBySide(['base model', traces.base.text], ['after GRPO', traces.trained.text], streams.stdout.columns ?? 80),
    )
  }
  print(
    [
      '',
      `report       ${report}: open it in a browser`,
      `adapter      ${adapter}`,
      `next steps   ask it: npx grpo-ts generate --model ${model} --adapter ${adapter} --temperature 0 \\`,
      `                 --chat "${settings.QUESTION}"`,
      '             the notebook: npm run lab',
      '             your own model: npx grpo-ts train --model FOLDER-OR-HUB-ID --task gsm8k',
      '             your own task and rewards: README.md',
    ].join('\n'),
  )
}
