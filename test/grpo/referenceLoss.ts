import type { LossConfig } from '../../src/grpo/losses/lossValues.js'

type Matrix = readonly (readonly number[])[]

export interface ReferenceInputs {
  logProbs: Matrix
  entropies: Matrix
  oldLogProbs: Matrix | null
  refLogProbs: Matrix
  samplingLogProbs: Matrix | null
  mask: Matrix
  advantages: readonly number[]
  /** [B][T] or [B][1] */
  importanceSamplingRatio: Matrix | null
  numItemsInBatch: number
  gradientAccumulationSteps: number
  stepsPerGeneration: number
  entropyCoef: number
}

/**
 * The loss in f64 and plain loops over the unmasked tokens, written from the papers' formulas. `constant` are the
 * log-probabilities wherever the formula carries no gradient, so that differences with respect to `logProbs` give the
 * gradient that training uses.
 */
export function referenceLoss(inputs: ReferenceInputs, config: LossConfig, constant: Matrix = inputs.logProbs): number {
  const rows = inputs.advantages.length
  const sumOfRow: number[] = []
  const lengths: number[] = []
  const threshold = entropyThreshold(inputs, config.topEntropyQuantile)
  let entropySum = 0
  let entropyCount = 0
  for (let i = 0; i < rows; i++) {
    const advantage = inputs.advantages[i]!
    const tokens = inputs.mask[i]!.flatMap((kept, t) => (kept === 1 ? [t] : []))
    const old = inputs.oldLogProbs ?? constant
    const length = Math.max(tokens.length, 1)
    const meanLogRatio = (current: Matrix): number =>
      tokens.reduce((sum, t) => sum + current[i]![t]! - old[i]![t]!, 0) / length
    const ratioOf = (current: Matrix, t: number): number =>
      Math.exp(config.importanceSamplingLevel === 'token' ? current[i]![t]! - old[i]![t]! : meanLogRatio(current))
    const sampler = inputs.samplingLogProbs ?? old
    const divergence = tokens.reduce((sum, t) => sum + sampler[i]![t]! - constant[i]![t]!, 0) / length
    const isDropped =
      config.offPolicyMaskThreshold !== null && advantage < 0 && divergence > config.offPolicyMaskThreshold
    let sum = 0
    for (const t of tokens) {
      const logProb = inputs.logProbs[i]![t]!
      const ratio = ratioOf(inputs.logProbs, t)
      let loss = isDropped ? 0 : policyTerm(config, ratio, advantage)
      if (!isDropped && config.lossType === 'cispo') {
        loss = -Math.min(ratioOf(constant, t), config.epsilonHigh ?? config.epsilon) * advantage * logProb
      }
      if (!isDropped && config.lossType === 'vespo') {
        loss = -phi(inputs, config, constant, i, tokens) * advantage * logProb
      }
      if (inputs.entropies[i]![t]! >= threshold) {
        entropySum += inputs.entropies[i]![t]!
        entropyCount += 1
      } else {
        loss = 0
      }
      if (inputs.importanceSamplingRatio !== null && config.lossType !== 'vespo') {
        const row = inputs.importanceSamplingRatio[i]!
        loss *= row.length === 1 ? row[0]! : row[t]!
      }
      const d = inputs.refLogProbs[i]![t]! - logProb
      loss += config.beta * (Math.exp(d) - 1 - d) * (config.useBiasCorrectionKl ? ratio : 1)
      sum += loss
    }
    sumOfRow.push(sum)
    lengths.push(tokens.length)
  }
  const total = sumOfRow.reduce((a, b) => a + b, 0)
  const numTokens = lengths.reduce((a, b) => a + b, 0)
  const steps = inputs.gradientAccumulationSteps
  const policy = {
    grpo: sumOfRow.reduce((sum, x, i) => sum + x / Math.max(lengths[i]!, 1), 0) / rows / steps,
    sapo: sumOfRow.reduce((sum, x, i) => sum + x / Math.max(lengths[i]!, 1), 0) / rows / steps,
    bnpo: total / numTokens / steps,
    luspo: total / rows / steps,
    dr_grpo: total / (rows * config.maxCompletionLength) / steps,
    dapo: total / ((inputs.numItemsInBatch / inputs.stepsPerGeneration) * steps),
    cispo: total / ((inputs.numItemsInBatch / inputs.stepsPerGeneration) * steps),
    vespo: total / ((inputs.numItemsInBatch / inputs.stepsPerGeneration) * steps),
  }[config.lossType]
  return policy - (inputs.entropyCoef * entropySum) / Math.max(entropyCount, 1) / steps
}

function policyTerm(config: LossConfig, ratio: number, advantage: number): number {
  if (config.lossType === 'sapo') {
    const temperature = advantage > 0 ? config.sapoTemperaturePos : config.sapoTemperatureNeg
    return ((-advantage * 4) / temperature) * (1 / (1 + Math.exp(-temperature * (ratio - 1))))
  }
  const low = 1 - config.epsilon
  const high = 1 + (config.epsilonHigh ?? config.epsilon)
  const clipped = ratio < low ? low : ratio > high ? high : ratio
  const capped = config.delta !== null && ratio > config.delta ? config.delta : ratio
  return -Math.min(capped * advantage, clipped * advantage)
}

function phi(inputs: ReferenceInputs, config: LossConfig, constant: Matrix, i: number, tokens: number[]): number {
  const old = inputs.oldLogProbs ?? constant
  let logW = 0
  for (const t of tokens) logW += Math.max(-20, Math.min(20, constant[i]![t]! - old[i]![t]!))
  const correction = inputs.importanceSamplingRatio?.[i] ?? []
  const counted = correction.length === 1 ? correction : tokens.map((t) => correction[t] ?? 1)
  for (const ratio of counted) logW += Math.log(Math.max(ratio, 1e-8))
  const w = Math.max(1e-8, Math.min(Math.exp(20), Math.exp(logW)))
  const [k, lambda] =
    inputs.advantages[i]! >= 0 ? [config.vespoKPos, config.vespoLambdaPos] : [config.vespoKNeg, config.vespoLambdaNeg]
  return Math.exp(lambda) * w ** k * Math.exp(-lambda * w)
}

function entropyThreshold({ entropies, mask }: ReferenceInputs, topEntropyQuantile: number): number {
  if (topEntropyQuantile === 1) return -Infinity
  const sorted = entropies.flatMap((row, i) => row.filter((_, t) => mask[i]![t] === 1)).sort((a, b) => a - b)
  const position = (1 - topEntropyQuantile) * (sorted.length - 1)
  const below = Math.floor(position)
  return sorted[below]! * (1 - (position - below)) + (sorted[below + 1] ?? 0) * (position - below)
}

/** Deterministic numbers in [0, 1): mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}

/** Central differences of the reference with respect to one of its matrices; 0 at masked positions. */
export function differences(inputs: ReferenceInputs, config: LossConfig, name: 'logProbs' | 'entropies'): number[] {
  const h = 1e-5
  return inputs[name].flatMap((row, i) =>
    row.map((_, t) => {
      if (inputs.mask[i]![t] === 0) return 0
      const shifted = (by: number): number => {
        const rows = inputs[name].map((r, j) => r.map((x, u) => (i === j && t === u ? x + by : x)))
        return referenceLoss({ ...inputs, [name]: rows }, config, inputs.logProbs)
      }
      return (shifted(h) - shifted(-h)) / (2 * h)
    }),
  )
}
