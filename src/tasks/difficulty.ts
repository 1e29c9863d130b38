import { ConfigError } from '../errors.js'

/** A difficulty, or the lowest and the highest one to take. */
export type Difficulty = number | readonly [lowest: number, highest: number]

/** The lowest and the highest difficulty. Throws a {@link ConfigError} unless both are numbers from 0 on in this order. */
export function difficultyRange(difficulty: Difficulty): readonly [number, number] {
  const [lowest, highest] = typeof difficulty === 'number' ? [difficulty, difficulty] : difficulty
  for (const bound of [lowest, highest]) {
    if (!Number.isSafeInteger(bound) || bound < 0) {
      throw new ConfigError(`difficulty is ${String(bound)}; it must be a whole number from 0 on, or two of them`)
    }
  }
  if (lowest > highest) throw new ConfigError(`difficulty is ${lowest} to ${highest}; give the lower one first`)
  return [lowest, highest]
}

/** Reads `3` or `2-4`. Throws a {@link ConfigError}. */
export function parseDifficulty(text: string): Difficulty {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text.trim())
  if (match === null)
    throw new ConfigError(`difficulty is '${text}'; it must be a number such as 3, or a range such as 2-4`)
  return difficultyRange([Number(match[1]), Number(match[2] ?? match[1])])
}
