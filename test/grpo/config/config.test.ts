import assert from 'node:assert/strict'
import { ConfigError } from '../../../src/errors.js'
import { grpoConfigSchema, grpoOptions, parseGRPOConfig, type GRPOConfig } from '../../../src/grpo/config/config.js'
import { configWarnings, needsOldLogProbs } from '../../../src/grpo/config/rules.js'

function messageOf(input: Record<string, unknown>): string {
  try {
    parseGRPOConfig(input)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
  assert.fail(`${JSON.stringify(input)} was accepted`)
}

describe('grpo/config', () => {
  it("has TRL 1.16's defaults", () => {
    const config = parseGRPOConfig({})
    const expected: Partial<GRPOConfig> = {
      numGenerations: 8,
      maxCompletionLength: 512,
      temperature: 1,
      topP: 1,
      topK: 0,
      minP: 0,
      repetitionPenalty: 1,
      learningRate: 1e-6,
      beta: 0,
      epsilon: 0.2,
      epsilonHigh: null,
      delta: null,
      numIterations: 1,
      stepsPerGeneration: 1,
      generationBatchSize: 8,
      perDeviceTrainBatchSize: 8,
      gradientAccumulationSteps: 1,
      lossType: 'dapo',
      scaleRewards: 'group',
      rewardWeights: null,
      maskTruncatedCompletions: false,
      useBiasCorrectionKl: true,
      maxGradNorm: 1,
      weightDecay: 0,
      adamBeta1: 0.9,
      adamBeta2: 0.999,
      adamEpsilon: 1e-8,
      lrSchedulerType: 'linear',
      warmupSteps: 0,
      seed: 42,
      loggingSteps: 1,
      shuffleDataset: true,
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(config[name as keyof GRPOConfig], value, name)
  })

  it('takes camelCase and snake_case names', () => {
    const config = parseGRPOConfig({
      num_generations: 4,
      topP: 0.9,
      adam_beta1: 0.8,
      vespo_k_pos: 1,
      lr_scheduler_type: 'cosine',
    })
    assert.deepEqual(
      [config.numGenerations, config.topP, config.adamBeta1, config.vespoKPos, config.lrSchedulerType],
      [4, 0.9, 0.8, 1, 'cosine'],
    )
  })

  it('takes its own complete output, and a partial config of its type', () => {
    const partial: Partial<GRPOConfig> = { gradientAccumulationSteps: 4, lossType: 'dr_grpo' }
    const config = parseGRPOConfig(partial)
    assert.deepEqual(parseGRPOConfig(config), config)
  })

  it('takes booleans for scaleRewards, as TRL', () => {
    assert.equal(parseGRPOConfig({ scaleRewards: true }).scaleRewards, 'group')
    assert.equal(parseGRPOConfig({ scale_rewards: false }).scaleRewards, 'none')
  })

  it('names the nearest option for an unknown one, in the spelling that was used', () => {
    assert.match(messageOf({ numGeneration: 4 }), /unknown option numGeneration; did you mean numGenerations\?/)
    assert.match(messageOf({ learn_rate: 4 }), /unknown option learn_rate; did you mean learning_rate\?/)
    assert.match(messageOf({ max_new_tokens_length: 4 }), /did you mean/)
    assert.match(messageOf({ constructor: 1 }), /unknown option constructor/)
  })

  it('reports every problem at once, with the value and the help text', () => {
    const message = messageOf({ temperature: 0, lossType: 'ppo', topK: 2.5, seeed: 1 })
    assert.match(message, /temperature: .*got 0\. Sampling temperature/)
    assert.match(message, /lossType: expected one of grpo, .*dapo.*, got 'ppo'/)
    assert.match(message, /topK: .*got 2\.5/)
    assert.match(message, /unknown option seeed; did you mean seed/)
  })

  it('refuses values out of range', () => {
    const bad: Record<string, unknown>[] = [
      { numGenerations: 1 },
      { learningRate: NaN },
      { learningRate: '1e-5' },
      { topP: 0 },
      { topP: 1.1 },
      { minP: -0.1 },
      { maxSteps: 0 },
      { maxSteps: -2 },
      { adamBeta2: 1 },
      { topEntropyQuantile: 1.5 },
      { beta: null },
      { stopStrings: [''] },
    ]
    for (const input of bad) assert.match(messageOf(input), new RegExp(`${Object.keys(input)[0]!}(\\.0)?: expected `))
  })

  it('takes settings of the schedule by both spellings, and names what is wrong with them', () => {
    const settings = (lrSchedulerKwargs: unknown): Record<string, unknown> => ({
      lrSchedulerType: 'cosine_with_restarts',
      lrSchedulerKwargs,
    })
    for (const given of [{ num_cycles: 2 }, { numCycles: 2 }]) {
      assert.deepEqual(parseGRPOConfig(settings(given)).lrSchedulerKwargs, { numCycles: 2 })
    }
    assert.deepEqual(parseGRPOConfig(settings(null)).lrSchedulerKwargs, {})
    assert.match(
      messageOf(settings({ num_cycle: 2 })),
      /no schedule has a setting num_cycle; did you mean num_cycles\?/,
    )
    assert.match(messageOf(settings({ num_cycles: 'two' })), /num_cycles: expected a number, got/)
    assert.match(messageOf(settings({ num_cycles: 0 })), /num_cycles: /)
    assert.match(messageOf({ lrSchedulerType: 'greedy' }), /greedy follows the metric of evaluations.*linear, cosine/)
    assert.match(messageOf({ lrSchedulerType: 'reduce_lr_on_plateau' }), /reduce_lr_on_plateau follows the metric/)
    assert.match(messageOf({ lrSchedulerType: 'sine' }), /expected one of linear, cosine.*got 'sine'/)
    assert.match(messageOf({ warmupSteps: 2.5 }), /whole steps, or a fraction below 1/)
  })

  it('refuses an option that is given in both spellings', () => {
    assert.match(messageOf({ topK: 1, top_k: 2 }), /topK is given twice, as topK and as top_k/)
  })

  it('works out the generation batch, and refuses one that does not fit', () => {
    const sizes = (input: Record<string, unknown>): number[] => {
      const { stepsPerGeneration, generationBatchSize } = parseGRPOConfig({ perDeviceTrainBatchSize: 4, ...input })
      return [stepsPerGeneration, generationBatchSize]
    }
    assert.deepEqual(sizes({ gradientAccumulationSteps: 2 }), [2, 8])
    assert.deepEqual(sizes({ stepsPerGeneration: 4 }), [4, 16])
    assert.deepEqual(sizes({ generationBatchSize: 16, gradientAccumulationSteps: 2 }), [4, 16])
    assert.deepEqual(sizes({ generationBatchSize: 16, stepsPerGeneration: 4 }), [4, 16])
    assert.match(messageOf({ perDeviceTrainBatchSize: 4 }), /4 completions.*whole groups of numGenerations = 8/)
    assert.match(messageOf({ generationBatchSize: 12 }), /multiple of perDeviceTrainBatchSize = 8/)
    assert.match(messageOf({ generationBatchSize: 16, stepsPerGeneration: 4 }), /must be .*8 × 4.*leave one/)
  })

  it('refuses combinations that cannot work, and says why', () => {
    assert.match(
      messageOf({ lrSchedulerType: 'linear', lrSchedulerKwargs: { power: 2 } }),
      /linear has no setting power/,
    )
    assert.match(messageOf({ lrSchedulerType: 'cosine_with_min_lr' }), /needs one of min_lr and min_lr_rate.*none/)
    const both = { min_lr: 1e-7, min_lr_rate: 0.1 }
    assert.match(messageOf({ lrSchedulerType: 'cosine_with_min_lr', lrSchedulerKwargs: both }), /got both/)
    assert.match(messageOf({ lrSchedulerType: 'warmup_stable_decay' }), /needs num_decay_steps/)
    assert.match(messageOf({ lrSchedulerType: 'polynomial', learningRate: 1e-8 }), /lr_end = 1e-7.*learningRate = 1e-8/)
    assert.match(messageOf({ entropyCoefMin: 2 }), /entropyCoefMin = 2 is above entropyCoefMax = 1/)
  })

  it('warns of combinations that are hardly meant', () => {
    const warningsOf = (input: Partial<GRPOConfig>): string => configWarnings(parseGRPOConfig(input)).join('\n')
    assert.match(warningsOf({ lossType: 'cispo' }), /cap of the ratio.*epsilon = 0\.2.*at least 1/)
    assert.match(warningsOf({ lossType: 'cispo', epsilonHigh: 0.28 }), /got 0\.28/)
    assert.equal(warningsOf({ lossType: 'cispo', epsilonHigh: 5 }), '')
    assert.equal(warningsOf({}), '')
    assert.equal(warningsOf({ lossType: 'grpo', importanceSamplingLevel: 'sequence' }), '')
    assert.match(warningsOf({ importanceSamplingLevel: 'sequence' }), /GSPO is lossType grpo/)
    assert.match(warningsOf({ lossType: 'luspo' }), /luspo/)
    assert.match(warningsOf({ lossType: 'vespo', importanceSamplingLevel: 'sequence' }), /vespo/)
    assert.match(warningsOf({ lossType: 'dr_grpo' }), /scaleRewards to none/)
    assert.match(warningsOf({ delta: 1.1 }), /delta = 1\.1/)
    assert.equal(warningsOf({ lossType: 'dr_grpo', scaleRewards: 'none', delta: 2 }), '')
  })

  it('knows when log-probabilities at sampling time are needed', () => {
    const needs = (gradientAccumulationSteps: number, stepsPerGeneration: number, numIterations: number): boolean =>
      needsOldLogProbs({ gradientAccumulationSteps, stepsPerGeneration, numIterations })
    assert.equal(needs(2, 2, 1), false)
    assert.equal(needs(4, 2, 1), false)
    assert.equal(needs(2, 2, 2), true)
    assert.equal(needs(3, 2, 1), true)
    assert.equal(needs(2, 8, 1), true)
  })

  it('describes every option with its default', () => {
    const options = grpoOptions()
    assert.deepEqual(
      options.map(({ name }) => name),
      Object.keys(grpoConfigSchema.shape),
    )
    for (const { description, defaultValue } of options) {
      assert.ok(description.endsWith(` Defaults to ${JSON.stringify(defaultValue)}.`), description)
    }
    assert.deepEqual(options.find(({ name }) => name === 'useBiasCorrectionKl')?.trlName, 'use_bias_correction_kl')
  })
})
