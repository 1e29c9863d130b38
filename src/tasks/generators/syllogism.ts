import { choiceGrader, yesOrNo } from '../../grading/choice.js'
import type { Task } from '../task.js'
import { generatedTask } from './generatedTask.js'
import type { GeneratorOptions, ProblemGenerator } from './generatedTask.js'
import type { Random } from './random.js'
import { entails } from './syllogism/entailment.js'
import type { Statement } from './syllogism/entailment.js'
import { explain } from './syllogism/explanation.js'
import { statementText } from './syllogism/wording.js'
import type { Term } from './syllogism/wording.js'
import { classes, properties } from './syllogism/wording.js'

/**
 * Syllogisms: `If all roses are flowers and some flowers fade quickly, can we conclude that some roses fade quickly?` (no).
 * Half of the answers are yes. Difficulty d has d + 1 premises about d + 2 terms. Where it matters whether a class may be
 * empty, opinions differ, so such problems are left out. The same terms are all in the same split.
 */
export function syllogism(options: GeneratorOptions = {}): Task {
  return generatedTask(generator, options)
}

const generator: ProblemGenerator = {
  name: 'syllogism',
  instruction: 'Decide whether the conclusion follows from the premises.',
  answerHint: 'yes or no',
  easiest: 1,
  hardest: 3,
  defaultDifficulty: [1, 2],
  grader: choiceGrader(yesOrNo),
  draw(random, difficulty) {
    const terms = drawTerms(random, difficulty + 2)
    const wanted = random.chance(0.5)
    for (;;) {
      const premises = terms.slice(1).map((_, i) => drawStatement(random, i, i + 1))
      const conclusion = drawStatement(random, 0, terms.length - 1)
      // A property is hard to read as a subject.
      if ([...premises, conclusion].some(({ subject }) => terms[subject]!.isProperty)) continue
      const follows = entails(premises, conclusion, terms.length)
      if (follows !== wanted || entails(premises, conclusion, terms.length, { nonEmpty: true }) !== follows) continue
      const stated = random.shuffle(premises)
      return {
        key: terms
          .map(({ positive }) => positive)
          .toSorted()
          .join('/'),
        question: syllogismQuestion(stated, conclusion, terms),
        answer: follows ? 'yes' : 'no',
        steps: explain(stated, conclusion, terms),
        columns: {
          premises: stated.map((premise) => statementText(premise, terms)),
          conclusion: statementText(conclusion, terms),
        },
      }
    }
  },
}

/** `If all roses are flowers and some flowers fade quickly, can we conclude that some roses fade quickly?` */
export function syllogismQuestion(
  premises: readonly Statement[],
  conclusion: Statement,
  terms: readonly Term[],
): string {
  const texts = premises.map((premise) => statementText(premise, terms))
  const list = texts.length === 2 ? texts.join(' and ') : `${texts.slice(0, -1).join(', ')}, and ${texts.at(-1)!}`
  return `If ${list}, can we conclude that ${statementText(conclusion, terms)}?`
}

/** Different terms, of which only the last one may be a property. */
function drawTerms(random: Random, count: number): Term[] {
  const subjects = random.sample(classes, count)
  return random.chance(0.5) ? [...subjects.slice(0, -1), random.pick(properties)] : subjects
}

/** A statement about two terms, in either order. */
function drawStatement(random: Random, first: number, second: number): Statement {
  const [subject, predicate] = random.chance(0.7) ? [first, second] : [second, first]
  return { quantifier: random.pick(['all', 'no', 'some', 'some-not']), subject, predicate }
}
