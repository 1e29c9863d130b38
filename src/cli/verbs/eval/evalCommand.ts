import fs from 'node:fs'
import type { Command } from 'commander'
import { FileFormatError } from '../../../errors.js'
import { evaluate } from '../../../eval/evaluate.js'
import type { Evaluation } from '../../../run/evaluation.js'
import { readEvaluation, writeEvaluation } from '../../../run/evaluationFile.js'
import { runLayout } from '../../../run/layout.js'
import { resolveModel } from '../../../hub/resolve.js'
import type { CausalLM } from '../../../policy/causalLM.js'
import { loadTask } from '../../../tasks/loadTask.js'
import { malformedWarnings } from '../../../tasks/rows/datasetTask.js'
import type { Task } from '../../../tasks/task.js'
import { addTaskFlags, readTaskFlags } from '../../run/taskFlags.js'
import { checkOutput } from '../../terminal/batchFiles.js'
import type { Streams } from '../../terminal/streams.js'
import { interruptible, onInterruption } from '../../terminal/interruptible.js'
import { withModel } from '../../terminal/modelOptions.js'
import type { Flags } from '../../terminal/schemaFlags.js'
import { Progress } from '../../terminal/progress.js'
import { evalFlags, planEvaluation } from './evalOptions.js'
import type { EvalPlan } from './evalOptions.js'
import { describeEvaluation, showEvaluationProgress } from './evalOutput.js'
import { summarizeRun, trainPlacebo } from './placebo.js'

export function addEvalCommand(program: Command, streams: Streams): void {
  const command = program
    .command('eval')
    .summary('compare a model before and after training')
    .description(
      'Evaluates a model with and without its adapter on the same problems with the same prompts, seeds and sampling, and ' +
        'says with intervals and p-values what the difference shows. A run brings its own model, task and sampling.',
    )
    .argument('[run]', 'folder of a run of grpo-ts train')
  evalFlags.addTo(command)
  // What is not given is as in the run; the split is test, and all of it.
  addTaskFlags(command)
  command.action((folder: string | undefined, given: Flags) =>
    evaluateCommand(planEvaluation(folder, evalFlags.parse('eval', given), readTaskFlags('eval', given)), streams),
  )
}

/** Evaluates, prints the tables and writes eval.json. Throws Interrupted after Ctrl-C. */
async function evaluateCommand(plan: EvalPlan, streams: Streams): Promise<void> {
  if (plan.output !== null) checkOutput(plan.output)
  const task = await loadTask(plan.task, plan.taskOptions)
  for (const warning of malformedWarnings(task)) streams.stderr.write(`warning: ${warning}\n`)
  const evaluation = await interruptible((signal) => {
    onInterruption(signal, (interrupted) => streams.stderr.write(`${interrupted}: no evaluation was written\n`))
    return withModel({ ...plan, signal }, (policy) => evaluatePlan(plan, policy, task, signal, streams))
  })
  printEvaluation(evaluation, plan, streams)
}

async function evaluatePlan(
  plan: EvalPlan,
  policy: CausalLM,
  task: Task,
  signal: AbortSignal,
  streams: Streams,
): Promise<Evaluation> {
  const base = policy.baseModel
  const placebo = plan.run && plan.placebo ? await makePlacebo(plan.run, base, signal, streams) : null
  const learned = plan.adapter ?? plan.weights
  const loaded = new Map<string, CausalLM>()
  try {
    if (plan.baselineAdapter !== null) {
      loaded.set('baseline', base.withAdapter((await resolveModel(plan.baselineAdapter, { signal })).folder))
    }
    if (placebo !== null) {
      loaded.set('placebo', plan.weights === null ? base.withAdapter(placebo) : base.withWeights(placebo))
    }
    const policies: Record<string, CausalLM> =
      learned === null
        ? { model: base }
        : { ...(plan.baselineAdapter === null && { base }), ...Object.fromEntries(loaded), trained: policy }
    const adapters = { baseline: plan.baselineAdapter, placebo, trained: learned }
    const progress = showEvaluationProgress(streams.stderr)
    try {
      return await evaluate(policies, task, {
        ...plan.evaluateOptions,
        signal,
        onProgress: progress.update,
        adapters: Object.fromEntries(
          Object.entries(adapters).flatMap(([name, folder]) => (folder ? [[name, folder]] : [])),
        ),
      })
    } finally {
      progress.stop()
    }
  } finally {
    for (const model of loaded.values()) model.dispose()
  }
}

async function makePlacebo(
  run: NonNullable<EvalPlan['run']>,
  base: CausalLM,
  signal: AbortSignal,
  streams: Streams,
): Promise<string> {
  const summary = await summarizeRun(run.folder)
  const { steps, rate } = summary
  const bar = new Progress(streams.stderr, steps, 'steps of the placebo')
  bar.log(`placebo: ${steps} steps with random rewards, 1 with a probability of ${rate.toFixed(3)}, else 0`)
  if (rate === 0) bar.log('warning: this run was never right, so its placebo is never rewarded and stays as it began')
  try {
    return await trainPlacebo(run, base, summary, {
      signal,
      onStep: (step) => {
        bar.update(step)
      },
    })
  } finally {
    bar.stop()
  }
}

function printEvaluation(evaluation: Evaluation, plan: EvalPlan, streams: Streams): void {
  streams.stdout.write(describeEvaluation(evaluation, plan.traces))
  if (plan.output === null) return
  const { output, why } = outputOf(plan.output, evaluation.problems.length, plan)
  writeEvaluation(output, evaluation)
  streams.stderr.write(`${output} holds the figures and all completions${why}\n`)
}

/** Where an evaluation goes: a quick look does not replace what the report and the model card stand on. */
function outputOf(file: string, count: number, { run, isOutputGiven }: EvalPlan): { output: string; why: string } {
  if (run === null || isOutputGiven || !fs.existsSync(file)) return { output: file, why: '' }
  const output = runLayout(run.folder).otherEvaluation(count)
  try {
    const kept = readEvaluation(file).problems.length
    if (kept <= count) return { output: file, why: '' }
    return { output, why: `; ${file} keeps its evaluation of ${kept} problems (--output to replace it)` }
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error
    return { output, why: `; what is there is kept: ${error.message} (--output to replace it)` }
  }
}
