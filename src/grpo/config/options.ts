// Made from schemas by `npm run generate`: change it there.

/** Options of GRPO training: TRL's, by its names in camelCase, and some more (docs/trl.md). All may be left out. */
export interface GRPOOptions {
  /** Completions sampled for each prompt, the group; at least 2. Defaults to 8. */
  readonly numGenerations?: number | undefined
  /** Completions in a micro-batch. Defaults to 8. */
  readonly perDeviceTrainBatchSize?: number | undefined
  /** Micro-batches in an optimizer step. Defaults to 1. */
  readonly gradientAccumulationSteps?: number | undefined
  /** Micro-batches that a generation batch is cut into; null = gradientAccumulationSteps. Defaults to null. */
  readonly stepsPerGeneration?: number | null | undefined
  /** Completions sampled at a time, whole groups; null = perDeviceTrainBatchSize × stepsPerGeneration. Defaults to null. */
  readonly generationBatchSize?: number | null | undefined
  /**
   * Tokens that are trained on together; a longer micro-batch is computed in several passes. null = what leaves 1 GiB
   * of activations. Defaults to null.
   */
  readonly maxTokensPerPass?: number | null | undefined
  /** Times each generation batch is trained on (μ of the paper). Defaults to 1. */
  readonly numIterations?: number | undefined
  /** Optimizer steps; -1 = as many as numTrainEpochs takes. Defaults to -1. */
  readonly maxSteps?: number | undefined
  /** Passes over the prompts, when maxSteps is -1. Defaults to 3. */
  readonly numTrainEpochs?: number | undefined
  /** Whether the prompts are shuffled before each pass. Defaults to true. */
  readonly shuffleDataset?: boolean | undefined
  /** Seed of shuffling and sampling. Defaults to 42. */
  readonly seed?: number | undefined
  /** Longest completion, in tokens. Defaults to 512. */
  readonly maxCompletionLength?: number | undefined
  /** Sampling temperature; the log-probabilities of training are divided by it too. Defaults to 1. */
  readonly temperature?: number | undefined
  /** Sample among the k most likely tokens; 0 = all. Defaults to 0. */
  readonly topK?: number | undefined
  /** Sample among the most likely tokens that together have this probability. Defaults to 1. */
  readonly topP?: number | undefined
  /** Sample among tokens with at least this fraction of the probability of the most likely one; 0 = all. Defaults to 0. */
  readonly minP?: number | null | undefined
  /** Divides positive (multiplies negative) logits of tokens that already occurred; 1 = off. Defaults to 1. */
  readonly repetitionPenalty?: number | undefined
  /** A completion ends when its text contains one of these. Defaults to []. */
  readonly stopStrings?: readonly string[] | undefined
  /** Whether groups whose rewards are all equal are dropped and others sampled in their place (DAPO). Defaults to false. */
  readonly dynamicSampling?: boolean | undefined
  /**
   * With dynamicSampling: rounds of sampling for a generation batch; what is missing then is filled with dropped
   * groups. Defaults to 4.
   */
  readonly maxNumGenBatches?: number | undefined
  /**
   * Whether problems that the policy nearly always or hardly ever solves are passed over four times out of five.
   * Defaults to false.
   */
  readonly difficultyPools?: boolean | undefined
  /** Weight of each reward function, in their order; null = the reward functions' own weights. Defaults to null. */
  readonly rewardWeights?: readonly number[] | null | undefined
  /**
   * Advantage of a completion: grpo, scaled by scaleRewards; dr_grpo, reward minus mean of the group; rloo, reward
   * minus mean of the others. The latter two are not scaled. Defaults to "grpo".
   */
  readonly advantageEstimator?: 'grpo' | 'dr_grpo' | 'rloo' | undefined
  /**
   * Divide advantages by the standard deviation of the group, of the batch, or not; true = group, false = none.
   * Defaults to "group".
   */
  readonly scaleRewards?: 'group' | 'batch' | 'none' | boolean | undefined
  /** Several rewards: sum, then normalize; or normalize each, then sum (GDPO). Defaults to "sum_then_normalize". */
  readonly multiObjectiveAggregation?: 'sum_then_normalize' | 'normalize_then_sum' | undefined
  /** Whether completions that were cut off at maxCompletionLength are left out of the loss. Defaults to false. */
  readonly maskTruncatedCompletions?: boolean | undefined
  /**
   * How the losses of tokens are formed and averaged: dapo over the tokens of the batch, grpo within each completion.
   * Defaults to "dapo".
   */
  readonly lossType?: 'grpo' | 'bnpo' | 'dr_grpo' | 'dapo' | 'cispo' | 'sapo' | 'luspo' | 'vespo' | undefined
  /** Coefficient of the KL divergence to the reference model; 0 = no reference model. Defaults to 0. */
  readonly beta?: number | undefined
  /** Whether the KL term is multiplied by the importance ratio. Defaults to true. */
  readonly useBiasCorrectionKl?: boolean | undefined
  /** The ratio is clipped below at 1 - epsilon. Defaults to 0.2. */
  readonly epsilon?: number | undefined
  /**
   * The ratio is clipped above at 1 + epsilonHigh (DAPO: 0.28); null = epsilon. For cispo the cap itself (5). Defaults
   * to null.
   */
  readonly epsilonHigh?: number | null | undefined
  /**
   * Cap of the ratio for negative advantages too (two-sided clipping); above 1 + epsilonHigh; null = none. Defaults to
   * null.
   */
  readonly delta?: number | null | undefined
  /** Ratio of each token, or one for the completion (GSPO: with lossType grpo). Defaults to "token". */
  readonly importanceSamplingLevel?: 'token' | 'sequence' | undefined
  /**
   * Leaves out completions with negative advantage that lost more than this many nats per token; null = off. Defaults
   * to null.
   */
  readonly offPolicyMaskThreshold?: number | null | undefined
  /**
   * Whether the loss is corrected for a rollout engine whose log-probabilities are not quite those of training;
   * otherwise there is nothing to correct. Defaults to true.
   */
  readonly vllmImportanceSamplingCorrection?: boolean | undefined
  /**
   * Its ratio: of each token, or one for the completion; truncate clips it to the bounds, mask leaves out what is
   * outside them. Defaults to "sequence_mask".
   */
  readonly vllmImportanceSamplingMode?:
    'token_truncate' | 'token_mask' | 'sequence_truncate' | 'sequence_mask' | undefined
  /** Upper bound of that ratio; null = none. Defaults to 3. */
  readonly vllmImportanceSamplingClipMax?: number | null | undefined
  /** Lower bound of that ratio; null = none. Defaults to null. */
  readonly vllmImportanceSamplingClipMin?: number | null | undefined
  /** Fraction of the tokens, those with the highest entropy, that the policy loss acts on; 1 = all. Defaults to 1. */
  readonly topEntropyQuantile?: number | undefined
  /** Coefficient of the entropy bonus; 0 = none. With useAdaptiveEntropy the initial value. Defaults to 0. */
  readonly entropyCoef?: number | undefined
  /** Whether entropyCoef is adapted after each optimizer step. Defaults to false. */
  readonly useAdaptiveEntropy?: boolean | undefined
  /** Adaptive bonus: active while the mean entropy is at most this, in nats. Defaults to 0.2. */
  readonly entropyTarget?: number | undefined
  /** Adaptive bonus: change of the coefficient after a step. Defaults to 0.005. */
  readonly entropyCoefDelta?: number | undefined
  /** Adaptive bonus: smallest coefficient. Defaults to 0. */
  readonly entropyCoefMin?: number | undefined
  /** Adaptive bonus: largest coefficient. Defaults to 1. */
  readonly entropyCoefMax?: number | undefined
  /** sapo: temperature of the gate for positive advantages. Defaults to 1. */
  readonly sapoTemperaturePos?: number | undefined
  /** sapo: temperature of the gate for the other advantages. Defaults to 1.05. */
  readonly sapoTemperatureNeg?: number | undefined
  /** vespo: exponent k for advantages of at least 0. Defaults to 2. */
  readonly vespoKPos?: number | undefined
  /** vespo: decay λ for advantages of at least 0. Defaults to 3. */
  readonly vespoLambdaPos?: number | undefined
  /** vespo: exponent k for negative advantages. Defaults to 3. */
  readonly vespoKNeg?: number | undefined
  /** vespo: decay λ for negative advantages. Defaults to 2. */
  readonly vespoLambdaNeg?: number | undefined
  /** Highest learning rate; for LoRA often 1e-5 to 1e-4. Defaults to 0.000001. */
  readonly learningRate?: number | undefined
  /**
   * Learning rate after the warm-up: to 0 at the last step, to a smallest rate, in three phases, or constant, as in
   * transformers. Defaults to "linear".
   */
  readonly lrSchedulerType?:
    | 'linear'
    | 'cosine'
    | 'cosine_with_restarts'
    | 'polynomial'
    | 'constant'
    | 'constant_with_warmup'
    | 'inverse_sqrt'
    | 'cosine_with_min_lr'
    | 'cosine_warmup_with_min_lr'
    | 'warmup_stable_decay'
    | undefined
  /**
   * Settings of the schedule, such as { num_cycles: 2 } of cosine_with_restarts (docs/trl.md). As a flag in YAML.
   * Defaults to {}.
   */
  readonly lrSchedulerKwargs?:
    | {
        /** Waves of the cosine; of cosine_with_restarts, how often it starts again. */
        readonly numCycles?: number | undefined
        /** Rate that cosine_with_min_lr ends at. */
        readonly minLr?: number | undefined
        /** Rate that cosine_with_min_lr ends at, as a share of learningRate. */
        readonly minLrRate?: number | undefined
        /** Share of learningRate that the warm-up of cosine_warmup_with_min_lr starts at. */
        readonly warmupLrRate?: number | undefined
        /** Rate that polynomial ends at. */
        readonly lrEnd?: number | undefined
        /** Exponent of polynomial. */
        readonly power?: number | undefined
        /** Steps after which inverse_sqrt has come down to √½. */
        readonly timescale?: number | undefined
        /** Steps at the end of warmup_stable_decay. */
        readonly numDecaySteps?: number | undefined
        /** Steps of warmup_stable_decay between warm-up and decay. */
        readonly numStableSteps?: number | undefined
        /** Form of the warm-up of warmup_stable_decay. */
        readonly warmupType?: 'linear' | 'cosine' | '1-sqrt' | undefined
        /** Form of the decay of warmup_stable_decay. */
        readonly decayType?: 'linear' | 'cosine' | '1-sqrt' | undefined
        /** Share of learningRate that warmup_stable_decay starts and ends at. */
        readonly minLrRatio?: number | undefined
      }
    | Readonly<Record<string, unknown>>
    | null
    | undefined
  /** Optimizer steps in which the learning rate rises linearly from 0; below 1 a fraction of all steps. Defaults to 0. */
  readonly warmupSteps?: number | undefined
  /** Warm-up as a fraction of all optimizer steps, instead of warmupSteps. Defaults to 0. */
  readonly warmupRatio?: number | undefined
  /** Decoupled weight decay of AdamW. Defaults to 0. */
  readonly weightDecay?: number | undefined
  /** Decay of AdamW's mean of gradients. Defaults to 0.9. */
  readonly adamBeta1?: number | undefined
  /** Decay of AdamW's mean of squared gradients. Defaults to 0.999. */
  readonly adamBeta2?: number | undefined
  /** Added to AdamW's denominator. Defaults to 1e-8. */
  readonly adamEpsilon?: number | undefined
  /** The norm of all gradients together is clipped to this; 0 = no clipping. Defaults to 1. */
  readonly maxGradNorm?: number | undefined
  /** Whether held-out problems are evaluated, every evalSteps steps. Defaults to "no". */
  readonly evalStrategy?: 'no' | 'steps' | undefined
  /**
   * Optimizer steps between two evaluations; the last step is evaluated too. null = saveSteps (TRL: loggingSteps).
   * Defaults to null.
   */
  readonly evalSteps?: number | null | undefined
  /** Completions of each problem in an evaluation (TRL: numGenerations). Defaults to 1. */
  readonly numGenerationsEval?: number | undefined
  /** Sampling temperature of evaluations; 0 = greedy (TRL: temperature). Defaults to 0. */
  readonly evalTemperature?: number | undefined
  /**
   * Evaluation metric, with or without eval_, that says which checkpoint is best. null = eval_accuracy, without a
   * correctness reward eval_reward. Defaults to null.
   */
  readonly metricForBestModel?: string | null | undefined
  /** Whether a larger metricForBestModel is better. Defaults to true. */
  readonly greaterIsBetter?: boolean | undefined
  /**
   * Whether the adapter of the best evaluation is the result of the run; its checkpoint is kept in any case. Defaults
   * to false.
   */
  readonly loadBestModelAtEnd?: boolean | undefined
  /** The run ends after so many evaluations in a row that were no better than the best; null = never. Defaults to null. */
  readonly earlyStoppingPatience?: number | null | undefined
  /** How much better an evaluation has to be to count as better. Defaults to 0. */
  readonly earlyStoppingThreshold?: number | undefined
  /**
   * Whether checkpoints are saved, in checkpoints/step-N of outputDir: every saveSteps steps, and when the run ends or
   * stops. Defaults to "steps".
   */
  readonly saveStrategy?: 'no' | 'steps' | undefined
  /** Optimizer steps between two checkpoints (TRL: 500). Defaults to 20. */
  readonly saveSteps?: number | undefined
  /** Checkpoints that are kept, the latest; null = all (TRL: null). Defaults to 2. */
  readonly saveTotalLimit?: number | null | undefined
  /**
   * Whether completions.jsonl holds the tokens of each completion with their log-probabilities, some 20 bytes a token.
   * Defaults to true.
   */
  readonly logCompletionTokens?: boolean | undefined
  /**
   * Where metrics go besides metrics.jsonl: tensorboard writes event files, with the tags of transformers, to
   * tensorboard/ of the run. Defaults to [].
   */
  readonly reportTo?: readonly 'tensorboard'[] | 'none' | 'tensorboard' | undefined
  /** Optimizer steps between two lines on the terminal (TRL: 10). Defaults to 1. */
  readonly loggingSteps?: number | undefined
}
