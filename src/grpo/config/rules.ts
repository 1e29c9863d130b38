import { ConfigError } from '../../errors.js'
import { schedulerProblem } from '../../optim/schedulerOptions.js'
import type { GRPOConfig } from './config.js'

type GenerationBatchOptions = Pick<
  GRPOConfig,
  'numGenerations' | 'perDeviceTrainBatchSize' | 'gradientAccumulationSteps'
> & { stepsPerGeneration: number | null; generationBatchSize: number | null }

/** Works out how many completions are sampled at a time and how many micro-batches they make. */
export function resolveGenerationBatch(
  options: GenerationBatchOptions,
): Pick<GRPOConfig, 'stepsPerGeneration' | 'generationBatchSize'> {
  const { numGenerations, perDeviceTrainBatchSize, gradientAccumulationSteps } = options
  const stepsPerGeneration =
    options.stepsPerGeneration ??
    (options.generationBatchSize === null
      ? gradientAccumulationSteps
      : options.generationBatchSize / perDeviceTrainBatchSize)
  const generationBatchSize = options.generationBatchSize ?? perDeviceTrainBatchSize * stepsPerGeneration
  if (!Number.isInteger(stepsPerGeneration) || perDeviceTrainBatchSize * stepsPerGeneration !== generationBatchSize) {
    throw new ConfigError(
      options.stepsPerGeneration === null
        ? `generationBatchSize = ${generationBatchSize} must be a multiple of ` +
            `perDeviceTrainBatchSize = ${perDeviceTrainBatchSize}`
        : `generationBatchSize = ${generationBatchSize} must be perDeviceTrainBatchSize × stepsPerGeneration = ` +
            `${perDeviceTrainBatchSize} × ${stepsPerGeneration}; leave one of the two out`,
    )
  }
  if (generationBatchSize % numGenerations !== 0) {
    throw new ConfigError(
      `a generation batch of ${generationBatchSize} completions ` +
        `(perDeviceTrainBatchSize ${perDeviceTrainBatchSize} × stepsPerGeneration ${stepsPerGeneration}) ` +
        `does not hold whole groups of numGenerations = ${numGenerations}; make it a multiple of ${numGenerations}`,
    )
  }
  return { stepsPerGeneration, generationBatchSize }
}

/** Throws {@link ConfigError} for options that cannot work together. */
export function checkCombinations(config: GRPOConfig): void {
  if (config.lossType === 'cispo' && (config.epsilonHigh ?? 0) < 1) {
    throw new ConfigError(
      `lossType cispo takes epsilonHigh as the cap of the ratio itself, not as a distance from 1: got ` +
        `${config.epsilonHigh ?? `epsilon = ${config.epsilon}`}, which would shrink every ` +
        `gradient by that factor even on-policy. Set epsilonHigh to at least 1; ScaleRL recommends 5`,
    )
  }
  if (config.advantageEstimator !== 'grpo' && config.multiObjectiveAggregation === 'normalize_then_sum') {
    throw new ConfigError(
      `advantageEstimator ${config.advantageEstimator} does not divide by standard deviations, which ` +
        'multiObjectiveAggregation normalize_then_sum does; leave one of them out',
    )
  }
  const evaluates = config.evalStrategy !== 'no'
  if (!evaluates && (config.loadBestModelAtEnd || config.earlyStoppingPatience !== null)) {
    const name = config.loadBestModelAtEnd ? 'loadBestModelAtEnd' : 'earlyStoppingPatience'
    throw new ConfigError(`${name} needs evaluations: set evalStrategy to steps`)
  }
  if (evaluates && config.evalTemperature === 0 && config.numGenerationsEval > 1) {
    throw new ConfigError(
      `numGenerationsEval = ${config.numGenerationsEval} greedy completions of a problem would all be the same; ` +
        'set evalTemperature above 0, or numGenerationsEval to 1',
    )
  }
  if (config.warmupSteps > 0 && config.warmupRatio > 0) {
    throw new ConfigError('warmupSteps and warmupRatio are both set; leave one of them out')
  }
  const { lrSchedulerType, lrSchedulerKwargs, learningRate } = config
  const problem = schedulerProblem(lrSchedulerType, lrSchedulerKwargs, learningRate)
  if (problem !== null) throw new ConfigError(problem)
  if (config.lrSchedulerType === 'constant' && (config.warmupSteps > 0 || config.warmupRatio > 0)) {
    throw new ConfigError('lrSchedulerType constant has no warm-up; use constant_with_warmup')
  }
  if (config.entropyCoefMin > config.entropyCoefMax) {
    throw new ConfigError(
      `entropyCoefMin = ${config.entropyCoefMin} is above entropyCoefMax = ${config.entropyCoefMax}`,
    )
  }
}

/** What is possible but hardly meant, one sentence each, to be shown once at the start of a run. */
export function configWarnings(config: GRPOConfig): string[] {
  const { lossType, importanceSamplingLevel, epsilonHigh, epsilon, delta } = config
  const warnings: string[] = []
  if (importanceSamplingLevel === 'sequence' && ['bnpo', 'dr_grpo', 'dapo', 'cispo'].includes(lossType)) {
    warnings.push(
      `lossType ${lossType} with importanceSamplingLevel sequence favours long completions; GSPO is lossType grpo.`,
    )
  }
  if (importanceSamplingLevel === 'token' && lossType === 'luspo') {
    warnings.push('lossType luspo is meant for importanceSamplingLevel sequence.')
  }
  if (importanceSamplingLevel === 'sequence' && lossType === 'vespo') {
    warnings.push('lossType vespo weights whole completions by itself; leave importanceSamplingLevel at token.')
  }
  if (lossType === 'dr_grpo' && config.scaleRewards !== 'none' && config.advantageEstimator === 'grpo') {
    warnings.push(
      `Dr. GRPO does not divide by the standard deviation: set scaleRewards to none (it is ${config.scaleRewards}).`,
    )
  }
  if (delta !== null && delta <= 1 + (epsilonHigh ?? epsilon)) {
    warnings.push(
      `delta = ${delta} is not above 1 + epsilonHigh = ${1 + (epsilonHigh ?? epsilon)}, so it replaces that bound.`,
    )
  }
  return warnings
}

/**
 * Whether log-probabilities have to be computed again when a generation batch was sampled: true when the weights
 * change before the whole batch is used (gradientAccumulationSteps is not a multiple of stepsPerGeneration ×
 * numIterations, as in TRL). Otherwise the ratio is 1.
 */
export function needsOldLogProbs(
  config: Pick<GRPOConfig, 'gradientAccumulationSteps' | 'stepsPerGeneration' | 'numIterations'>,
): boolean {
  return config.gradientAccumulationSteps % (config.stepsPerGeneration * config.numIterations) !== 0
}
