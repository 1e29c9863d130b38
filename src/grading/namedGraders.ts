import { ConfigError } from '../errors.js'
import { choiceGrader } from './choice.js'
import { exactGrader } from './exact.js'
import { mathGrader } from './math/gradeMath.js'
import { grade } from './number.js'
import type { Grader } from './problem.js'

/**
 * How the answers of own problems are compared: as a `number`, by `math` (LaTeX and expressions), `exact` (the same text but for
 * case and space), or as a `choice`, one of the answers that the problems have.
 */
export type GraderName = 'number' | 'math' | 'exact' | 'choice'

export const graderNames = ['number', 'math', 'exact', 'choice'] as const satisfies readonly GraderName[]

/** A grader by its name, for problems with these answers. Throws a {@link ConfigError} for an unknown name. */
export function namedGrader(name: GraderName, answers: readonly string[]): Grader {
  // The type says so, but the name may come from a file or a flag.
  if (!graderNames.includes(name)) {
    throw new ConfigError(`grader is '${name}'; it must be one of ${graderNames.join(', ')}`)
  }
  switch (name) {
    case 'number':
      return grade
    case 'math':
      return mathGrader
    case 'exact':
      return exactGrader
    case 'choice':
      return choiceGrader(Object.fromEntries(answers.map((answer) => [answer.toLowerCase(), [answer.toLowerCase()]])))
  }
}
