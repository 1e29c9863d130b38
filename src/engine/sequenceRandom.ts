import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/**
 * FNV-1a over 32-bit words, then the finaliser of MurmurHash3: without it the hashes of neighbouring inputs, which are the first
 * numbers that the generator gives, would be correlated.
 */
function hashWords(words: Iterable<number>): number {
  let hash = 0x811c9dc5
  for (const word of words) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((word >>> shift) & 0xff), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
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
