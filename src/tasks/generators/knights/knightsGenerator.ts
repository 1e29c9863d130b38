import { gradeRoles, rolesText } from '../../../grading/roles.js'
import type { ProblemGenerator } from '../generatedTask.js'
import type { Random } from '../random.js'
import { claimText, explainKnights, solveKnights } from './statements.js'
import type { Claim } from './statements.js'

const NAMES =
  'Ella Zoey Scarlett Henry Amelia Oliver Mason Lily Jack Evelyn Noah Ava Samuel Grace Logan Sofia David Penelope Ethan Luke'
/** The speaker and what is said. */
const tellings: readonly ((name: string, claim: string) => string)[] = [
  (name, claim) => `${name} says, "${claim}."`,
  (name, claim) => `${name} remarked, "${claim}."`,
  (name, claim) => `According to ${name}, "${claim}."`,
  (name, claim) => `In a statement by ${name}: "${claim}."`,
  (name, claim) => `${name} told you that ${claim}.`,
  (name, claim) => `As ${name} put it, "${claim}."`,
  (name, claim) => `${name} was heard saying, "${claim}."`,
]

/** Puzzles in the words of Logic-RL's data, each with exactly one solution. The difficulty is the number of people. */
export const knightsGenerator: ProblemGenerator = {
  name: 'knights-and-knaves',
  instruction: 'Find out who is a knight and who is a knave.',
  answerHint: 'Zoey is a knight, Oliver is a knave, and so on for everyone',
  easiest: 2,
  hardest: 8,
  defaultDifficulty: [2, 4],
  grader: gradeRoles,
  draw(random, difficulty) {
    const names = random.sample(NAMES.split(' '), difficulty)
    for (;;) {
      const claims = names.map((_, person) => drawClaim(random, person, difficulty))
      const solutions = solveKnights(claims)
      if (solutions.length !== 1) continue
      const solution = solutions[0]!
      const list = `${names.slice(0, -1).join(', ')}${difficulty > 2 ? ',' : ''} and ${names.at(-1)!}`
      const sayings = claims.map((claim, person) => random.pick(tellings)(names[person]!, claimText(claim, names)))
      return {
        key: JSON.stringify(claims),
        question:
          'A very special island is inhabited only by knights and knaves. Knights always tell the truth, and knaves ' +
          `always lie. You meet ${difficulty} inhabitants: ${list}. ${sayings.join(' ')} So who is a knight and who is a knave?`,
        answer: rolesText(names, solution),
        steps: explainKnights(claims, names).join('\n'),
        columns: { names, solution, claims },
      }
    }
  },
}

/** Something that a person says about others, or rarely about oneself. */
function drawClaim(random: Random, speaker: number, people: number): Claim {
  const others = Array.from({ length: people }, (_, person) => person).filter((person) => person !== speaker)
  const about = (candidates: readonly number[]): Claim => [
    random.pick(['telling-truth', 'lying'] as const),
    random.pick(candidates),
  ]
  if (random.chance(0.35)) return about(others)
  const first = about(others)
  const second = about([speaker, ...others].filter((person) => person !== first[1]))
  return [random.pick(['and', 'or', '->', '<=>'] as const), first, second]
}
