import assert from 'node:assert/strict'
import path from 'node:path'
import { loadTask } from '../../src/tasks/loadTask.js'
import { gradeRoles } from '../../src/grading/roles.js'
import { generatedTask } from '../../src/tasks/generators/generatedTask.js'
import { knightsGenerator } from '../../src/tasks/generators/knights/knightsGenerator.js'
import { claimText, solveKnights } from '../../src/tasks/generators/knights/statements.js'
import type { Claim } from '../../src/tasks/generators/knights/statements.js'
import { knightsProblem } from '../../src/tasks/knightsAndKnaves.js'
import type { Problem } from '../../src/grading/problem.js'
import { requireShared } from '../shared.js'

describe('knights and knaves', () => {
  it('solves a puzzle of Logic-RL', () => {
    const claims: Claim[] = [
      ['or', ['telling-truth', 1], ['lying', 1]],
      ['lying', 2],
      ['or', ['lying', 0], ['lying', 4]],
      ['or', ['telling-truth', 2], ['telling-truth', 4]],
      ['lying', 3],
    ]
    assert.deepEqual(solveKnights(claims), [[true, false, true, true, false]])
    const liar: Claim = ['lying', 0]
    assert.deepEqual(solveKnights([liar]), [])
    assert.deepEqual(solveKnights([['telling-truth', 0]]), [[false], [true]])
    assert.equal(
      claimText(['->', ['lying', 0], ['and', liar, ['telling-truth', 1]]], ['A', 'B']),
      'if A is a knave then A is a knave and B is a knight',
    )
  })

  it('makes up puzzles with exactly one solution, told in full, and explains them', () => {
    for (const problem of generatedTask(knightsGenerator, { limit: 60, difficulty: [2, 6] }).problems) {
      const { names, claims, solution } = problem.columns as { names: string[]; claims: Claim[]; solution: boolean[] }
      assert.deepEqual(solveKnights(claims), [solution])
      for (const claim of claims) assert.ok(problem.question.includes(claimText(claim, names)), problem.question)
      for (const name of names)
        assert.match(problem.question, new RegExp(`${name} (says|remarked|told|put|was)|(to|by) ${name}[,:]`))
      // What is supposed last of everyone is the solution.
      const roles = names.map((name) =>
        problem.solution!.match(new RegExp(`Suppose ${name} is a (\\w+)`, 'g'))!.at(-1)!,
      )
      assert.deepEqual(
        roles.map((role) => role.endsWith('knight')),
        solution,
      )
    }
  })

  it('grades roles, whatever the order and the wording', () => {
    const problem: Problem = {
      id: 'k',
      question: 'Zoey says, "Zoey is a knight."',
      answer: 'Zoey is a knight, Max is a knave',
    }
    const graded = (text: string): string => {
      const { correct, correctLenient } = gradeRoles(text, problem)
      return correct ? 'strict' : correctLenient ? 'lenient' : 'wrong'
    }
    assert.equal(graded('<answer>(1) Zoey is a knight\n(2) Max is a knave</answer>'), 'strict')
    assert.equal(graded('#### max is a knave, and **zoey** is the knight'), 'strict')
    assert.equal(graded('\\boxed{\\text{Zoey is a knight, Max is a knave}}'), 'strict')
    assert.equal(graded('#### Zoey: knight, Max: knave'), 'strict')
    assert.equal(graded('#### Zoey is a knight'), 'wrong')
    assert.equal(graded('#### Zoey is a knight, Max is a knight'), 'wrong')
    assert.equal(graded('#### Zoey is a knight, Zoey is a knave, Max is a knave'), 'wrong')
    assert.equal(graded('#### Zoey is a knight, Max is a knave, Max is a knight'), 'wrong')
    assert.equal(graded('#### Anzoey is a knight, Max is a knave'), 'wrong')
    assert.equal(graded('#### Zoey is not a knight, Max is a knave'), 'wrong')
    assert.equal(graded('If Zoey is a knave… So Zoey is a knight and Max is a knave.'), 'lenient')
    assert.equal(graded('Max is a knave. Zoey says, "Zoey is a knight."'), 'wrong')
    assert.equal(graded(''), 'wrong')
  })

  it('names rows that are malformed', () => {
    const good = { quiz: 'Who?', names: ['A', 'B'], solution: [true, false] }
    assert.equal((knightsProblem(good, 'x', 'gsm8k') as Problem).answer, 'A is a knight, B is a knave')
    assert.match(knightsProblem({ ...good, names: ['A'] }, 'x', 'gsm8k') as string, /1 names and a solution of 2/)
    assert.match(knightsProblem({ ...good, solution: ['yes', 'no'] }, 'x', 'gsm8k') as string, /not true or false/)
    assert.match(knightsProblem({ quiz: 'Who?' }, 'x', 'gsm8k') as string, /no names/)
  })

  it('reads the parquet files of Logic-RL, whose solutions are the only ones', async function () {
    const data = requireShared(this, 'data', 'knights-and-knaves')
    const options = { onMalformedRow: (): void => undefined }
    const test = await loadTask('knights-and-knaves', { data, split: 'test', ...options })
    assert.equal(test.problems.length, 300)
    const five = await loadTask('knights-and-knaves', { data: path.join(data, 'kk_5ppl_test.parquet'), split: 'test' })
    assert.ok(five.problems.every(({ difficulty }) => difficulty === 5))
    for (const problem of test.problems) {
      assert.ok(gradeRoles(problem.solution!, problem).correct)
      assert.equal(gradeRoles(problem.question, problem).correctLenient, false)
    }
    const train = await loadTask('knights-and-knaves', { data, difficulty: 3, ...options })
    assert.ok(train.problems.length > 850 && train.problems.length <= 900, `${train.problems.length}`)
  })
})
