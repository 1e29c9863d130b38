import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** FNV-1a over 32-bit words. */
function hashWords(words: Iterable<number>): number {
  let hash = 0x811c9dc5
  for (const word of words) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((word >>> shift) & 0xff), 0x01000193)
  }
  return hash | 0
}

/**
 * The random numbers of one completion, uniform in [0, 1): they depend on the seed, the prompt and the completion's number
 * within its prompt only. So a completion comes out the same whatever else is in its batch.
 */
export function sequenceRandom(
  seed: number,
  promptIds: readonly number[],
  /** Number of the completion among all of the same prompt. */
  generation: number,
): () => number {
  const random = xoroshiro128plus(hashWords([seed, Math.floor(seed / 2 ** 32), generation, ...promptIds]))
  return () => uniformFloat64(random)
}
