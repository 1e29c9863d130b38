import { grpoConfigSchema } from '../../grpo/config/config.js'
import { microBatchLoss } from '../../grpo/losses/microBatchLoss.js'
import { padRows } from '../../grpo/update/paddedRows.js'
import type { Gate } from '../gate.js'
import { largestDifference } from '../gate.js'
import { goldenInputs, goldenLosses } from '../goldenLosses.js'

/** Every loss type gives TRL's loss and TRL's gradients. */
export const goldenLossesGate: Gate = {
  name: 'golden losses',
  run() {
    const rows = goldenInputs.logProbs
    const tokens = Math.max(...rows.map(({ length }) => length))
    const pad = (values: readonly (readonly number[])[]): Float32Array => padRows(values, tokens)!
    const values = {
      shape: [rows.length, tokens] as const,
      logProbs: pad(rows),
      oldLogProbs: pad(goldenInputs.oldLogProbs),
      refLogProbs: pad(goldenInputs.refLogProbs),
      entropies: pad(goldenInputs.entropies),
      samplingLogProbs: null,
      advantages: goldenInputs.advantages,
      completionMask: pad(rows.map((row) => row.map(() => 1))),
    }
    const numItemsInBatch = rows.reduce((sum, { length }) => sum + length, 0)
    let loss = 0
    let gradient = 0
    for (const golden of goldenLosses) {
      const { lossType, importanceSamplingLevel } = golden
      const config = grpoConfigSchema.parse({ lossType, importanceSamplingLevel, beta: 0.04, maxCompletionLength: 16 })
      const position = { numItemsInBatch, gradientAccumulationSteps: 1, stepsPerGeneration: 1, entropyCoef: 0 }
      const computed = microBatchLoss(values, position, config)
      loss = Math.max(loss, largestDifference([computed.loss], [golden.loss]) / Math.max(1, Math.abs(golden.loss)))
      gradient = Math.max(gradient, largestDifference(computed.dLogProbs, pad(golden.gradients)))
    }
    return Promise.resolve({
      measured: Math.max(loss, gradient),
      allowed: 1e-5,
      finding: `${goldenLosses.length} loss types against TRL 1.16: losses ${loss.toExponential(1)}, gradients ${gradient.toExponential(1)} apart`,
    })
  },
}
