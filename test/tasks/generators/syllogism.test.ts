import assert from 'node:assert/strict'
import { syllogism, syllogismQuestion } from '../../../src/tasks/generators/syllogism.js'
import { entails } from '../../../src/tasks/generators/syllogism/entailment.js'
import type { Statement } from '../../../src/tasks/generators/syllogism/entailment.js'
import { classTerm, propertyTerm } from '../../../src/tasks/generators/syllogism/wording.js'

const quantifiers = ['all', 'no', 'some', 'some-not'] as const

/** Whether a statement is true where exactly the kinds of a set exist, from its meaning. */
function holds({ quantifier, subject, predicate }: Statement, exists: number): boolean {
  const kinds = Array.from({ length: 8 }, (_, kind) => kind).filter((kind) => (exists >> kind) & 1)
  const subjects = kinds.filter((kind) => (kind >> subject) & 1)
  const both = subjects.filter((kind) => (kind >> predicate) & 1)
  if (quantifier === 'all') return both.length === subjects.length
  if (quantifier === 'no') return both.length === 0
  return quantifier === 'some' ? both.length > 0 : both.length < subjects.length
}

describe('syllogism', () => {
  it('finds the same conclusions to follow as a look at every possible world', () => {
    const figures = [
      [1, 2, 0, 1],
      [2, 1, 0, 1],
      [1, 2, 1, 0],
      [2, 1, 1, 0],
    ] as const
    let valid = 0
    for (const [a, b, c, d] of figures) {
      for (const first of quantifiers) {
        for (const second of quantifiers) {
          for (const third of quantifiers) {
            const premises: Statement[] = [
              { quantifier: first, subject: a, predicate: b },
              { quantifier: second, subject: c, predicate: d },
            ]
            const conclusion: Statement = { quantifier: third, subject: 0, predicate: 2 }
            const worlds = Array.from({ length: 256 }, (_, exists) => exists)
            const follows = (condition: (exists: number) => boolean): boolean =>
              worlds
                .filter((exists) => condition(exists) && premises.every((premise) => holds(premise, exists)))
                .every((exists) => holds(conclusion, exists))
            assert.equal(
              entails(premises, conclusion, 3),
              follows(() => true),
            )
            const hasAllTerms = (exists: number): boolean =>
              [0, 1, 2].every((term) => holds({ quantifier: 'some', subject: term, predicate: term }, exists))
            assert.equal(entails(premises, conclusion, 3, { nonEmpty: true }), follows(hasAllTerms))
            if (follows(() => true)) valid++
          }
        }
      }
    }
    // The fifteen forms that are valid whether classes may be empty or not.
    assert.equal(valid, 15)
  })

  it('answers the question about roses that fade: no', () => {
    const terms = [classTerm('roses'), classTerm('flowers'), propertyTerm('fade quickly')]
    const premises: Statement[] = [
      { quantifier: 'all', subject: 0, predicate: 1 },
      { quantifier: 'some', subject: 1, predicate: 2 },
    ]
    const conclusion: Statement = { quantifier: 'some', subject: 0, predicate: 2 }
    assert.equal(
      syllogismQuestion(premises, conclusion, terms),
      'If all roses are flowers and some flowers fade quickly, can we conclude that some roses fade quickly?',
    )
    assert.equal(entails(premises, conclusion, 3), false)
  })

  it('has about as many problems that follow as that do not, and grades words for both', async () => {
    const { problems } = syllogism({ limit: 300 })
    const yes = problems.filter(({ answer }) => answer === 'yes')
    assert.ok(yes.length > 120 && yes.length < 180, `${yes.length}`)
    const no = problems.find(({ answer }) => answer === 'no')!
    const graded = async (text: string, problem = no): Promise<string> => {
      const { correct, correctLenient, extracted } = await problem.grader!(text, problem)
      return `${correct ? 'strict' : correctLenient ? 'lenient' : 'wrong'} ${extracted}`
    }
    assert.equal(await graded('Let me see.\n#### no'), 'strict no')
    assert.equal(await graded('<think>Yes? They may be others.</think>\n<answer> No. </answer>'), 'lenient no')
    assert.equal(await graded('$\\boxed{\\text{No}}$'), 'lenient no')
    assert.equal(await graded('#### yes'), 'wrong yes')
    assert.equal(await graded('#### no\nOr rather:\n#### yes'), 'wrong yes')
    assert.equal(await graded('#### yes or no'), 'wrong null')
    assert.equal(await graded('Answer: No, we cannot make that conclusion.'), 'lenient no')
    assert.equal(await graded('Yes, some roses fade quickly.'), 'wrong yes')
    assert.equal(await graded('The flowers could be others. The answer is **no**.'), 'lenient no')
    assert.equal(await graded('Therefore, it does not follow.'), 'wrong null')
    assert.equal(await graded('#### yes', yes[0]), 'strict yes')
    assert.equal(await graded(no.question, yes[0]), 'wrong null')
  })
})
