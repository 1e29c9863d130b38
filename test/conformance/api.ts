/** What the conformance run uses of grpo-ts; all of it comes through here. */
export {
  AdamW,
  PolicyUpdate,
  Safetensors,
  Tokenizer,
  UnsupportedError,
  clipGradNorm,
  completionMetrics,
  computeAdvantages,
  generate,
  grpoConfigSchema,
  grpoOptions,
  gradeMath,
  grpoLoss,
  learningRateAt,
  loadModel,
  mathGrader,
  mcnemarTest,
  mcnemarTestOneSided,
  mergeAdapter,
  microBatchLoss,
  packGroups,
  parseGRPOConfig,
  passAtK,
  proportionInterval,
  rewardMetrics,
  rewards as rewardFunctions,
  scoreTokens,
  selectEngine,
} from '../../src/index.js'
export type {
  EngineName,
  CausalLM,
  ChatMessage,
  GRPOConfig,
  LoraOptions,
  LossInputs,
  LossValues,
  Problem,
  RewardFunction,
  TrainingRow,
} from '../../src/index.js'

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
