/** grpo-ts: GRPO training of reasoning language models in TypeScript. */

/** What makes and reads the tensors that some functions take and return. */
export * as tf from './bundled/tfjs.js'

export { selectBackend } from './backend/select.js'
export type { BackendName, SelectedBackend } from './backend/select.js'

export { CausalLM, loadModel } from './model/causalLM.js'
export type { LoadModelOptions } from './model/causalLM.js'
export type { ModelConfig } from './model/config.js'
export { KeyValueCache } from './model/keyValueCache.js'
export type { LoraModule, LoraOptions } from './model/lora.js'
export { createTinyModel } from './model/tinyModel.js'
export { packGroups } from './model/packedBatch.js'
export type { PackedBatch, PackedGroups, PromptGroup } from './model/packedBatch.js'

export { StreamingDecoder } from './text/streamingDecoder.js'
export { Tokenizer } from './text/tokenizer.js'
export type { ChatMessage } from './text/tokenizer.js'

export { generate } from './rollout/generate.js'
export type { Completion, SamplingOptions } from './rollout/generate.js'
export { scoreTokens } from './rollout/score.js'
export type { SequenceToScore, TokenScores } from './rollout/score.js'

export { AdamW } from './optim/adamW.js'
export { computeAdvantages } from './grpo/advantages.js'
export { clipGradNorm } from './optim/clipGradNorm.js'
export { completionMetrics } from './grpo/metrics/completion.js'
export type { Finding, FindingName } from './grpo/diagnosis/finding.js'
export { describeFinding, RunDiagnosis } from './grpo/diagnosis/runDiagnosis.js'
export { preflight } from './grpo/preflight/preflight.js'
export type { PreflightOptions, PreflightReport } from './grpo/preflight/preflight.js'
export type { PreflightCheck } from './grpo/preflight/preflightCheck.js'
export { groupMetrics } from './grpo/metrics/groupMetrics.js'
export { grpoConfigSchema, grpoOptions, parseGRPOConfig } from './grpo/config/config.js'
export type { GRPOConfig } from './grpo/config/config.js'
export { configWarnings } from './grpo/config/rules.js'
export { evaluatePolicy } from './grpo/validation.js'
export { learningRateAt } from './optim/learningRateSchedule.js'
export { grpoLoss } from './grpo/losses/grpoLoss.js'
export type { LossConfig, LossInputs } from './grpo/losses/grpoLoss.js'
export { lossMetrics } from './grpo/losses/lossMetrics.js'
export { checkMemory, memoryForecast } from './grpo/memory/forecast.js'
export type { MemoryForecast } from './grpo/memory/forecast.js'
export type { Illegal } from './grpo/config/legalOptions.js'
export type { GRPOOptions } from './grpo/config/options.js'
export { PolicyUpdate } from './grpo/update/policyUpdate.js'
export { rewardMetrics } from './grpo/metrics/reward.js'
export type { RolloutGroup, ScoredCompletion } from './grpo/rollouts/rollouts.js'
export { GRPOTrainer } from './grpo/trainer.js'
export type { GRPOTrainerOptions, StepProgress, TrainingStep } from './grpo/trainer.js'
export type { TrainingRow } from './grpo/update/trainingRow.js'

export { parsePretrainConfig, pretrainConfigSchema, pretrainLearningRate } from './pretrain/config.js'
export type { PretrainConfig } from './pretrain/config.js'
export type { PretrainOptions } from './pretrain/options.js'
export { Pretrainer } from './pretrain/pretrainer.js'
export type { PretrainStep } from './pretrain/pretrainer.js'

export { arithmetic } from './tasks/generators/arithmetic.js'
export { chainSum } from './tasks/generators/chainSum.js'
export { countdown } from './tasks/generators/countdown.js'
export { syllogism } from './tasks/generators/syllogism.js'
export type { GeneratorOptions } from './tasks/generators/generatedTask.js'
export { fileTask } from './tasks/fileTask.js'
export type { FileTaskOptions, GraderName } from './tasks/fileTask.js'
export { gsm8k } from './tasks/gsm8k.js'
export { codeGrader } from './grading/code/codeGrader.js'
export { humanEval } from './tasks/humanEval.js'
export type { HumanEvalOptions } from './tasks/humanEval.js'
export { knightsAndKnaves } from './tasks/knightsAndKnaves.js'
export { loadTask, problemOfRow, taskNames } from './tasks/loadTask.js'
export { math } from './tasks/math.js'
export { answerForms } from './grading/answerForm.js'
export type { AnswerForm } from './grading/answerForm.js'
export { sums } from './tasks/generators/sums.js'
export type { TaskOptions } from './tasks/taskEntries.js'
export type { Grade, Grader, Problem } from './grading/problem.js'
export type { MalformedRow, Prompt, Split, Task } from './tasks/task.js'
export { wordProblems } from './tasks/generators/wordProblems/wordProblems.js'
export type {
  WordProblem,
  WordProblemOptions,
  WordProblemTask,
  WordProblemVariant,
} from './tasks/generators/wordProblems/wordProblems.js'

export { evaluate } from './eval/evaluate.js'
export type { EvaluateOptions, EvaluationProgress } from './eval/evaluate.js'
export { evaluationSchema } from './eval/evaluation.js'
export type { Comparison, DecodingResult, Estimate, Evaluation, PairedResult, PolicyResult } from './eval/evaluation.js'
export { readEvaluation, writeEvaluation } from './eval/evaluationFile.js'
export { describeComparison } from './eval/verdict.js'
export { bootstrapIntervals } from './eval/statistics/bootstrap.js'
export { clusteredInterval } from './eval/statistics/clusteredInterval.js'
export { statisticsReady } from './eval/statistics/distributions.js'
export { majorityCorrect } from './eval/statistics/majority.js'
export { mcnemarTest, mcnemarTestOneSided } from './eval/statistics/mcnemar.js'
export { pairedInterval } from './eval/statistics/pairedInterval.js'
export { passAtK } from './eval/statistics/passAtK.js'
export { mcnemarPower, problemsNeeded } from './eval/statistics/power.js'
export { signFlipTest } from './eval/statistics/permutationTest.js'
export { proportionInterval } from './eval/statistics/proportionInterval.js'

export { selfTest } from './selftest/selfTest.js'
export type { SelfTestResult } from './selftest/selfTest.js'
export { runCode } from './sandbox/runCode.js'
export type { RunCodeOptions } from './sandbox/runCode.js'
export type { CodeLanguage, CodeRun, CodeVerdict } from './sandbox/codeRun.js'

export * as rewards from './rewards/index.js'
export { gradeMath, mathGrader } from './grading/math/gradeMath.js'
export type { GradeMathOptions } from './grading/math/gradeMath.js'
export { mathEqual } from './grading/math/mathEqual.js'
export type { MathEqualOptions } from './grading/math/mathEqual.js'
export { lintReward } from './rewards/lint/lintReward.js'
export type { LintOptions, LintReport, LintRow } from './rewards/lint/lintReward.js'
export { analyseReasoning } from './grading/reasoning/analyseReasoning.js'
export type { ReasoningAnalysis } from './grading/reasoning/analyseReasoning.js'
export type { Calculation } from './grading/reasoning/calculations.js'
export type { SelfCorrection } from './grading/reasoning/selfCorrections.js'
export type {
  BatchRewardCallback,
  Reward,
  RewardCallback,
  RewardFunction,
  RewardInput,
  RewardSample,
} from './rewards/index.js'

export { mergeAdapter } from './model/mergeAdapter.js'
export type { MergeOptions } from './model/mergeAdapter.js'

export { pushToHub } from './push/pushToHub.js'
export type { PushOptions, PushResult } from './push/pushToHub.js'
export { downloadDataset } from './hub/datasetFiles.js'
export type { DatasetOptions } from './hub/datasetFiles.js'
export { downloadModel } from './hub/modelFiles.js'
export type { DownloadOptions, DownloadProgress, Snapshot } from './hub/download.js'
export { serveReport } from './report/serveReport.js'
export type { ReportServer } from './report/serveReport.js'
export { writeReport } from './report/writeReport.js'

/** What cells of a notebook show their results with: `show.table(rows)`, `show.plot(data, layout)` and others. */
export * as show from './notebook/index.js'
export { untilInterrupted } from './notebook/untilInterrupted.js'

export * from './errors.js'
export { Safetensors } from './io/safetensors.js'
export { TensorBoardWriter } from './io/tensorBoardWriter.js'
export { writeSafetensors } from './io/safetensorsWriter.js'
