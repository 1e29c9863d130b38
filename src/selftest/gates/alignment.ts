import type { CausalLM } from '../../policy/causalLM.js'
import type { Gate } from '../gate.js'
import { largestDifference, LOG_PROB_TOLERANCE, sampledRows, TEMPERATURE, testPrompts, tokenLogProb } from '../gate.js'

/** log p of the tokens of a completion, each from a forward pass of its own over what stands before it. */
async function stepByStep(
  model: CausalLM,
  promptIds: readonly number[],
  completionIds: readonly number[],
  temperature = TEMPERATURE,
): Promise<number[]> {
  const logProbs: number[] = []
  for (const [t, id] of completionIds.entries()) {
    logProbs.push(await tokenLogProb(model, [...promptIds, ...completionIds.slice(0, t)], id, temperature))
  }
  return logProbs
}

/** A token is scored by the distribution that follows what stands before it: a shift by one spoils the gradient unnoticed. */
export const nextTokenAlignment: Gate = {
  name: 'next-token alignment',
  async run(model) {
    const [first, second] = await sampledRows(model, [6])
    const ids = second!.completionIds
    const expected = await stepByStep(model, first!.promptIds, ids)
    const training = (await model.engineModel.values([first!, second!], { temperature: TEMPERATURE })).logProbs[1]!
    const shifted = await Promise.all(
      ids.map((id, t) => tokenLogProb(model, [...first!.promptIds, ...ids.slice(0, t + 1)], id, TEMPERATURE)),
    )
    const measured = Math.max(
      largestDifference(training, expected),
      largestDifference(second!.samplingLogProbs!, expected),
    )
    const mistake = largestDifference(shifted, expected)
    return {
      measured,
      allowed: LOG_PROB_TOLERANCE,
      holds: mistake > 10 * LOG_PROB_TOLERANCE,
      finding: `sampling and training against one forward pass a token; shifted by one they would be ${mistake.toPrecision(2)} apart`,
    }
  },
}

/** A completion is scored after its own prompt, also where several prompts are computed together. */
export const promptConditioning: Gate = {
  name: 'prompt conditioning',
  async run(model) {
    const [one, two] = testPrompts(model, [6, 4]) as [number[], number[]]
    const [row] = await sampledRows(model, [5])
    const { completionIds } = row!
    const { logProbs } = await model.engineModel.values(
      [one, two].map((promptIds) => ({ promptIds, completionIds })),
      { temperature: TEMPERATURE },
    )
    const expected = [await stepByStep(model, one, completionIds), await stepByStep(model, two, completionIds)]
    const between = largestDifference(expected[0]!, expected[1]!)
    return {
      measured: largestDifference(logProbs.flat(), expected.flat()),
      allowed: LOG_PROB_TOLERANCE,
      holds: between > 10 * LOG_PROB_TOLERANCE,
      finding: `the same completion after two prompts, computed together; the prompts make ${between.toPrecision(2)} of difference`,
    }
  },
}

/** Sampling and training divide the logits by the same temperature. */
export const temperatureParity: Gate = {
  name: 'temperature parity',
  async run(model) {
    const rows = await sampledRows(model, [6, 3])
    const [same, other] = [
      await model.engineModel.values(rows, { temperature: TEMPERATURE }),
      await model.engineModel.values(rows, { temperature: 1 }),
    ]
    const recorded = rows.flatMap(({ samplingLogProbs }) => samplingLogProbs!)
    const entropies = rows.flatMap(({ samplingEntropies }) => samplingEntropies!)
    const mistake = largestDifference(other.logProbs.flat(), recorded)
    return {
      measured: Math.max(
        largestDifference(same.logProbs.flat(), recorded),
        largestDifference(same.entropies.flat(), entropies),
      ),
      allowed: LOG_PROB_TOLERANCE,
      holds: mistake > 10 * LOG_PROB_TOLERANCE,
      finding: `log-probabilities and entropies of sampling at ${TEMPERATURE} in training; at 1 they would be ${mistake.toPrecision(2)} apart`,
    }
  },
}
