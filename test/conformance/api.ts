/** What the conformance run uses of grpo-ts; all of it comes through here. */
export { packGroups } from '../../src/engine/cpu/packedBatch.js'
export { Safetensors } from '../../src/files.js'
export { mathGrader } from '../../src/grading/math/gradeMath.js'
export { grpoConfigSchema } from '../../src/grpo/config/config.js'
export {
  UnsupportedError,
  generate,
  loadModel,
  mergeAdapter,
  rewards as rewardFunctions,
  selectEngine,
} from '../../src/index.js'
export {
  AdamW,
  PolicyUpdate,
  Tokenizer,
  clipGradNorm,
  completionMetrics,
  computeAdvantages,
  grpoOptions,
  grpoLoss,
  learningRateAt,
  microBatchLoss,
  parseGRPOConfig,
  rewardMetrics,
  scoreTokens,
} from '../../src/parts.js'
export { gradeMath } from '../../src/rewards/index.js'
export { mcnemarTest, mcnemarTestOneSided, passAtK, proportionInterval } from '../../src/statistics.js'
export type {
  EngineName,
  EngineOptions,
  CausalLM,
  GRPOConfig,
  LoraOptions,
  Problem,
  RewardFunction,
} from '../../src/index.js'
export type { ChatMessage, LossInputs, LossValues, TrainingRow } from '../../src/parts.js'

// What the trainer works with inside.
export { needsOldLogProbs } from '../../src/grpo/config/rules.js'
export { policyLoss } from '../../src/grpo/losses/lossMetrics.js'
export {
  appliedEntropyCoef,
  entropyTotals,
  initialEntropyControl,
  updateEntropyControl,
} from '../../src/grpo/losses/entropyControl.js'
export type { EntropyControl } from '../../src/grpo/losses/entropyControl.js'
export { importanceSamplingRatio, samplingMetrics } from '../../src/grpo/losses/rolloutImportanceSampling.js'
export { decoderOf, rowValues } from '../fixtures/tensors.js'
