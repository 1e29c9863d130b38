import type { Evaluation } from '../../run/evaluation.js'
import type { ReviewLine } from '../../run/reviewsFile.js'
import { pairFinder } from './pairs.js'
import type { ReviewPair } from './pairs.js'

/** What a person chose of a completion of the base and one of the trained model. */
export type Choice = 'trained' | 'base' | 'tie' | 'both_bad'

/** A verdict on a pair that the evaluation holds. */
export interface Judgement {
  readonly line: ReviewLine
  readonly pair: ReviewPair
  readonly choice: Choice
}

/**
 * The verdicts that count: of each reviewer the last one on each pair, unless it was taken back.
 * @returns those on pairs of the evaluation, and how many are on others
 */
export function judgements(
  evaluation: Evaluation,
  lines: readonly ReviewLine[],
): { judged: Judgement[]; outdated: number } {
  const given = latestReviews(lines)
  const find = pairFinder(evaluation)
  const judged = given.flatMap((line) => {
    const pair = find(line)
    return pair ? [{ line, pair, choice: choiceOf(line) }] : []
  })
  return { judged, outdated: given.length - judged.length }
}

/** The last line of each reviewer on each pair, without those that take a verdict back. */
export function latestReviews(lines: readonly ReviewLine[]): ReviewLine[] {
  const latest = new Map(lines.map((line) => [JSON.stringify([line.reviewer, line.pair]), line]))
  return [...latest.values()].filter(({ verdict }) => verdict !== null)
}

/** Which model a verdict prefers. */
function choiceOf({ verdict, left }: ReviewLine): Choice {
  if (verdict === 'left') return left
  if (verdict === 'right') return left === 'base' ? 'trained' : 'base'
  return verdict === 'tie' ? 'tie' : 'both_bad'
}

/** Whether one of the two was preferred. */
export function isPreference({ choice }: Judgement): boolean {
  return choice === 'trained' || choice === 'base'
}

/** Values by what they have in common, in the order in which each group begins. */
export function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group) group.push(value)
    else groups.set(key, [value])
  }
  return groups
}

/** How many values hold a condition. */
export function count<T>(values: readonly T[], holds: (value: T) => boolean): number {
  return values.filter(holds).length
}
