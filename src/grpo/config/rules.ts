import { ConfigError } from '../../errors.js'
import { schedulerProblem } from '../../optim/schedulerOptions.js'
import { lossTypes } from '../losses/lossTypes.js'
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

/** A combination of options that is refused, or that is possible but hardly meant. */
interface Rule {
  readonly severity: 'error' | 'warning'
  readonly when: (config: GRPOConfig) => boolean
  /** What is the matter, and what to do about it. */
  readonly say: (config: GRPOConfig) => string
}

/** Losses that average over all tokens of a batch: a ratio of the whole completion favours long ones there. */
const isTokenMean = ({ lossType }: GRPOConfig): boolean => {
  const { term, per } = lossTypes[lossType]
  return term !== 'vespo' && (per === 'microBatch' || per === 'maxLength' || per === 'batch')
}

const evaluates = ({ evalStrategy }: GRPOConfig): boolean => evalStrategy !== 'no'
const hasWarmup = ({ warmupSteps, warmupRatio }: GRPOConfig): boolean => warmupSteps > 0 || warmupRatio > 0
const upperBound = ({ epsilon, epsilonHigh }: GRPOConfig): number => 1 + (epsilonHigh ?? epsilon)
const problemOfSchedule = ({ lrSchedulerType, lrSchedulerKwargs, learningRate }: GRPOConfig): string | null =>
  schedulerProblem(lrSchedulerType, lrSchedulerKwargs, learningRate)

/**
 * Every rule on options together; those that concern one option alone are in its schema. What TRL and transformers run is at most
 * warned of.
 */
const rules: readonly Rule[] = [
  {
    severity: 'warning',
    when: ({ lossType, epsilonHigh }) => lossType === 'cispo' && (epsilonHigh ?? 0) < 1,
    say: ({ epsilon, epsilonHigh }) =>
      `lossType cispo takes epsilonHigh as the cap of the ratio itself, not as a distance from 1: got ` +
      `${epsilonHigh ?? `epsilon = ${epsilon}`}, which would shrink every ` +
      `gradient by that factor even on-policy. Set epsilonHigh to at least 1; ScaleRL recommends 5.`,
  },
  {
    severity: 'error',
    when: ({ advantageEstimator, multiObjectiveAggregation }) =>
      advantageEstimator !== 'grpo' && multiObjectiveAggregation === 'normalize_then_sum',
    say: ({ advantageEstimator }) =>
      `advantageEstimator ${advantageEstimator} does not divide by standard deviations, which ` +
      'multiObjectiveAggregation normalize_then_sum does; leave one of them out',
  },
  {
    severity: 'error',
    when: (config) => !evaluates(config) && (config.loadBestModelAtEnd || config.earlyStoppingPatience !== null),
    say: ({ loadBestModelAtEnd }) =>
      `${loadBestModelAtEnd ? 'loadBestModelAtEnd' : 'earlyStoppingPatience'} needs evaluations: set evalStrategy to steps`,
  },
  {
    severity: 'error',
    when: (config) => evaluates(config) && config.evalTemperature === 0 && config.numGenerationsEval > 1,
    say: ({ numGenerationsEval }) =>
      `numGenerationsEval = ${numGenerationsEval} greedy completions of a problem would all be the same; ` +
      'set evalTemperature above 0, or numGenerationsEval to 1',
  },
  {
    severity: 'warning',
    when: ({ warmupSteps, warmupRatio }) => warmupSteps > 0 && warmupRatio > 0,
    say: ({ warmupSteps }) => `warmupSteps and warmupRatio are both set; warmupSteps = ${warmupSteps} counts.`,
  },
  {
    severity: 'error',
    when: (config) => problemOfSchedule(config) !== null,
    say: (config) => problemOfSchedule(config) ?? '',
  },
  {
    severity: 'warning',
    when: (config) => config.lrSchedulerType === 'constant' && hasWarmup(config),
    say: () => 'lrSchedulerType constant has no warm-up; use constant_with_warmup.',
  },
  {
    severity: 'error',
    when: ({ entropyCoefMin, entropyCoefMax }) => entropyCoefMin > entropyCoefMax,
    say: ({ entropyCoefMin, entropyCoefMax }) =>
      `entropyCoefMin = ${entropyCoefMin} is above entropyCoefMax = ${entropyCoefMax}`,
  },
  {
    severity: 'error',
    when: ({ vllmImportanceSamplingClipMin: min, vllmImportanceSamplingClipMax: max }) =>
      min !== null && max !== null && min >= max,
    say: ({ vllmImportanceSamplingClipMin: min, vllmImportanceSamplingClipMax: max }) =>
      `vllmImportanceSamplingClipMin = ${min} is not below vllmImportanceSamplingClipMax = ${max}`,
  },
  {
    severity: 'error',
    when: (config) =>
      config.vllmImportanceSamplingCorrection &&
      config.vllmImportanceSamplingMode.endsWith('_truncate') &&
      config.vllmImportanceSamplingClipMin === null &&
      config.vllmImportanceSamplingClipMax === null,
    say: ({ vllmImportanceSamplingMode }) =>
      `vllmImportanceSamplingMode ${vllmImportanceSamplingMode} clips to nothing: set vllmImportanceSamplingClipMax, or ` +
      'vllmImportanceSamplingClipMin',
  },
  {
    severity: 'warning',
    when: (config) => config.importanceSamplingLevel === 'sequence' && isTokenMean(config),
    say: ({ lossType }) =>
      `lossType ${lossType} with importanceSamplingLevel sequence favours long completions; GSPO is lossType grpo.`,
  },
  {
    severity: 'warning',
    when: ({ importanceSamplingLevel, lossType }) => importanceSamplingLevel === 'token' && lossType === 'luspo',
    say: () => 'lossType luspo is meant for importanceSamplingLevel sequence.',
  },
  {
    severity: 'warning',
    when: ({ importanceSamplingLevel, lossType }) => importanceSamplingLevel === 'sequence' && lossType === 'vespo',
    say: () => 'lossType vespo weights whole completions by itself; leave importanceSamplingLevel at token.',
  },
  {
    severity: 'warning',
    when: ({ lossType, scaleRewards, advantageEstimator }) =>
      lossType === 'dr_grpo' && scaleRewards !== 'none' && advantageEstimator === 'grpo',
    say: ({ scaleRewards }) =>
      `Dr. GRPO does not divide by the standard deviation: set scaleRewards to none (it is ${scaleRewards}).`,
  },
  {
    severity: 'warning',
    when: (config) => config.delta !== null && config.delta <= upperBound(config),
    say: (config) =>
      `delta = ${config.delta} is not above 1 + epsilonHigh = ${upperBound(config)}, so it replaces that bound.`,
  },
]

function said(severity: Rule['severity'], config: GRPOConfig): string[] {
  return rules.filter((rule) => rule.severity === severity && rule.when(config)).map(({ say }) => say(config))
}

/** Throws {@link ConfigError} for options that cannot work together. */
export function checkCombinations(config: GRPOConfig): void {
  const problems = said('error', config)
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
}

/** What is possible but hardly meant, one sentence each, to be shown once at the start of a run. */
export function configWarnings(config: GRPOConfig): string[] {
  return said('warning', config)
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
