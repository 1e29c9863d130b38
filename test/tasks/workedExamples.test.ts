import assert from 'node:assert/strict'
import { ConfigError } from '../../src/errors.js'
import { embeddedModelFolder, embeddedModels } from '../../src/hub/embeddedModels.js'
import { gradeOf } from '../../src/grading/gradeOf.js'
import { loadTask, problemOfRow } from '../../src/tasks/loadTask.js'
import type { Problem } from '../../src/grading/problem.js'
import { workedExamples } from '../../src/tasks/workedExamples.js'
import { Tokenizer } from '../../src/text/tokenizer.js'

const [apples, roses, palindrome] = workedExamples().problems as [Problem, Problem, Problem]
const code = (program: string): string => `I expand around centers.\n\`\`\`javascript\n${program}\n\`\`\``

/** Strict, lenient or wrong. */
async function graded(problem: Problem, completion: string): Promise<string> {
  const { correct, correctLenient } = await gradeOf(completion, problem)
  return correct ? 'right' : correctLenient ? 'right in another form' : 'wrong'
}

describe('worked examples', () => {
  it('grades what the tutorial shows of a base and of a trained model', async () => {
    const steps = '1. Let Tom have x apples\n2. Then Sarah has 3x apples\n3. x + 3x = 24\n4. So x = 6\n5. 3 × 6 = 18'
    assert.equal(await graded(apples, `${steps}\n#### 18`), 'right')
    assert.equal(await graded(apples, 'Sarah has 18 apples.'), 'right in another form')
    assert.equal(await graded(apples, `${steps}\n#### 6`), 'wrong')
    assert.equal(await graded(roses, 'The fading flowers could be non-roses.\n#### No'), 'right')
    assert.equal(await graded(roses, 'No, we cannot make that conclusion.'), 'right in another form')
    assert.equal(await graded(roses, 'Yes, some roses fade quickly.'), 'wrong')
  })

  it('runs programs on what is easily forgotten', async () => {
    const all = `const longestPalindrome = (s) => {
  let best = ''
  for (let i = 0; i < s.length; i++)
    for (let j = s.length; j - i > best.length; j--) {
      const part = s.slice(i, j)
      if (part === [...part].reverse().join('')) best = part
    }
  return best
}`
    assert.equal(await graded(palindrome, code(all)), 'right')
    assert.equal(await graded(palindrome, all), 'right')
    // Each of these solves the usual examples.
    const faulty = {
      'even lengths': all.replace('if (part', 'if (part.length % 2 === 1 && part'),
      'odd lengths': all.replace('if (part', 'if (part.length % 2 === 0 && part'),
      'the empty string': all.replace("let best = ''", 'if (s === "") return null\n  let best = ""'),
      'single characters': all.replace('if (part', 'if (part.length > 1 && part'),
      'palindromes at the end': all.replace('let j = s.length;', 'let j = s.length - 1;'),
      'palindromes at the start': all.replace('let i = 0', 'let i = 1'),
      'long strings': all.replace('let best', 's = s.slice(0, 200)\n  let best'),
    }
    for (const [what, program] of Object.entries(faulty)) {
      assert.notEqual(program, all)
      const grade = await gradeOf(code(program), palindrome)
      assert.equal(grade.correctLenient, false, what)
      assert.match(grade.reason!, /longestPalindrome\('.*'\) is .*, expected a/, what)
    }
    assert.equal(await graded(palindrome, code('function longestPalindrome(s) { return s }')), 'wrong')
    assert.equal(await graded(palindrome, 'I would expand around centers.'), 'wrong')
  })

  it('says in each prompt how its answer is given, or what is asked for', () => {
    const tokenizer = Tokenizer.load(embeddedModelFolder(embeddedModels[0])!)
    const task = workedExamples()
    const systems = task.problems.map((problem) => task.prompt(problem, tokenizer).messages![0]!)
    assert.deepEqual(systems.map(({ role }) => role), ['system', 'system', 'system']) // prettier-ignore
    for (const [i, pattern] of [/#### <number>/, /#### <yes or no>/, /one code block/].entries()) {
      assert.match(systems[i]!.content, pattern)
    }
    const think = workedExamples({ reasoningFormat: 'think' })
    for (const problem of think.problems) {
      assert.match(think.prompt(problem, tokenizer).messages![0]!.content, /<answer>/)
    }
    const asked = workedExamples({ systemPrompt: 'Think.' })
    for (const problem of asked.problems) {
      const [system, user, ...rest] = asked.prompt(problem, tokenizer).messages!
      assert.deepEqual([system!.content, user!.content, rest], ['Think.', problem.question, []])
    }
    const none = workedExamples({ systemPrompt: null })
    assert.equal(none.prompt(none.problems[0]!, tokenizer).messages!.length, 1)
    assert.equal(none.prompt(none.problems[0]!, null).text, `Question: ${apples.question}\nAnswer:`)
  })

  it('is loaded by its name as a test set, which nothing is trained on', async () => {
    assert.equal((await loadTask('worked-examples')).problems.length, 3)
    assert.equal((await loadTask('worked-examples', { split: 'test', seed: 3, limit: 2 })).problems.length, 2)
    await assert.rejects(loadTask('worked-examples', { split: 'train' }), ConfigError)
    await assert.rejects(loadTask('worked-examples', { shots: 1 }), /takes no option 'shots'/)
  })

  it('grades rows by what they hold', async () => {
    const row = (columns: Readonly<Record<string, unknown>>): Problem =>
      problemOfRow('worked-examples', columns, 'row') as Problem
    assert.equal(await graded(row({ answer: 'no' }), '#### no'), 'right')
    assert.equal(await graded(row({ answer: '18' }), '#### 18'), 'right')
    const program = row({ tests: 'assert.equal(f(1), 2)', entry_point: 'f', answer: 'no' })
    assert.equal(await graded(program, '```js\nconst f = (x) => x + 1\n```'), 'right')
    assert.equal(await graded(program, '```js\nconst f = (x) => x\n```'), 'wrong')
  })
})
