import { DataError } from '../errors.js'
import { withoutEcho } from './answerExtraction.js'
import { formsOf, markedAnswer } from './answerForm.js'
import type { Grade, Problem } from './problem.js'

type Role = 'knight' | 'knave'

/** `Zoey is a knight, Oliver is a knave` */
export function rolesText(names: readonly string[], isKnight: readonly boolean[]): string {
  return names.map((name, i) => `${name} is a ${isKnight[i] === true ? 'knight' : 'knave'}`).join(', ')
}

/**
 * Grades who is a knight and who is a knave. Strict: the marked answer gives everyone the right role, and nobody two. Lenient:
 * else an answer marked in another form, else the last role that the text gives everyone. A role after `:` or `=` is understood as well.
 *
 * Throws a {@link DataError} if the gold answer names nobody.
 */
export function gradeRoles(completion: string, problem: Problem, promptText = ''): Grade {
  const gold = readRoles(problem.answer)
  if (gold.size === 0) {
    throw new DataError(
      `problem ${problem.id} has the answer '${problem.answer}'; it must be such as 'Zoey is a knight'`,
    )
  }
  const text = withoutEcho(completion, promptText, problem.question)
  const strict = markedAnswer(text, formsOf(problem))
  const marked = strict ?? markedAnswer(text)
  const names = [...gold.keys()]
  const found = readRoles(marked ?? text, names)
  const isRight = names.every((name) => found.get(name)?.at(-1) === gold.get(name)![0])
  const isUnambiguous = names.every((name) => new Set(found.get(name)).size === 1)
  const given = names.filter((name) => found.has(name)).map((name) => `${name} is a ${found.get(name)!.at(-1)!}`)
  return {
    correct: strict !== null && isRight && isUnambiguous,
    correctLenient: isRight && (marked === null || isUnambiguous),
    extracted: given.length === 0 ? null : given.join(', '),
  }
}

gradeRoles.checksGold = true

gradeRoles.isAnswer = (text: string, problem: Problem): boolean => {
  const names = [...readRoles(problem.answer).keys()]
  return readRoles(text, names).size === names.length
}

/** The roles that a text gives people, in order; `a knight or a knave` is none. Without `names`, of every capitalized name. */
function readRoles(text: string, names: readonly string[] | null = null): Map<string, Role[]> {
  const roles = new Map<string, Role[]>()
  const known = names === null ? null : new Map(names.map((name) => [name.toLowerCase(), name]))
  const plain = text.replace(/\\text(?:bf)?|[*_{}\\$]/g, ' ')
  const pattern =
    /(?<![\p{L}\p{N}]|\bnot\s)(\p{L}[\p{L}'-]*)\s*(?:is|:|=|-|→|–)\s*(?:an?\s+|the\s+)?(knight|knave)(?![\p{L}\p{N}]|\s+or\b)/giu
  for (const [, word, role] of plain.matchAll(pattern)) {
    const name = known === null ? word! : known.get(word!.toLowerCase())
    if (name !== undefined) roles.set(name, [...(roles.get(name) ?? []), role!.toLowerCase() as Role])
  }
  return roles
}
