import { stringify } from 'yaml'
import { isRepositoryId } from '../hub/repository.js'
import type { TrainedRun } from './trainedRun.js'
import { cardPolicies, evaluatedSplit, namedMetrics } from './results.js'

/** The data that a run's problems came from, when that is a data set of the Hub. */
export function hubDataset({ config }: TrainedRun): { id: string; revision: string | null } | null {
  const data = config?.data
  if (typeof data !== 'string' || !isRepositoryId(data)) return null
  const [id = '', revision] = data.split('@')
  return { id, revision: revision ?? null }
}

/**
 * The metadata in front of a model card: what the Hub shows and searches, with the measured numbers as `model-index`.
 * Source: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
 */
export function cardMetadata(run: TrainedRun, name: string, license: string | null): string {
  const { id, original } = run.baseModel
  const dataset = hubDataset(run)
  const results = modelIndex(run, name)
  const metadata = {
    ...(id !== null && {
      base_model: original === null ? id : [id, original.replace(/@.*$/, '')],
      base_model_relation: 'adapter',
    }),
    library_name: 'peft',
    pipeline_tag: 'text-generation',
    ...(license !== null && { license }),
    ...(dataset && { datasets: [dataset.id] }),
    tags: [
      ...(id === null ? [] : [`base_model:adapter:${id}`]),
      'grpo',
      'grpo-ts',
      'lora',
      'reasoning',
      'transformers',
    ],
    ...(results && { 'model-index': results }),
  }
  return stringify(metadata, { lineWidth: 0 })
}

function modelIndex(run: TrainedRun, name: string): unknown[] | null {
  const { evaluation } = run
  const policies = evaluation && cardPolicies(evaluation)
  if (!evaluation || !policies) return null
  const dataset = hubDataset(run)
  const split = evaluatedSplit(evaluation)
  const metrics = namedMetrics(evaluation, policies.trained)
  const result = {
    task: { type: 'text-generation' },
    dataset: {
      type: dataset?.id ?? evaluation.task,
      name: `${evaluation.task}, ${evaluation.problems.length} problems`,
      ...(split !== null && { split }),
      ...(dataset?.revision != null && { revision: dataset.revision }),
    },
    metrics: metrics.map(({ type, name: metricName, estimate }) => ({ type, value: estimate.value, name: metricName })),
  }
  return [{ name, results: [result] }]
}

/**
 * The entries of `.eval_results/TASK.yaml`, by which the Hub shows results beside the data set's; null for a run that was not
 * evaluated, or on problems that are no data set of the Hub.
 * Source: https://github.com/huggingface/hub-docs/blob/main/eval_results.yaml
 */
export function evalResults(run: TrainedRun): string | null {
  const { evaluation } = run
  const dataset = hubDataset(run)
  const policies = evaluation && cardPolicies(evaluation)
  // The Hub ranks models by these: what was measured on training problems does not belong there.
  if (!evaluation || !policies || !dataset || evaluatedSplit(evaluation) !== 'test') return null
  const { settings, problems, task } = evaluation
  const { measured } = run.baseWeights
  const [metric] = namedMetrics(evaluation, policies.trained)
  if (!metric) return null
  const { low, high, value } = metric.estimate
  const interval =
    low === null || high === null
      ? ''
      : `, ${100 * settings.confidence} % interval ${low.toFixed(4)} to ${high.toFixed(4)}`
  const entry = {
    dataset: { id: dataset.id, task_id: task, ...(dataset.revision !== null && { revision: dataset.revision }) },
    value,
    date: evaluation.createdAt,
    notes: `${metric.name}, as a share from 0 to 1, n = ${problems.length}${interval}; at most ${settings.maxCompletionLength} tokens${measured === null ? '' : `; weights of the base model ${measured}`}`,
  }
  return stringify([entry], { lineWidth: 0 })
}
