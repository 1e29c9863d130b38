import type { EvaluationProgress } from '../../../eval/evaluate.js'
import type { Evaluation } from '../../../run/evaluation.js'
import { describeComparison } from '../../../eval/verdict.js'
import type { Streams } from '../../terminal/streams.js'
import { Progress } from '../../terminal/progress.js'
import { formatEvaluation } from './evalTable.js'
import { formatTraces } from './evalTraces.js'

/** A bar on a terminal, and a line for each policy and way of decoding. */
export function showEvaluationProgress(stream: Streams['stderr']): {
  update: (progress: EvaluationProgress) => void
  stop: () => void
} {
  let bar: Progress | null = null
  let stage = ''
  return {
    update: ({ policy, decoding, phase, done, total, tokens }) => {
      bar ??= new Progress(stream, total, 'completions')
      if (stage !== `${policy}, ${decoding}`) {
        stage = `${policy}, ${decoding}`
        bar.log(stage)
      }
      bar.update(done, `${stage}: ${phase === 'grading' ? 'grading' : `${tokens} tokens`}`)
    },
    stop: () => {
      bar?.stop()
    },
  }
}

/** The table of all policies, what their differences show, and completions of `traces` problems that changed either way. */
export function describeEvaluation(evaluation: Evaluation, traces: number): string {
  const { task, problems, comparisons, settings } = evaluation
  const parts = [
    `${task}: ${problems.length} problem${problems.length === 1 ? '' : 's'}, ${100 * settings.confidence} % intervals in brackets\n`,
    formatEvaluation(evaluation),
    ...comparisons.map((comparison) => `${describeComparison(comparison, settings).join('\n')}\n`),
    formatTraces(evaluation, traces),
  ]
  return parts.filter((part) => part !== '').join('\n')
}
