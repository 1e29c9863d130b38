import { parseGRPOConfig } from '../../../src/grpo/config/config.js'
import type { LossConfig } from '../../../src/grpo/losses/lossValues.js'
import { randomNumbers } from '../referenceLoss.js'
import type { ReferenceInputs } from '../referenceLoss.js'

export const defaults: LossConfig = parseGRPOConfig({ maxCompletionLength: 9 })
const lengths = [7, 0, 3, 5, 1] // the second completion is masked as a whole
const tokens = 7

/** Each entry covers one feature with several loss types; `inputs` changes what is fed. */
export const cases: { name: string; config: Partial<LossConfig>; inputs?: Partial<ReferenceInputs> }[] = [
  ...(['grpo', 'bnpo', 'dr_grpo', 'dapo', 'cispo', 'sapo', 'luspo', 'vespo'] as const).flatMap((lossType) => [
    { name: lossType, config: { lossType, epsilonHigh: lossType === 'cispo' ? 1.2 : null } },
    { name: `${lossType}, on-policy`, config: { lossType }, inputs: { oldLogProbs: null } },
    {
      name: `${lossType}, KL, sequence ratio`,
      config: { lossType, beta: 0.3, importanceSamplingLevel: 'sequence' as const },
    },
  ]),
  { name: 'clip-higher', config: { epsilon: 0.1, epsilonHigh: 0.4 } },
  { name: 'two-sided clipping', config: { epsilonHigh: 0.3, delta: 1.4 } },
  { name: 'cap below the clip range', config: { epsilonHigh: 0.3, delta: 1.1 } },
  { name: 'KL without bias correction', config: { beta: 0.3, useBiasCorrectionKl: false } },
  { name: 'KL on-policy', config: { beta: 0.3 }, inputs: { oldLogProbs: null } },
  { name: 'off-policy mask', config: { offPolicyMaskThreshold: 0.05 } },
  { name: 'high-entropy tokens', config: { topEntropyQuantile: 0.3, beta: 0.1 } },
  { name: 'the highest-entropy token', config: { topEntropyQuantile: 0, lossType: 'cispo', epsilonHigh: 5 } },
  { name: 'entropy bonus', config: { lossType: 'dapo' }, inputs: { entropyCoef: 0.2 } },
  {
    name: 'entropy bonus on high-entropy tokens',
    config: { lossType: 'grpo', topEntropyQuantile: 0.4 },
    inputs: { entropyCoef: 0.2 },
  },
]

/** [B][T] numbers; masked positions hold garbage. */
export function matrix(random: () => number, value: (random: number) => number): number[][] {
  const garbage = [3e38, -3e38, 0, 700, -700]
  return lengths.map((length, i) =>
    Array.from({ length: tokens }, (_, t) => (t < length ? Math.fround(value(random())) : garbage[(i + t) % 5]!)),
  )
}

export function exampleInputs(seed: number): ReferenceInputs {
  const random = randomNumbers(seed)
  const logProbs = matrix(random, (x) => -3 * x - 0.1)
  const near = (width: number): number[][] =>
    matrix(random, (x) => (x - 0.5) * width).map((row, i) =>
      row.map((shift, t) => (t < lengths[i]! ? Math.fround(logProbs[i]![t]! + shift) : shift)),
    )
  return {
    logProbs,
    entropies: matrix(random, (x) => 3 * x),
    oldLogProbs: near(1.2),
    refLogProbs: near(1),
    samplingLogProbs: null,
    mask: lengths.map((length) => Array.from({ length: tokens }, (_, t) => (t < length ? 1 : 0))),
    advantages: [0.9, 0.5, -1.3, -0.4, 0],
    importanceSamplingRatio: null,
    numItemsInBatch: 37,
    gradientAccumulationSteps: 3,
    stepsPerGeneration: 2,
    entropyCoef: 0,
  }
}
