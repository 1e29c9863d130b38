import { createHash } from 'node:crypto'
import { DataError } from '../../errors.js'
import type { Decoding, EvaluatedProblem, Evaluation, PolicyResult, Trace } from '../../run/evaluation.js'
import type { ReviewLine } from '../../run/reviewsFile.js'

/** A completion of the base and one of the trained model, of the same problem and decoded in the same way. */
export interface ReviewPair extends Pick<ReviewLine, 'decoding' | 'sample' | 'pair'> {
  readonly problem: EvaluatedProblem
  readonly base: Trace
  readonly trained: Trace
}

/** Which pairs of an evaluation are asked about. */
export interface ReviewOptions {
  /** How completions were decoded. Defaults to greedy where the evaluation has that, else sampled. */
  readonly decoding?: Decoding | undefined
  /** Of the order of the pairs, and of the sample that is taken of each problem. Defaults to 0. */
  readonly seed?: number | undefined
}

/** What there is to review. */
export interface ReviewPairs {
  /** How completions were decoded. */
  readonly decoding: Decoding
  /** One of each problem whose completions differ, in random order. */
  readonly pairs: readonly ReviewPair[]
  /** Problems to which both models gave the same text: there is nothing to choose. */
  readonly identical: number
}

/**
 * Pairs of an evaluation for people to choose from: of each problem one completion of the first policy (the base) and one of the last
 * (the trained model). Order and samples hang on the seed and the ids of problems alone, so an evaluation of more problems
 * keeps the order of those that it had.
 *
 * Throws a {@link DataError} for an evaluation of one policy, and for one that was not decoded in the way asked for.
 */
export function reviewPairs(evaluation: Evaluation, { decoding: asked, seed = 0 }: ReviewOptions = {}): ReviewPairs {
  const { base, trained } = comparedPolicies(evaluation)
  const decoding = asked ?? (base.greedy && trained.greedy ? 'greedy' : 'sampled')
  if (!base[decoding] || !trained[decoding]) {
    throw new DataError(
      `the evaluation has no ${decoding} completions of both ${base.name} and ${trained.name}; ` +
        `review the ${decoding === 'greedy' ? 'sampled' : 'greedy'} ones, or evaluate again with them`,
    )
  }
  const drawn = evaluation.problems.flatMap((problem, i) => {
    const differing = pairsOf(evaluation, i, decoding).filter((pair) => pair.base.text !== pair.trained.text)
    const pair = differing[randomNumber(seed, 'sample', problem.id) % differing.length]
    return pair ? [{ pair, rank: randomNumber(seed, 'order', problem.id) }] : []
  })
  const pairs = drawn.sort((a, b) => a.rank - b.rank).map(({ pair }) => pair)
  return { decoding, pairs, identical: evaluation.problems.length - pairs.length }
}

/** Finds the pairs that verdicts are about; null where the evaluation has none, or other texts in their place. */
export function pairFinder(evaluation: Evaluation): (line: ReviewLine) => ReviewPair | null {
  const indices = new Map(evaluation.problems.map(({ id }, i) => [id, i]))
  const found = new Map<string, ReviewPair | undefined>()
  return ({ problem, decoding, sample, pair }) => {
    const index = indices.get(problem)
    if (index === undefined || evaluation.policies.length < 2) return null
    const key = JSON.stringify([problem, decoding, sample])
    if (!found.has(key)) found.set(key, pairsOf(evaluation, index, decoding)[sample])
    const there = found.get(key)
    return there?.pair === pair ? there : null
  }
}

/** Whose completion stands at the left for a reviewer: by lot, and the same whenever the pair is asked about. */
export function leftSide(seed: number, reviewer: string, pair: ReviewPair): ReviewLine['left'] {
  return randomNumber(seed, 'side', reviewer, pair.pair) % 2 === 0 ? 'base' : 'trained'
}

/** The first policy of an evaluation and its last one. */
function comparedPolicies({ policies }: Evaluation): { base: PolicyResult; trained: PolicyResult } {
  const [base, trained] = [policies[0]!, policies.at(-1)!]
  if (policies.length > 1) return { base, trained }
  throw new DataError(
    `the evaluation holds only one policy, ${base.name}; expected a model before and after training, as grpo-ts eval RUN measures them`,
  )
}

/** The completions of a problem, those of the same number as a pair. */
function pairsOf(evaluation: Evaluation, index: number, decoding: Decoding): ReviewPair[] {
  const { base, trained } = comparedPolicies(evaluation)
  const problem = evaluation.problems[index]!
  const others = trained[decoding]?.completions[index] ?? []
  return (base[decoding]?.completions[index] ?? []).slice(0, others.length).map((trace, sample) => {
    const after = others[sample]!
    const pair = digest(problem.id, decoding, sample, problem.prompt, problem.question, trace.text, after.text)
    return { problem, decoding, sample, pair: pair.toString('hex', 0, 16), base: trace, trained: after }
  })
}

/** A whole number below 2^48 that hangs on nothing but its parts. */
function randomNumber(...parts: readonly (string | number)[]): number {
  return digest(...parts).readUIntBE(0, 6)
}

function digest(...parts: readonly (string | number)[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest()
}
