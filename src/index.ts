/**
 * GRPO training of reasoning language models: load a model, give it a task and rewards, train, evaluate, publish.
 *
 * Building blocks for a training loop of one's own are in `grpo-ts/parts`, the statistics of evaluations in `grpo-ts/statistics`,
 * readers and writers of files in `grpo-ts/files`.
 */

export { selectEngine } from './engine/registry.js'
export type { EngineOptions } from './engine/engine.js'
export type { DeviceKind } from './xla/devices.js'
export type { EngineName, SelectedEngine } from './engine/registry.js'
export { loadModel } from './policy/loadModel.js'
export type { LoadModelOptions } from './policy/loadModel.js'
export type { CausalLM, Policy } from './policy/causalLM.js'
export type { LoraOptions } from './model/loraOptions.js'
export { generate } from './policy/generate.js'
export type { Completion, SamplingOptions } from './engine/sampling.js'

/** Problems and how they are asked: `tasks.gsm8k(…)`, `tasks.loadTask(name)`, `tasks.defineTask({ … })` and others. */
export * as tasks from './tasks/index.js'
export type { Task } from './tasks/task.js'
export type { Grade, Grader, Problem } from './grading/problem.js'

/** What completions are judged by, and what rewards of one's own are made with. */
export * as rewards from './rewards/index.js'
export type { Reward, RewardFunction, RewardSample } from './rewards/reward.js'

export { preflight } from './grpo/preflight/preflight.js'
export type { PreflightOptions, PreflightReport } from './grpo/preflight/preflight.js'
export type { PreflightCheck } from './grpo/preflight/preflightCheck.js'
export { GRPOTrainer } from './grpo/trainer.js'
export type { StepProgress, TrainingStep } from './grpo/step.js'
export type { GRPOTrainerOptions } from './grpo/trainer.js'
export type { GRPOConfig } from './grpo/config/config.js'
export type { GRPOOptions } from './grpo/config/options.js'
export { findingsOf } from './grpo/diagnosis/findingsOf.js'
export type { Finding } from './grpo/diagnosis/finding.js'
export type { TrainingMetrics } from './grpo/metrics/trainingMetrics.js'
export type { RolloutEngine } from './grpo/rollouts/rolloutEngine.js'
export { rolloutServers } from './grpo/rollouts/servers/rolloutServers.js'
export type {
  RolloutServers,
  RolloutServersOptions,
  RolloutServersSettings,
} from './grpo/rollouts/servers/rolloutServers.js'
export type { RolloutGroup, ScoredCompletion } from './grpo/rollouts/rollouts.js'

export { evaluate } from './eval/evaluate.js'
export type { EvaluateOptions, EvaluationProgress } from './eval/evaluate.js'
export type { Comparison, DecodingResult, Estimate, Evaluation, PairedResult, PolicyResult } from './run/evaluation.js'
export { answerPairs } from './eval/answerPairs.js'
export type { AnswerPair } from './eval/answerPairs.js'
export { describeComparison } from './eval/verdict.js'

export { serveReview } from './review/serveReview.js'
export type { ReviewServer } from './review/serveReview.js'
export type { ReviewSessionOptions } from './review/session.js'
export { readReviewResults } from './eval/review/readResults.js'
export type { ReviewResults } from './eval/review/results.js'
export type { ReviewSummary } from './eval/review/summary.js'

export { mergeAdapter } from './model/mergeAdapter.js'
export type { MergeOptions } from './model/mergeAdapter.js'
export { quantizeModel } from './model/quantizeModel.js'
export type { QuantizedSizes, QuantizeOptions } from './model/quantizeModel.js'
export type { LoadProgress } from './model/weights/forEachTensor.js'
export { pushToHub } from './push/pushToHub.js'
export type { PushOptions, PushResult } from './push/pushToHub.js'
export { completionChecklist } from './report/completionChecklist.js'
export type { ChecklistItem, CompletedRun } from './report/completionChecklist.js'
export { serveReport } from './report/serveReport.js'
export type { ReportServer } from './report/serveReport.js'
export { writeReport } from './report/writeReport.js'

/** What cells of a notebook show their results with: `show.table(rows)`, `show.plot(data, layout)` and others. */
export * as show from './notebook/index.js'
export { experiment } from './notebook/experiment.js'
export type { Experiment } from './notebook/experiment.js'
export { untilInterrupted } from './notebook/untilInterrupted.js'

export * from './errors.js'
