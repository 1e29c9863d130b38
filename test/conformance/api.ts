/** What the conformance run uses of grpo-ts; all of it comes through here. */
export { selectBackend } from '../../src/backend/select.js'
export { DataError, UnsupportedError } from '../../src/errors.js'
export { AdamW } from '../../src/grpo/adamW.js'
export { computeAdvantages } from '../../src/grpo/advantages.js'
export { clipGradNorm } from '../../src/grpo/clipGradNorm.js'
export { completionMetrics } from '../../src/grpo/completionMetrics.js'
export { grpoConfigSchema, parseGRPOConfig } from '../../src/grpo/config.js'
export type { GRPOConfig } from '../../src/grpo/config.js'
export { learningRateAt } from '../../src/grpo/learningRateSchedule.js'
export { lossMetrics, policyLoss } from '../../src/grpo/lossMetrics.js'
export type { LossMetricInputs } from '../../src/grpo/lossMetrics.js'
export { grpoLoss } from '../../src/grpo/losses.js'
export type { LossConfig, LossInputs } from '../../src/grpo/losses.js'
export {
  appliedEntropyCoef,
  entropyTotals,
  initialEntropyControl,
  updateEntropyControl,
} from '../../src/grpo/losses/entropyControl.js'
export { importanceSamplingRatio, samplingMetrics } from '../../src/grpo/losses/rolloutImportanceSampling.js'
export type { ImportanceSamplingOptions } from '../../src/grpo/losses/rolloutImportanceSampling.js'
export { PolicyUpdate } from '../../src/grpo/policyUpdate.js'
export { rewardMetrics } from '../../src/grpo/rewardMetrics.js'
export { rowLogProbs } from '../../src/grpo/rowLogProbs.js'
export type { TrainingRow } from '../../src/grpo/trainingRow.js'
export { Safetensors } from '../../src/io/safetensors.js'
export { loadModel } from '../../src/model/causalLM.js'
export type { CausalLM } from '../../src/model/causalLM.js'
export { packGroups } from '../../src/model/packedBatch.js'
export { generate } from '../../src/rollout/generate.js'
export { scoreTokens } from '../../src/rollout/score.js'
export { Tokenizer } from '../../src/text/tokenizer.js'
export type { ChatMessage } from '../../src/text/tokenizer.js'
