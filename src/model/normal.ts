import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** Normally distributed numbers, two from two uniform ones (Box and Muller 1958). */
export function normal(size: number, deviation: number, random: RandomGenerator): Float32Array {
  const values = new Float32Array(size)
  for (let i = 0; i < size; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - uniformFloat64(random)))
    const angle = 2 * Math.PI * uniformFloat64(random)
    values[i] = radius * Math.cos(angle)
    if (i + 1 < size) values[i + 1] = radius * Math.sin(angle)
  }
  return values
}
