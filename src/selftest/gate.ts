import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { TrainingRow } from '../grpo/update/trainingRow.js'
import type { CausalLM } from '../policy/causalLM.js'
import { generate } from '../policy/generate.js'

/** What a gate measured. */
export interface GateResult {
  /** The largest difference between two numbers that should be equal. */
  readonly measured: number
  /** Up to this the gate is passed. */
  readonly allowed: number
  /** What else has to hold, such as that a difference which should be there is there. Defaults to true. */
  readonly holds?: boolean
  /** What was compared, with further numbers. */
  readonly finding: string
}

/** A property that the numbers of training must have. */
export interface Gate {
  readonly name: string
  readonly run: (model: CausalLM) => Promise<GateResult>
}

/**
 * Most nats by which log-probabilities of the same tokens may differ between two ways to compute them. On the cpu backend they
 * are equal but for the order of additions (1e-5); a defect, such as a shift by one token, makes differences above 0.1.
 */
export const LOG_PROB_TOLERANCE = 1e-3

/** Sampling temperature of the gates: not 1, so that one that is forgotten shows. */
export const TEMPERATURE = 0.7

/** Prompts of random tokens, of different lengths. */
export function testPrompts({ config }: CausalLM, lengths: readonly number[]): number[][] {
  const random = xoroshiro128plus(7)
  return lengths.map((length) => Array.from({ length }, () => uniformInt(random, 0, config.vocabularySize - 1)))
}

/** A policy whose adapter changes something: B is random instead of zero. Runs `body` with it and frees it. */
export async function withRandomAdapter<T>(model: CausalLM, body: (policy: CausalLM) => Promise<T>): Promise<T> {
  const policy = model.withLora({ r: 4, alpha: 8, seed: 1 })
  try {
    const random = xoroshiro128plus(11)
    const adapter = policy.adapter!
    for (const { b } of adapter.entries) {
      for (let i = 0; i < b.values.length; i++) b.values[i] = 0.1 * (uniformFloat64(random) - 0.5)
    }
    adapter.setValues(adapter.values)
    return await body(policy)
  } finally {
    policy.dispose()
  }
}

/** Sampled rows to train on, two for each prompt, with advantages that differ; completions have 4, 5, 6, 7, … tokens. */
export async function sampledRows(policy: CausalLM, promptLengths: readonly number[]): Promise<TrainingRow[]> {
  const prompts = testPrompts(policy, promptLengths)
  const completions = await generate(policy, prompts, {
    maxCompletionLength: 2 * prompts.length + 3,
    numGenerations: 2,
    temperature: TEMPERATURE,
    seed: 3,
    // No token ends a completion, so that their lengths are known.
    eosTokenIds: [],
  })
  return completions.flatMap((group, g) =>
    group.map((completion, i): TrainingRow => {
      const length = 4 + 2 * g + i
      return {
        promptIds: prompts[g]!,
        completionIds: completion.ids.slice(0, length),
        inLoss: true,
        advantage: (i === 0 ? 1.5 : -0.5) - 0.25 * g,
        samplingLogProbs: completion.logProbs.slice(0, length),
        samplingEntropies: completion.entropies.slice(0, length),
        oldLogProbs: null,
        refLogProbs: null,
      }
    }),
  )
}

/** log p of a token after a sequence, computed for it alone. */
export async function tokenLogProb(
  model: CausalLM,
  ids: readonly number[],
  next: number,
  temperature: number,
): Promise<number> {
  const rows = [{ promptIds: ids, completionIds: [next] }]
  const { logProbs } = await model.engineModel.values(rows, { temperature })
  return logProbs[0]![0]!
}

/** The largest |a − b|; infinite where one is NaN, or where the lengths differ. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference
  }
  return largest
}
