import { PolicyUpdate } from '../../grpo/update/policyUpdate.js'
import type { TrainingRow } from '../../grpo/update/trainingRow.js'
import { generate } from '../../policy/generate.js'
import type { Gate } from '../gate.js'
import {
  largestDifference,
  LOG_PROB_TOLERANCE,
  sampledRows,
  TEMPERATURE,
  testPrompts,
  withRandomAdapter,
} from '../gate.js'
import { gateConfig } from '../gateConfig.js'

/** Rows of different lengths that are computed together have the values that each has alone: nothing pads, nothing leaks. */
export const paddingInvariance: Gate = {
  name: 'padding invariance',
  async run(model) {
    const rows = await sampledRows(model, [7, 3, 5])
    const together = await model.engineModel.values(rows, { temperature: TEMPERATURE })
    const alone: number[] = []
    for (const row of rows) {
      // A prompt of its own, which no neighbour shares.
      const own = [{ ...row, promptIds: [...row.promptIds] }]
      alone.push(...(await model.engineModel.values(own, { temperature: TEMPERATURE })).logProbs.flat())
    }
    return {
      measured: largestDifference(together.logProbs.flat(), alone),
      allowed: LOG_PROB_TOLERANCE,
      finding: `${rows.length} rows of ${rows[0]!.completionIds.length} to ${rows.at(-1)!.completionIds.length} tokens together and alone`,
    }
  },
}

/** A completion does not depend on what else is sampled with it. */
export const batchComposition: Gate = {
  name: 'batch composition',
  async run(model) {
    const prompts = testPrompts(model, [6, 3, 9])
    const options = { maxCompletionLength: 8, numGenerations: 2, temperature: TEMPERATURE, seed: 5, eosTokenIds: [] }
    const together = await generate(model, prompts, options)
    const alone = (await Promise.all(prompts.map((prompt) => generate(model, [prompt], options)))).flat()
    const flat = (groups: typeof together): { ids: number[]; logProbs: number[] } => ({
      ids: groups.flat().flatMap(({ ids }) => ids),
      logProbs: groups.flat().flatMap(({ logProbs }) => logProbs),
    })
    const [a, b] = [flat(together), flat(alone)]
    const same = a.ids.every((id, i) => id === b.ids[i])
    return {
      measured: largestDifference(a.logProbs, b.logProbs),
      allowed: LOG_PROB_TOLERANCE,
      holds: same,
      finding: `${prompts.length} prompts sampled together and alone: ${same ? 'the same tokens' : 'other tokens'}`,
    }
  },
}

/** Micro-batches add up to the gradient of the whole batch. */
export const microBatches: Gate = {
  name: 'micro-batches',
  run: (model) =>
    withRandomAdapter(model, async (policy) => {
      const rows = await sampledRows(policy, [6, 4])
      const numItemsInBatch = rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
      const gradientsOf = async (parts: readonly (readonly TrainingRow[])[]): Promise<Float32Array> => {
        const update = new PolicyUpdate(policy, gateConfig({}), 1)
        const position = { numItemsInBatch, gradientAccumulationSteps: parts.length, stepsPerGeneration: parts.length }
        for (const part of parts) await update.accumulate(part, position)
        return update.gradients
      }
      const whole = await gradientsOf([rows])
      const cut = await gradientsOf(rows.map((row) => [row]))
      const largest = whole.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
      return {
        measured: largestDifference(whole, cut) / largest,
        allowed: 1e-3,
        holds: largest > 0,
        finding: `gradients of ${rows.length} rows at once and one by one, relative to the largest (${largest.toPrecision(2)})`,
      }
    }),
}
