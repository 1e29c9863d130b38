import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { ConfigError } from '../../src/errors.js'
import type { CodeLanguage } from '../../src/sandbox/codeRun.js'
import { runCode } from '../../src/sandbox/runCode.js'
import { hostileJavaScript } from './hostileJavaScript.js'
import { hostilePython } from './hostilePython.js'

/** What an attempt to write a file would leave. */
const ESCAPED = '/tmp/grpo-ts-escaped'
const hasPython = spawnSync('python3', ['--version']).status === 0

const tests: Record<CodeLanguage, string> = {
  javascript: 'assert.deepStrictEqual(f(1), [2])',
  typescript: 'assert.deepStrictEqual(f(1), [2])',
  python: 'assert f(1) == [2]',
}
const honest: Record<CodeLanguage, string> = {
  javascript: 'const f = (x) => [x + 1]',
  typescript: 'export function f(x: number): number[] { return [x + 1] }',
  python: 'def f(x):\n    return [x + 1]',
}

async function reasonOf(language: CodeLanguage, program: string, given = tests[language]): Promise<string | null> {
  const verdict = await runCode({ language, program, tests: given }, { allowPython: true, timeLimit: 20_000 })
  assert.equal(verdict.passed, verdict.reason === null)
  return verdict.reason
}

describe('runCode', function () {
  it('passes what is right and says why something fails, in every language', async () => {
    for (const language of ['javascript', 'typescript', ...(hasPython ? (['python'] as const) : [])] as const) {
      assert.equal(await reasonOf(language, honest[language]), null)
      const wrong = honest[language].replace('+ 1', '+ 2')
      assert.match((await reasonOf(language, wrong))!, /^AssertionError/)
      assert.match((await reasonOf(language, honest[language].replace(/\bf\b/, 'g')))!, /f' is not defined/)
    }
  })

  it('refuses Python unless it is allowed', async () => {
    await assert.rejects(runCode({ language: 'python', program: honest.python, tests: tests.python }), ConfigError)
  })

  for (const [language, programs] of [
    ['javascript', hostileJavaScript],
    ['python', hostilePython],
  ] as const) {
    it(`fails ${Object.keys(programs).length} hostile programs in ${language}, and nothing else`, async function () {
      if (language === 'python' && !hasPython) {
        console.log('      skipped: there is no python3 on this machine')
        this.skip()
      }
      fs.rmSync(ESCAPED, { force: true })
      const verdicts = await Promise.all(
        Object.entries(programs).map(async ([name, program]) => {
          const run = { language, program, tests: tests[language], entryPoint: 'f' }
          return [name, await runCode(run, { allowPython: true, timeLimit: 250, memoryLimit: 128 })] as const
        }),
      )
      for (const [name, { passed, reason }] of verdicts) {
        assert.equal(passed, false, name)
        assert.ok(typeof reason === 'string' && reason.length > 0 && reason.length <= 500, name)
      }
      assert.ok(!fs.existsSync(ESCAPED))
      assert.equal(await reasonOf(language, honest[language]), null)
    })
  }

  describe('JavaScript', () => {
    const passes = async (program: string, given: string, language: CodeLanguage = 'javascript'): Promise<void> => {
      assert.equal(await reasonOf(language, program, given), null)
    }

    it('has values cross between program and tests', async () => {
      const values =
        '[undefined, null, true, NaN, -0, Infinity, 1.5, 12n, "ä\\u0000", [1, [2]], { a: { b: 1 } }, new Map([[1, { a: 2 }]]), new Set(["x"]), new Date(5), /a/g, new Uint8Array([1, 2])]'
      await passes('const same = (x) => x', `for (const value of ${values}) assert.deepStrictEqual(same(value), value)`)
      await passes(
        `const made = () => ${values}; function sum(...numbers) { return numbers.reduce((a, b) => a + b, 0) }`,
        'assert.equal(made().length, 16); assert.equal(made()[7], 12n); assert.equal(sum(1, 2, 3), 6)',
      )
    })

    it('lets tests see what is done to arguments, to instances and through functions', async () => {
      await passes(
        'function sort(list) { list.sort(); return list }\nclass Stack { constructor() { this.items = [] } push(x) { this.items.push(x); return this } get size() { return this.items.length } *[Symbol.iterator]() { yield* this.items } }\nconst twice = (g, x) => g(g(x)); const adder = (a) => (b) => a + b',
        'const list = [3, 1]; sort(list); assert.deepEqual(list, [1, 3]); const s = new Stack(); s.push(1).push(2); assert.equal(s.size, 2); assert.deepEqual([...s], [1, 2]); assert(s instanceof Stack); assert.notDeepStrictEqual(s, {}); assert.equal(twice((x) => x * 3, 2), 18); assert.equal(adder(1)(2), 3)',
      )
    })

    it('waits for promises and hands on exceptions', async () => {
      await passes(
        'async function f(x) { await null; if (x < 0) throw new RangeError("negative"); return x }',
        'assert.equal(await f(2), 2); await assert.rejects(f(-1), RangeError)',
      )
      await passes(
        'function f() { throw new TypeError("no") }',
        'assert.throws(() => f(), /no/); assert.throws(f, TypeError); assert.throws(f, { message: "no" })',
      )
    })

    it('understands modules, types, and require of assert', async () => {
      await passes(
        'export default function f(x) { return x }\nexport const y = 1;\nexport { y as z };',
        "const assert = require('node:assert/strict'); assert.equal(f(1), y)",
      )
      await passes(
        'enum Color { Red = 1 }\nexport const f = <T,>(x: T): T => x;\ninterface A { a: number }',
        "import assert from 'node:assert';\nimport { deepStrictEqual } from 'node:assert';\nconst c: number = candidate(1);\nassert.equal(c, 1); deepStrictEqual(f(1), 1)".replace(
          'candidate',
          'f',
        ),
        'typescript',
      )
    })

    it('does not count tests that check nothing', async () => {
      assert.match(
        (await reasonOf('javascript', 'const f = () => 0', 'const test = () => { assert(f()) }'))!,
        /none of the assertions/,
      )
    })
  })

  describe('Python', () => {
    const passes = async (program: string, given: string): Promise<void> => {
      assert.equal(await reasonOf('python', program, given), null)
    }
    before(function () {
      if (!hasPython) this.skip()
    })

    it('has values cross between program and tests', async () => {
      const values =
        '[None, True, 2**70, -1.5, float("inf"), 1j, "ä\\ud800", b"x", bytearray(b"y"), (1, [2]), {1: {"a": (2,)}}, {1, 2}, frozenset([3]), range(3), Fraction(1, 3), Decimal("1.10"), deque([1])]'
      const imports = 'from fractions import Fraction\nfrom decimal import Decimal\nfrom collections import *\n'
      await passes(
        `${imports}def same(x): return x`,
        `${imports}for v in ${values}:\n  assert same(v) == v and type(same(v)) is type(v), v`,
      )
      await passes('def f(*a, **k): return (a, k)', 'assert f(1, b=[2]) == ((1,), {"b": [2]})')
    })

    it('lets tests see what is done to arguments, to instances and through functions', async () => {
      await passes(
        'def sort(l): l.sort()\nclass Stack:\n  def __init__(self): self.items = []\n  def push(self, x): self.items.append(x)\n  def size(self): return len(self.items)\n  def __eq__(self, o): return self.items == o.items\ndef gen():\n  yield 1\n  yield 2\ndef twice(g, x): return g(g(x))\ndef adder(a): return lambda b: a + b',
        'l = [3, 1]\nsort(l)\nassert l == [1, 3]\ns, t = Stack(), Stack()\ns.push(1)\nassert s.size() == 1 and s.items == [1] and s != t\nt.push(1)\nassert s == t and not (s == [1])\nassert list(gen()) == [1, 2]\nassert twice(lambda x: x * 3, 2) == 18\nassert adder(1)(2) == 3',
      )
    })

    it('hands on exceptions, and calls check as HumanEval does', async () => {
      await passes(
        'def f(x): raise ValueError("no")',
        'try:\n  f(1)\n  assert False\nexcept ValueError as e:\n  assert str(e) == "no"',
      )
      const run = { language: 'python', program: 'def f(x): return x', entryPoint: 'f' } as const
      const verdict = async (given: string): Promise<boolean> =>
        (await runCode({ ...run, tests: given }, { allowPython: true })).passed
      assert.equal(await verdict('def check(candidate):\n  assert candidate(1) == 1'), true)
      assert.equal(await verdict('def check(candidate):\n  assert candidate(1) == 2'), false)
      assert.equal(await verdict('def check(candidate):\n  assert candidate(1) == 1\ncheck(f)'), true)
      assert.equal(await verdict('def check(candidate):\n  assert len("xx") == 2 and g(1)'), false)
    })
  })
})
