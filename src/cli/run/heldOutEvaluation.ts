import { ConfigError } from '../../errors.js'
import { evaluate } from '../../eval/evaluate.js'
import type { Evaluation } from '../../run/evaluation.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { loadTask } from '../../tasks/loadTask.js'
import type { Task } from '../../tasks/task.js'
import type { Streams } from '../terminal/streams.js'
import { samplingOfRun } from '../verbs/eval/evalOptions.js'
import { showEvaluationProgress } from '../verbs/eval/evalOutput.js'
import type { TrainConfig } from '../../grpo/config/trainConfig.js'

/**
 * The held-out problems of a run; null when it evaluates none. Throws a ConfigError when some of them are trained on, by
 * their ids or by their questions.
 */
export async function loadEvalTask({ run, task: options }: TrainConfig, task: Task): Promise<Task | null> {
  if (run.evalStrategy === 'no' && !run.doEval) return null
  const evalTask = await loadTask(run.task, { ...options, split: run.evalSplit, limit: run.evalLimit ?? undefined })
  const trained = new Set(task.problems.flatMap(({ id, question }) => [id, question]))
  const both = evalTask.problems.filter(({ id, question }) => trained.has(id) || trained.has(question))
  if (both.length === 0) return evalTask
  throw new ConfigError(
    `${both.length} of the ${evalTask.problems.length} problems to evaluate are trained on (${both[0]!.id}); evaluate another ` +
      'part: evalSplit test, or limit the training',
  )
}

/**
 * Evaluates policies on the held-out problems as `grpo-ts eval` does it for a run, with numGenerationsEval samples; policies that
 * `earlier` holds are not decoded again. Throws the reason of the signal.
 */
export async function evaluateHeldOut(
  policies: Readonly<Record<string, CausalLM>>,
  evalTask: Task,
  { grpo }: TrainConfig,
  { signal, earlier, adapter }: { signal: AbortSignal; earlier?: Evaluation; adapter?: string },
  streams: Streams,
): Promise<Evaluation> {
  const progress = showEvaluationProgress(streams.stderr)
  try {
    return await evaluate(policies, evalTask, {
      ...samplingOfRun(grpo),
      samples: grpo.numGenerationsEval,
      signal,
      onProgress: progress.update,
      ...(earlier && { earlier }),
      ...(adapter !== undefined && { adapters: { trained: adapter } }),
    })
  } finally {
    progress.stop()
  }
}
