import { extractLastNumber, extractMarkedAnswer } from '../../grading/answerExtraction.js'
import type { MeasuredGroup } from './measuredGroup.js'
import { mean } from './statistics.js'

/** Tokens of an n-gram. */
const NGRAM = 3

/** Completions of a group whose distances are taken, the first ones: 120 pairs, however large the group is. */
const COMPLETIONS_COMPARED = 16

/**
 * How much the completions of a group differ, each as the mean over the groups:
 *
 * - `diversity/unique_completions`: different token sequences in a group, from 1 to numGenerations
 * - `diversity/distinct_answers`: different final answers in a group: the marked answer, else the last number, else the whole
 *   text; a group of G copies has 1
 * - `diversity/pairwise_distance`: mean over the pairs of a group of 1 − |A ∩ B| / |A ∪ B|, where A and B are the sets of
 *   token trigrams of two completions (Jaccard distance): 0 for equal ones, 1 when they share no trigram. Taken over the first
 *   16 completions of a group, so that it costs at most 120 comparisons whatever the size of the group.
 */
export function diversityMetrics(groups: readonly MeasuredGroup<'ids' | 'text'>[]): Record<string, number> {
  if (groups.length === 0) return {}
  return {
    'diversity/unique_completions': mean(
      groups.map(({ completions }) => new Set(completions.map(({ ids }) => ids.join())).size),
    ),
    'diversity/distinct_answers': mean(
      groups.map(({ completions }) => new Set(completions.map(({ text, ids }) => answerOf(text, ids))).size),
    ),
    'diversity/pairwise_distance': mean(
      groups.map(({ completions }) => meanDistance(completions.map(({ ids }) => ids))),
    ),
  }
}

/** What a completion comes to, to be compared with others; without a text, its tokens. */
function answerOf(text: string, ids: readonly number[]): string {
  if (text === '') return ids.join()
  return extractMarkedAnswer(text) ?? extractLastNumber(text) ?? text.trim()
}

/** Mean Jaccard distance of the pairs; 0 for fewer than two. */
export function meanDistance(completions: readonly (readonly number[])[] /* ids of each */): number {
  const sets = completions.slice(0, COMPLETIONS_COMPARED).map(ngrams)
  const distances = sets.flatMap((a, i) => sets.slice(i + 1).map((b) => jaccardDistance(a, b)))
  return distances.length === 0 ? 0 : mean(distances)
}

/** The n-grams of a sequence; one that is shorter than an n-gram is a single gram. */
function ngrams(ids: readonly number[]): Set<string> {
  const last = Math.max(0, ids.length - NGRAM)
  return new Set(Array.from({ length: last + 1 }, (_, start) => ids.slice(start, start + NGRAM).join()))
}

function jaccardDistance(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0
  for (const gram of a) if (b.has(gram)) shared++
  return 1 - shared / (a.size + b.size - shared)
}
