import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { DataError } from '../../src/errors.js'
import { codeGrader } from '../../src/grading/code/codeGrader.js'
import { extractCode } from '../../src/grading/code/extractCode.js'
import { humanEval } from '../../src/tasks/humanEval.js'
import { problemOfRow } from '../../src/tasks/loadTask.js'
import type { Problem } from '../../src/grading/problem.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { requireShared } from '../shared.js'
import { assertLinearTime } from '../linearTime.js'

const hasPython = spawnSync('python3', ['--version']).status === 0
const fence = '```'

describe('extractCode', () => {
  const prompt =
    'from typing import List\n\ndef helper(x):\n    return x\n\ndef f(x: int) -> int:\n    """ Adds one. """\n'
  const programs = (completion: string, given = prompt): string[] =>
    extractCode(completion, { language: 'python', prompt: given, entryPoint: 'f' }).map(({ program }) => program)
  const isStrict = (completion: string): boolean =>
    extractCode(completion, { language: 'python', prompt, entryPoint: 'f' })[0]?.isStrict ?? false
  const preamble = prompt.slice(0, prompt.indexOf('def f'))

  it('continues the prompt, up to what is no code', () => {
    assert.deepEqual(programs('    return x + 1\n'), [`${prompt}    return x + 1\n`])
    for (const rest of [
      '\nThis adds one.',
      '\nprint(f(1))',
      '\nif __name__ == "__main__":\n    f(1)',
      '\nassert f(1)',
      '\n>>> f(1)',
    ]) {
      assert.deepEqual(programs(`    return x + 1\n${rest}`), [`${prompt}    return x + 1\n`], rest)
    }
    assert.deepEqual(programs('    return g(x)\n\ndef g(x):\n    return x + 1'), [
      `${prompt}    return g(x)\n\ndef g(x):\n    return x + 1`,
    ])
    assert.deepEqual(programs('y = x\n    return y + 1'), [`${prompt}    y = x\n    return y + 1`])
    assert.deepEqual(programs('if x:\n    return 1\nreturn x + 1'), [
      `${prompt}    if x:\n        return 1\n    return x + 1`,
    ])
  })

  it('takes the last block that defines the function, with the imports and helpers of the prompt', () => {
    const code = 'def f(x):\n    return helper(x) + 1'
    const text = `First idea:\n${fence}python\ndef f(x): pass\n${fence}\nBetter:\n${fence}python\n${code}\n${fence}\nUse it:\n${fence}\nprint(f(1))\n${fence}`
    assert.equal(programs(text)[0], `${preamble}\n${code}`)
    assert.ok(isStrict(text))
    assert.equal(programs(`${fence}py\n${code}`)[0], `${preamble}\n${code}`)
    assert.equal(programs(`~~~\n${code}\n~~~`)[0], `${preamble}\n${code}`)
    assert.equal(
      programs(`<think>${fence}\nx\n${fence}</think>\n<answer>\n${fence}\n${code}\n${fence}\n</answer>`)[0],
      `${preamble}\n${code}`,
    )
    assert.equal(isStrict(`<think>\n${fence}\n${code}\n${fence}`), false)
  })

  it('takes a block without the function as its body, and code between words leniently', () => {
    assert.deepEqual(programs(`${fence}\nreturn x + 1\n${fence}`), [`${prompt}    return x + 1`])
    const text = 'Here is the function:\n\ndef f(x):\n    return x + 1\n\nIt adds one to x.'
    assert.equal(programs(text)[0]?.trimEnd(), `${preamble}\ndef f(x):\n    return x + 1`)
    assert.equal(isStrict(text), false)
  })

  it('does not declare the helpers of a JavaScript prompt twice', () => {
    const question = {
      language: 'javascript',
      prompt: 'const g = (x) => x\n/* Adds. */\nconst f = (x) => {\n',
      entryPoint: 'f',
    } as const
    const first = (completion: string): string => extractCode(completion, question)[0]!.program
    assert.equal(first('  return x\n}\n\nThis returns x.'), `${question.prompt}  return x\n}\n`)
    assert.equal(
      first(`${fence}js\nconst f = (x) => g(x)\n${fence}`),
      'const g = (x) => x\n/* Adds. */\n\nconst f = (x) => g(x)',
    )
    const both = 'const g = (x) => x\nconst f = (x) => g(x)'
    assert.equal(first(`${fence}js\n${both}\n${fence}`), both)
  })

  it('takes time linear in the length of a text', () => {
    for (const unit of ['```\n', 'def f(x):\n', ' ', 'x = ']) assertLinearTime(programs, unit, 500_000)
  })
})

describe('humanEval', function () {
  const inFolder = useTemporaryFolder()

  const palindrome: Record<string, string> = {
    python: `
def check(candidate):
    for s, n in [('babad', 3), ('cbbd', 2), ('a', 1), ('', 0), ('forgeeksskeegfor', 10), ('abc', 1)]:
        r = candidate(s)
        assert isinstance(r, str) and r in s and r == r[::-1] and len(r) == n, (s, r)
`,
    javascript: `
for (const [s, n] of [['babad', 3], ['cbbd', 2], ['a', 1], ['', 0], ['forgeeksskeegfor', 10], ['abc', 1]]) {
  const r = candidate(s)
  assert(typeof r === 'string' && s.includes(r) && [...r].reverse().join('') === r && r.length === n, s)
}`,
  }
  const solutions: Record<string, string> = {
    python: `def longest(s):
    best = ''
    for i in range(len(s)):
        for a, b in ((i, i), (i, i + 1)):
            while a >= 0 and b < len(s) and s[a] == s[b]:
                a, b = a - 1, b + 1
            if b - a - 1 >= len(best): best = s[a + 1:b]
    return best`,
    javascript: `function longest(s) {
  let best = ''
  for (let i = 0; i < s.length; i++)
    for (let j = i + 1; j <= s.length; j++) {
      const part = s.slice(i, j)
      if (part.length > best.length && part === [...part].reverse().join('')) best = part
    }
  return best
}`,
  }

  for (const language of ['python', 'javascript'] as const) {
    it(`grades the longest palindromic substring, whichever of several it is (${language})`, async function () {
      if (language === 'python' && !hasPython) this.skip()
      const problem = {
        id: 'p',
        question: 'Write a function to find the longest palindromic substring.',
        answer: '',
        columns: { language, tests: palindrome[language], entry_point: 'longest' },
      }
      const grade = async (text: string): Promise<string> => {
        const { correct, correctLenient } = await codeGrader({ allowPython: true, timeLimit: 20_000 })(text, problem)
        return correct ? 'strict' : correctLenient ? 'lenient' : 'wrong'
      }
      const code = solutions[language]!
      const explained = `Let me think about the approach:\n1. Check all centers\n\nHere's the implementation:\n${fence}${language}\n${code}\n${fence}`
      assert.equal(await grade(explained), 'strict')
      assert.equal(await grade(`Here it is.\n\n${code}\n\nIt is fast.`), 'lenient')
      assert.equal(
        await grade(explained.replace(/best = (s\[|part)/, "best = '' + $1").replace('return best', "return 'x'")),
        'wrong',
      )
      assert.equal(await grade('I would expand around centers.'), 'wrong')
      assert.equal(await grade(''), 'wrong')
    })
  }

  it('reads own problems, and refuses to train on a test set', async () => {
    const row = {
      prompt: 'const f = (x) => {\n',
      test: 'assert.equal(f(1), 2)',
      canonical_solution: '  return x + 1\n}\n',
    }
    const write = (name: string, rows: readonly unknown[]): void => {
      fs.writeFileSync(inFolder(name), rows.map((value) => JSON.stringify(value)).join('\n'))
    }
    write('HumanEval.jsonl', [row, { ...row, test: undefined }, { ...row, language: 'cobol' }])
    const data = inFolder('.')
    await assert.rejects(humanEval({ data, split: 'test', language: 'javascript' }), (error) => {
      assert.ok(error instanceof DataError)
      assert.match(error.message, /2 of 3 rows.*jsonl:2 has no test; .*:3 has the language 'cobol'/)
      return true
    })
    await assert.rejects(humanEval({ data }), /holds a test set only/)
    write('HumanEval.jsonl', [row])
    const task = await humanEval({ data, split: 'test', language: 'javascript' })
    const [problem] = task.problems as [Problem]
    assert.equal(task.prompt(problem, null).text, row.prompt)
    assert.match(problem.question, /Complete this function in javascript/)
    assert.equal(problem.columns?.entry_point, 'f')
    assert.equal((await problem.grader!(problem.solution!, problem)).correct, true)
    assert.equal((await problem.grader!('  return x\n}', problem)).reason, 'AssertionError: 1 == 2')
    const graded = problemOfRow('humaneval-js', { tests: 'assert.equal(f(1), 2)', entry_point: 'f' }, 'x') as Problem
    assert.equal((await graded.grader!('const f = (x) => x + 1', graded)).correct, true)
    assert.equal(problemOfRow('humaneval', { prompt: 'x' }, 'x'), 'has no test')
  })

  it('has tests use the helpers of the prompt, whatever a completion calls so', async () => {
    const prompt = 'const encode = (s) => [...s].reverse().join("")\n\n/* Decodes. */\nconst decode = (s) => {\n'
    const columns = {
      prompt,
      test: 'for (const s of ["ab", "abc"]) assert.equal(decode(encode(s)), s)',
      entry_point: 'decode',
    }
    for (const language of ['javascript', 'typescript']) {
      const problem = problemOfRow('humaneval-js', { ...columns, language }, 'x') as Problem
      const isRight = async (completion: string): Promise<boolean> =>
        (await problem.grader!(completion, problem)).correct
      const block = (code: string): string => `${fence}js\n${code}\n${fence}`
      assert.equal(await isRight('  return encode(s)\n}'), true)
      assert.equal(await isRight(block('const decode = (s) => encode(s)')), true)
      assert.equal(
        await isRight(block('const encode = (s) => s + "!"\nconst decode = (s) => [...s].reverse().join("")')),
        true,
      )
      for (const other of [
        'const encode = (s) => s',
        'function encode(s) { return s }',
        'globalThis.encode = (s) => s',
      ]) {
        assert.equal(await isRight(block(`${other}\nconst decode = (s) => s`)), false, other)
      }
    }
  })

  it('has tests see what is done to arguments where a row asks for it', async () => {
    const row = {
      prompt: '',
      test: 'const xs = [1, 1]; assert.equal(unique(xs), 1); assert.equal(xs.length, 1)',
      entry_point: 'unique',
    }
    for (const inPlace of [true, false]) {
      const problem = problemOfRow('humaneval-js', { ...row, in_place: inPlace }, 'x') as Problem
      const { correct } = await problem.grader!('const unique = (xs) => { xs.length = 1; return 1 }', problem)
      assert.equal(correct, inPlace)
    }
  })

  it('passes some canonical solutions of HumanEval and HumanEval-X, and fails stubs', async function () {
    const cases = [
      ['javascript', requireShared(this, 'data', 'humaneval-x'), '  return null\n}\n'],
      ...(hasPython ? ([['python', requireShared(this, 'data', 'humaneval'), '    return None\n']] as const) : []),
    ] as const
    for (const [language, data, stub] of cases) {
      const { problems } = await humanEval({ data, split: 'test', language, allowPython: true, timeLimit: 20_000 })
      assert.equal(problems.length, 164)
      // Every eighth one, among them two with helper functions; bench/sandbox.ts runs all of them.
      const some = problems.filter((_, i) => i % 8 === 0 || i === 38 || i === 50)
      const grades = await Promise.all(
        some.map(async (problem) => [
          (await problem.grader!(problem.answer, problem)).correct,
          (await problem.grader!(problem.solution!, problem)).correct,
          (await problem.grader!(stub, problem)).correctLenient,
        ]),
      )
      // Problem 112 of HumanEval-X compares arrays by identity, so nothing passes it.
      const expected = some.map(({ id }) => (id === 'JavaScript/112' ? [false, false, false] : [true, true, false]))
      assert.deepEqual(grades, expected)
    }
  })
})
