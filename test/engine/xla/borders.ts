import assert from 'node:assert/strict'
import type { SamplingOptions } from '../../../src/engine/sampling.js'
import { sequenceRandom } from '../../../src/engine/sequenceRandom.js'

/** How far from a border between two tokens a uniform number may lie to be on it, as a share of the whole distribution. */
const BORDER = 1e-5
/** How far apart the scores of two tokens may be, to be the same up to rounding. */
const TIE = 1e-4

/** A token that another engine draws otherwise. */
export interface OtherDraw {
  /** Of the token, given those before it. */
  readonly logits: ArrayLike<number> // [V]
  /** All tokens before it. */
  readonly history: readonly number[]
  /** The uniform number that it was drawn by. */
  readonly uniform: number
  /** What was drawn on either engine. */
  readonly ids: readonly [number, number]
}

/**
 * Throws unless rounding explains that two engines draw different tokens: each is what the distribution gives for a uniform number,
 * and limits of the filters, that are {@link BORDER} away at most.
 */
export function assertOnBorder({ logits, history, uniform, ids }: OtherDraw, options: SamplingOptions): void {
  const { temperature = 1, repetitionPenalty = 1 } = options
  const seen = new Set(history)
  const scores = Array.from(logits, (logit, id) => {
    if (!seen.has(id)) return logit
    return logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty
  })
  for (const id of ids) {
    if (temperature === 0) {
      assert.ok(Math.max(...scores) - scores[id]! < TIE, `token ${id} is not the likeliest`)
      continue
    }
    const nearest = Math.min(
      ...[-BORDER, 0, BORDER].map((moved) => distanceToDraw(distribution(scores, options, moved), id, uniform)),
    )
    assert.ok(nearest <= BORDER, `token ${id} is ${nearest} away from the uniform number ${uniform}`)
  }
}

/** How far a uniform number is from those that draw a token; infinitely where none does. */
function distanceToDraw(probabilities: readonly number[], id: number, uniform: number): number {
  if (probabilities[id] === 0) return Infinity
  const start = probabilities.slice(0, id).reduce((sum, probability) => sum + probability, 0)
  return Math.max(0, start - uniform, uniform - (start + probabilities[id]!))
}

/** The probability of each token, with the limits of the filters moved a little. */
function distribution(
  scores: readonly number[],
  { temperature = 1, topK = 0, topP = 1, minP = 0 }: SamplingOptions,
  moved: number,
): number[] {
  const sorted = [...scores].sort((a, b) => b - a)
  const weights = sorted.map((score) => Math.exp((score - sorted[0]!) / temperature))
  // What is as likely as the last one that a filter keeps is kept too.
  const slack = TIE * Math.sign(moved)
  let lowest = topK > 0 ? (sorted[topK - 1] ?? -Infinity) - slack : -Infinity
  if (topP < 1) {
    const total = weights.reduce((sum, weight, i) => sum + (sorted[i]! >= lowest ? weight : 0), 0)
    let mass = 0
    const last = weights.findIndex((weight) => (mass += weight) >= (topP + moved) * total)
    lowest = Math.max(lowest, sorted[last] ?? -Infinity)
  }
  if (minP) lowest = Math.max(lowest, sorted[0]! + temperature * Math.log(minP) + slack)
  const kept = scores.map((score) => (score >= lowest ? Math.exp((score - sorted[0]!) / temperature) : 0))
  const total = kept.reduce((sum, weight) => sum + weight, 0)
  return kept.map((weight) => weight / total)
}

/** The uniform number of a token of a completion. */
export function uniformOf(
  promptIds: readonly number[],
  { seed = 0 }: SamplingOptions,
  /** Number of the completion among all of the same prompt. */
  generation: number,
  /** Number of the token in it. */
  place: number,
): number {
  const random = sequenceRandom(seed, promptIds, generation)
  for (let i = 0; i < place; i++) random()
  return random()
}
