/**
 * What a training loop is made of, for those who write it themselves; `examples/loop.ts` is one in 60 lines. `GRPOTrainer` of
 * `grpo-ts` is made of the same parts.
 */

/** What makes and reads the tensors of {@link grpoLoss}. */
export * as tf from './bundled/tfjs.js'

export { engines } from './engine/registry.js'
export type { EngineEntry } from './engine/registry.js'
export type {
  Engine,
  EngineBudgets,
  EngineInfo,
  EngineModel,
  EngineRow,
  MemoryUse,
  ModelSource,
  Precision,
  Recording,
  RecordOptions,
  RowDropout,
  SamplingDifference,
  TokenIds,
  TokenValues,
  ValuesOptions,
  Workload,
  WorkloadMemory,
} from './engine/engine.js'

export { createTinyModel } from './model/tinyModel.js'
export type { ModelConfig } from './model/config.js'
export type { LoraModule } from './model/loraOptions.js'
export type { LoraAdapter } from './model/lora.js'
export type { Parameter, Parameters } from './model/parameters.js'
export type { Trained } from './policy/trained.js'
export { StreamingDecoder } from './text/streamingDecoder.js'
export { Tokenizer } from './text/tokenizer.js'
export type { ChatMessage } from './text/tokenizer.js'
export { compareTokens } from './policy/compareTokens.js'
export type { ComparedTokens } from './policy/compareTokens.js'
export { scoreTokens } from './policy/score.js'
export type { SequenceToScore, TokenScores } from './policy/score.js'

export { grpoOptions, parseGRPOConfig } from './grpo/config/config.js'
export type { GRPOOption } from './grpo/config/config.js'
export { configWarnings } from './grpo/config/rules.js'
export { parseTrainConfig } from './grpo/config/trainConfig.js'
export type { TrainConfig, TrainOptions } from './grpo/config/trainConfig.js'
export { readTrainConfig } from './grpo/config/readTrainConfig.js'
export { loadRewards } from './rewards/loadReward.js'
export { scoreCompletions } from './rewards/scoreCompletions.js'
export type { Scores } from './rewards/scoreCompletions.js'
export { collectRollouts } from './grpo/rollouts/rollouts.js'
export type { Rollouts, SamplingRun } from './grpo/rollouts/rollouts.js'
export { gradientVariance } from './grpo/gradientVariance.js'
export type { GradientVariance } from './grpo/gradientVariance.js'
export { computeAdvantages } from './grpo/advantages.js'
export type { AdvantageOptions, Advantages } from './grpo/advantages.js'

export { lossValues, unpadRows } from './grpo/update/paddedRows.js'
export type { LossConfig, LossValues } from './grpo/losses/lossValues.js'
export { microBatchLoss } from './grpo/losses/microBatchLoss.js'
export type { MicroBatchLoss } from './grpo/losses/microBatchLoss.js'
export type { BatchPosition } from './grpo/losses/aggregation.js'
export { lossMetrics } from './grpo/losses/lossMetrics.js'
export { grpoLoss } from './grpo/losses/grpoLoss.js'
export type { LossInputs } from './grpo/losses/grpoLoss.js'

export { PolicyUpdate } from './grpo/update/policyUpdate.js'
export type { AppliedUpdate, MicroBatchResult } from './grpo/update/policyUpdate.js'
export type { TrainingRow } from './grpo/update/trainingRow.js'
export { AdamW } from './optim/adamW.js'
export type { AdamWOptions, AdamWState } from './optim/adamW.js'
export { clipGradNorm } from './optim/clipGradNorm.js'
export { learningRateAt } from './optim/learningRateSchedule.js'
export type { LearningRateOptions } from './optim/learningRateSchedule.js'

export { completionMetrics } from './grpo/metrics/completion.js'
export { groupMetrics } from './grpo/metrics/groupMetrics.js'
export { rewardMetrics } from './grpo/metrics/reward.js'
export { describeFinding, RunDiagnosis } from './grpo/diagnosis/runDiagnosis.js'
export type { DiagnosisConfig, FindingName } from './grpo/diagnosis/finding.js'
export { memoryForecast } from './grpo/memory/forecast.js'
export type { MemoryForecast } from './grpo/memory/forecast.js'
export { selfTest } from './selftest/selfTest.js'
export type { SelfTestResult } from './selftest/selfTest.js'

export { parsePretrainConfig } from './pretrain/config.js'
export type { PretrainConfig } from './pretrain/config.js'
export type { PretrainOptions } from './pretrain/options.js'
export { Pretrainer } from './pretrain/pretrainer.js'
export type { PretrainStep } from './pretrain/pretrainer.js'
