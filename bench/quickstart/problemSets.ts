import { HARDER } from '../../src/cli/quickstart/settings.js'
import { wordProblems, wordProblemVariants } from '../../src/tasks/generators/wordProblems/wordProblems.js'
import type { Split, Task } from '../../src/tasks/task.js'

/** Word problems of one variant. */
export interface ProblemSet {
  readonly name: string
  /** In words, as tables call it. */
  readonly description: string
  /** The first problems of a split. */
  readonly task: (split: Split, limit: number) => Task
}

/** The sets that the quickstart measures: the standard problems, and harder ones. */
export const problemSets: readonly ProblemSet[] = ['standard', ...HARDER.map(({ variant }) => variant)].map(problemSet)

/** A set by the name of its variant. Throws an Error for an unknown one. */
export function problemSet(name: string): ProblemSet {
  const variant = wordProblemVariants.find((known) => known === name)
  if (variant === undefined) {
    throw new Error(`there is no set of problems '${name}'; expected one of ${wordProblemVariants.join(', ')}`)
  }
  const known = variant === 'standard' ? 'standard problems' : HARDER.find((set) => set.variant === name)?.description
  return { name, description: known ?? name, task: (split, limit) => wordProblems({ split, variant, limit }) }
}
