import { leftOutNote } from './trlOptions.js'

/** `num_generations` as `numGenerations`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** `numGenerations` as `num_generations`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** `numGenerations` as `num-generations`. */
export function kebabCase(name: string): string {
  return snakeCase(name).replaceAll('_', '-')
}

/** The known name that takes the fewest changes of a letter to get to, apart from upper and lower case. */
export function nearestName(name: string, known: readonly string[]): string {
  const distances = known.map((candidate) => editDistance(name.toLowerCase(), candidate.toLowerCase()))
  return known[distances.indexOf(Math.min(...distances))]!
}

/** ` (did you mean X?)` where a known name is near, nothing otherwise: a far one would only mislead. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  const changes = editDistance(name.toLowerCase(), nearest.toLowerCase())
  const isNear = changes <= Math.max(1, name.length / 3) || nearest.startsWith(name) || name.startsWith(nearest)
  return isNear ? ` (did you mean ${nearest}?)` : ''
}

/**
 * Options that are given by their camelCase or snake_case names, by their camelCase ones. Adds what is wrong to `problems`: names
 * that are unknown, with the nearest known one, and names that are given twice.
 */
export function optionsByName(
  input: Readonly<Record<string, unknown>>,
  known: readonly string[],
  problems: string[],
): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(input)) {
    const name = camelCase(key)
    if (!known.includes(name)) {
      problems.push(describeUnknownOption(key, known))
    } else if (name in given) {
      problems.push(`${name} is given twice, as ${name} and as ${snakeCase(name)}`)
    } else {
      given[name] = value
    }
  }
  return given
}

/** Options that had another name, by that one, in camelCase. */
const renamedOptions: Readonly<Record<string, string>> = { backend: 'engine' }

/** The name that an option has now that had another one in earlier versions; null for any other name. */
export function renamedOption(name: string): string | null {
  return Object.hasOwn(renamedOptions, name) ? renamedOptions[name]! : null
}

/** What is said of a name that is no option: why, if TRL has it, else the nearest one that is known. */
export function describeUnknownOption(key: string, known: readonly string[]): string {
  const name = camelCase(key)
  const renamed = renamedOption(name)
  if (renamed !== null && known.includes(renamed)) return `${key} is renamed to ${renamed}`
  const note = leftOutNote(key) ?? leftOutNote(snakeCase(name))
  if (note !== null) return `${key} is ${note}`
  const nearest = nearestName(name, known)
  return `unknown option ${key}; did you mean ${key === name ? nearest : snakeCase(nearest)}?`
}

/** Levenshtein distance: insertions, deletions and replacements that turn one string into the other. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    previous = row
  }
  return previous[b.length]!
}
