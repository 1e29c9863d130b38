import path from 'node:path'
import { GrpoError } from '../../src/errors.js'
import { describePValue } from '../../src/eval/pValue.js'
import { computeAdvantages } from '../../src/grpo/advantages.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { percent, short } from '../../src/io/units.js'
import { embeddedModelFolder } from '../../src/hub/embeddedModels.js'
import { readRunConfig } from '../../src/run/configFile.js'
import type { DecodingResult, Estimate } from '../../src/run/evaluation.js'
import { readEvaluation } from '../../src/run/evaluationFile.js'
import { runLayout } from '../../src/run/layout.js'
import { readMetrics } from '../../src/run/metricsFile.js'
import type { MetricsLine } from '../../src/run/metricsFile.js'
import type { Figures } from '../text/placeholders.js'
import { readSummary } from './commands.js'

/** Everything measured that the script may say, from the notebook's run and from the quickstart's two in a recording's folder. */
export async function readFigures(folder: string, notebookRun: string): Promise<Figures> {
  return {
    ...(await trainingFigures(notebookRun)),
    ...evaluationFigures(notebookRun),
    ...quickstartFigures(folder),
  }
}

async function trainingFigures(run: string): Promise<Figures> {
  const config = readRunConfig(run) ?? {}
  const metrics = await readMetrics(run)
  const few = Math.max(1, Math.floor(metrics.length / 10))
  const generations = Number(config.num_generations)
  const inStep = Number(config.per_device_train_batch_size) * Number(config.gradient_accumulation_steps)
  const seconds = metrics.reduce((sum, { step_time: time }) => sum + (time ?? 0), 0)
  const model = countParameters(path.join(modelFolder(String(config.model)), 'model.safetensors'))
  const adapter = countParameters(path.join(runLayout(run).adapter, 'adapter_model.safetensors'))
  return {
    'model.name': String(config.model),
    'model.parameters': millions(model),
    'adapter.parameters': adapter.toLocaleString('en'),
    'adapter.share': percent(adapter / model),
    'run.steps': String(metrics.length),
    'run.few': String(few),
    'run.seconds': seconds.toFixed(0),
    'run.generations': String(generations),
    'run.problems': String(inStep / generations),
    'run.inStep': String(inStep),
    'run.completions': (metrics.length * inStep).toLocaleString('en'),
    'run.tokens': String(config.max_completion_length),
    'run.temperature': String(config.temperature),
    'run.learningRate': String(config.learning_rate),
    ...advantageFigures(generations),
    ...firstAndLast(metrics, few, 'reward', 'reward', (value) => value.toFixed(2)),
    ...firstAndLast(metrics, few, 'idle', 'frac_reward_zero_std', (value) => percent(value)),
    ...firstAndLast(metrics, few, 'length', 'completions/mean_length', (value) => value.toFixed(0)),
    ...firstAndLast(metrics, few, 'reasoning', 'reasoning/steps', (value) => value.toFixed(1)),
    ...firstAndLast(metrics, few, 'entropy', 'entropy', (value) => value.toFixed(2)),
  }
}

function modelFolder(name: string): string {
  const folder = embeddedModelFolder(name)
  if (folder !== null) return folder
  throw new GrpoError(`the walkthrough tells of a model that comes with grpo-ts, and the notebook trained ${name}`)
}

/** Of a right completion that is the only one of its group, and of one among all but one. */
function advantageFigures(generations: number): Figures {
  const of = (right: number): string => {
    const rewards = Array.from({ length: generations }, (_, i) => [i < right ? 1 : 0])
    return computeAdvantages(rewards, { numGenerations: generations }).advantages[0]!.toFixed(2)
  }
  return { 'advantage.rare': of(1), 'advantage.common': of(generations - 1) }
}

/** Means of a metric over the first steps and over the last. */
function firstAndLast(
  metrics: readonly MetricsLine[],
  few: number,
  name: string,
  metric: string,
  format: (value: number) => string,
): Figures {
  const mean = (some: readonly MetricsLine[]): string =>
    format(some.reduce((sum, line) => sum + (line[metric] ?? 0), 0) / some.length)
  return { [`${name}.first`]: mean(metrics.slice(0, few)), [`${name}.last`]: mean(metrics.slice(-few)) }
}

function evaluationFigures(run: string): Figures {
  const { policies, comparisons, problems } = readEvaluation(runLayout(run).evaluation)
  const results = policies.map((one) => one.sampled ?? one.greedy)
  const paired = comparisons[0]!.sampled ?? comparisons[0]!.greedy
  const { difference, pValue, fixed, broken } = paired!.strict
  return {
    'eval.problems': String(problems.length),
    'eval.samples': String(results[0]!.completionsPerProblem),
    'accuracy.difference': (100 * difference.value).toFixed(1),
    'accuracy.difference.interval': interval(difference),
    'accuracy.p': describePValue(pValue),
    'accuracy.fixed': String(fixed.length),
    'accuracy.broken': String(broken.length),
    ...policyFigures('base', results[0]!),
    ...policyFigures('trained', results[1]!),
  }
}

function policyFigures(name: string, { accuracy, passAtK, reasoning, meanTokens }: DecodingResult): Figures {
  const last = passAtK.at(-1)!
  const share = (estimate: Estimate | null): string => (estimate ? percent(estimate.value, 1) : 'none')
  return {
    [`accuracy.${name}`]: percent(accuracy.value, 1),
    [`accuracy.${name}.interval`]: interval(accuracy),
    'pass.k': String(last.k),
    [`pass.${name}`]: percent(last.strict.value, 1),
    [`steps.${name}`]: reasoning.meanSteps.value.toFixed(1),
    [`calculations.${name}`]: share(reasoning.correctEquations),
    [`coherent.${name}`]: share(reasoning.coherent),
    [`corrections.${name}`]: share(reasoning.selfCorrecting),
    [`tokens.${name}`]: meanTokens.value.toFixed(0),
  }
}

/** `43.9 to 50.3`, in percent. */
function interval({ low, high }: Estimate): string {
  return [low, high].map((bound) => (100 * (bound ?? NaN)).toFixed(1)).join(' to ')
}

function quickstartFigures(folder: string): Figures {
  const start = readSummary('start', folder)
  const placebo = readSummary('placebo', folder)
  const harder = Object.entries(start.harder).flatMap(([variant, { base, trained }]) => [
    [`${variant}.base`, percent(base, 1)],
    [`${variant}.trained`, percent(trained, 1)],
  ])
  return {
    'start.base': percent(start.base.accuracy.value, 1),
    'start.trained': percent(start.trained.accuracy.value, 1),
    'start.seconds': start.totalSeconds.toFixed(0),
    'placebo.base': percent(placebo.base.accuracy.value, 1),
    'placebo.trained': percent(placebo.trained.accuracy.value, 1),
    'placebo.difference': (100 * placebo.difference.value).toFixed(1),
    'placebo.interval': interval(placebo.difference),
    'placebo.p': describePValue(placebo.pValue),
    ...(Object.fromEntries(harder) as Figures),
  }
}

function countParameters(file: string): number {
  const tensors = Safetensors.open(file)
  try {
    const sizes = tensors.names().map((name) => tensors.info(name).shape.reduce((product, size) => product * size, 1))
    return sizes.reduce((sum, size) => sum + size, 0)
  } finally {
    tensors.close()
  }
}

const millions = (count: number): string => `${short(count / 1e6)} million`
