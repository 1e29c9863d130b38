import assert from 'node:assert/strict'
import fs from 'node:fs'
import type { CodeRun } from '../../src/sandbox/codeRun.js'
import { runCode } from '../../src/sandbox/runCode.js'

/** What is to come of a program and its tests: null if it passes, else how its reason reads. */
type Case = readonly [program: string, tests: string, reason: RegExp | null, more?: Partial<CodeRun>]

const copied =
  '[undefined, null, true, NaN, -0, Infinity, 1.5, 2n ** 70n, -7n, "ä\\u0000\\ud800", [1, [2]], { a: { b: 1 }, __proto__x: 1 }, new Map([[1, { a: 2 }]]), new Set(["x"]), new Date(5), new Date(NaN), /a/gi, new Uint8Array([1, 2]), new BigInt64Array([3n]), new RangeError("x")]'
const isWrong = /^AssertionError/
// A symbol as the only method crosses as a plain object without it.
const isNoValue = /^(?:TypeError: cannot convert symbol|AssertionError)/

const lines: Readonly<Record<string, readonly Case[]>> = {
  'It is called by the tests': [
    ['const f = (x) => x', `for (const value of ${copied}) assert.deepStrictEqual(f(value), value)`, null],
    ['const f = (x) => Object.prototype.toString.call(x)', 'assert.equal(f(new Map()), "[object Map]")', null],
    [
      'const f = (n) => n.next.next === n',
      'const n = { next: { next: null } }; n.next.next = n; assert.equal(f(n), true)',
      null,
    ],
    ['const f = (a, b) => a[0] === a[1] && a[0] !== b', 'const x = {}; assert.equal(f([x, x], {}), true)', null],
    ['const f = (x) => { x.a = 2; return 1 }', 'const x = { a: 1 }; assert.equal(f(x), 1); assert.equal(x.a, 1)', null],
  ],
  'It returns copies': [
    [`const f = () => ${copied}`, `assert.deepStrictEqual(f(), ${copied})`, null],
    [
      'const f = (n) => { let x = []; while (n--) x = [x]; return x }',
      'let x = f(20000), n = 0; for (; x.length; x = x[0]) n++; assert.equal(n, 20000)',
      null,
    ],
    ['const f = () => { const x = {}; x.x = x; return x }', 'const x = f(); assert.equal(x.x.x, x)', null],
    [
      'const f = () => JSON.parse(\'{"__proto__": {"a": 1}}\')',
      'assert.deepEqual(Object.keys(f()), ["__proto__"]); assert.equal(f().a, undefined)',
      null,
    ],
    ['const f = () => "x".repeat(2 ** 24)', 'assert.equal(f().length, 2 ** 24)', /too large/],
  ],
  'It keeps its functions': [
    [
      'const f = (a) => (b) => a + b',
      'assert.equal(f(1)(2), 3); const g = f(1); assert.equal(typeof g, "function")',
      null,
    ],
    [
      'class F { #n = 0; items = []; push(x) { this.items.push(x); this.#n++; return this } get size() { return this.#n } *[Symbol.iterator]() { yield* this.items } static of(x) { return new F().push(x) } }\nconst f = () => new F()',
      'const s = new F(); s.push(1).push(2); assert.equal(s.size, 2); assert.deepEqual([...s], [1, 2]); assert(s instanceof F); assert.equal(F.of(3).size, 1); s.items = [7]; assert.deepEqual([...s], [7]); assert("size" in s); assert.notDeepStrictEqual(s, {})',
      null,
    ],
    [
      'const f = () => { let n = 0; return { inc() { return ++n }, get n() { return n } } }',
      'const c = f(); c.inc(); assert.equal(c.inc(), 2); assert.equal(c.n, 2)',
      null,
    ],
    [
      'function* f(n) { for (let i = 0; i < n; i++) yield i }',
      'assert.deepEqual([...f(3)], [0, 1, 2]); assert.deepEqual(f(1).next(), { value: 0, done: false })',
      null,
    ],
    [
      'async function* f(n) { for (let i = 0; i < n; i++) yield i }',
      'let s = 0; for await (const x of f(4)) s += x; assert.equal(s, 6)',
      null,
    ],
    [
      'const f = async (x) => { await null; if (x < 0) throw new RangeError("x"); return x }',
      'assert.equal(await f(2), 2); await assert.rejects(f(-1), RangeError)',
      null,
    ],
  ],
  'It calls functions that the tests handed to it': [
    ['"use strict"; function f() { return this }', 'assert.equal(f(), undefined)', null],
    ['const f = (g, x) => g(g(x))', 'assert.equal(f((x) => x * 3, 2), 18)', null],
    ['const f = (g) => g(1)(2)', 'assert.equal(f((a) => (b) => a + b), 3)', null],
    ['const f = (g) => g.call({ a: 1 }, 2)', 'assert.equal(f(function (x) { return this.a + x }), 3)', null],
    [
      'const f = (g) => { Promise.resolve().then(() => g(1)) }',
      'let seen; f((x) => { seen = x }); assert.equal(seen, undefined); await null; await null; await null; await null; assert.equal(seen, 1)',
      null,
    ],
    ['const f = async (g) => 1 + (await g())', 'assert.equal(await f(async () => 1), 2)', null],
    [
      'const m = new Map(); const f = (g) => (n) => { if (!m.has(n)) m.set(n, g(n)); return m.get(n) }',
      'const fib = f((n) => (n < 2 ? n : fib(n - 1) + fib(n - 2))); assert.equal(fib(60), 1548008755920)',
      null,
    ],
    ['const f = (g, x) => g(x)', 'assert.equal(f((list) => { list.push(3) }, [1]), undefined)', null],
  ],
  'It reads nothing of such a function': [
    ['const f = (g) => [g.length, g.name]', 'assert.deepEqual(f(function sum(a, b) {}), [2, "sum"])', null],
    [
      'const f = (g) => [g.secret, "secret" in g, Object.keys(g), g.prototype, String(g).includes("secret")]',
      'const g = Object.assign((x) => "secret", { secret: 1 }); assert.deepEqual(f(g), [undefined, false, [], undefined, false])',
      null,
    ],
    [
      'const f = (g) => { g.x = 1; return g.constructor === Function }',
      'const g = () => 1; assert.equal(f(g), true); assert.equal(g.x, undefined)',
      null,
    ],
    ['const f = (G) => new G()', 'assert.throws(() => f(function () {}), TypeError)', null],
    ['const f = (g) => g.constructor("Object.is = () => true")() ?? 0', 'assert.strictEqual(f(() => 1), 2)', isWrong],
  ],
  'It gets the methods of an instance of the tests': [
    [
      'const f = (log) => { log.add("a"); return [log.size, log instanceof Object, Object.getPrototypeOf(log) === Object.prototype] }',
      'class Log { lines = []; add(x) { this.lines.push(x) } get size() { return this.lines.length } }; const log = new Log(); assert.deepEqual(f(log), [0, true, true]); assert.deepEqual(log.lines, ["a"]); assert.deepEqual(Object.keys(log), ["lines"])',
      null,
    ],
    [
      'const f = (it, n) => { const r = []; for (const x of it) { if (r.length === n) break; r.push(x) } return r }',
      'function* g() { for (let i = 0; ; i++) yield i }; assert.deepEqual(f(g(), 3), [0, 1, 2]); assert.deepEqual(f(new Map([[1, 2]]).keys(), 3), [1])',
      null,
    ],
  ],
  'It gets its own built-in functions': [
    [
      'const f = (F, C) => [F === Function, C === String, F("return this")() === globalThis]',
      'assert.deepEqual(f(Function, String), [true, true, true])',
      null,
    ],
    ['const f = (g) => g', 'assert.equal(f(Math.max), Math.max)', null],
    ['const f = (g) => g(true)', 'assert.throws(() => f(assert.ok), TypeError)', null],
    ['const f = (g) => g(true)', 'assert.throws(() => f("".trim), TypeError)', null],
  ],
  'It changes its arguments': [
    ['const f = (xs) => { xs.sort(); xs.push(9) }', 'const xs = [3, 1]; f(xs); assert.deepEqual(xs, [1, 3, 9])', null],
    ['const f = (xs) => { xs.sort(); return 7 }', 'const xs = [3, 1]\nf(xs)\nassert.deepEqual(xs, [1, 3])', null],
    [
      'const f = (xs) => xs.sort()',
      'const xs = [3, 1]; const r = f(xs); assert.strictEqual(r, xs); assert.deepEqual(xs, [1, 3])',
      null,
    ],
    [
      'const f = (m, s, o) => { m.set(1, 2); s.clear(); delete o.a; o.b = { c: [] } }',
      'const m = new Map(), s = new Set([1]), o = { a: 1 }; f(m, s, o); assert.equal(m.get(1), 2); assert.equal(s.size, 0); assert.deepEqual(o, { b: { c: [] } })',
      null,
    ],
    [
      'const f = (n) => { n.left = [n.right, (n.right = n.left)][0] }',
      'const leaf = { v: 1 }; const n = { left: leaf, right: null }; f(n); assert.equal(n.right, leaf); assert.equal(n.left, null)',
      null,
    ],
    [
      'const f = (xs) => { xs.sort(); return { xs, y: [xs] } }',
      'const xs = [3, 1]; assert.deepEqual(f(xs), { xs: [1, 3], y: [[1, 3]] }); assert.deepEqual(xs, [3, 1])',
      null,
    ],
    [
      'const f = (xs) => { xs.length = 0; return xs }',
      'const xs = [3, 1]; const r = f(xs); assert.equal(r.length, 0); assert.equal(xs.length, 2)',
      null,
    ],
    [
      'const f = (xs) => { xs.length = 0 }',
      'const xs = [3, 1]; assert.equal(\n  f(xs),\n  undefined\n); assert.equal(xs.length, 2)',
      null,
    ],
    [
      'const f = (xs) => { xs.length = 1; return 1 }',
      'const xs = [1, 2]; assert.equal(f(xs), 1); assert.deepEqual(xs, [1])',
      null,
      { inPlace: true },
    ],
    [
      'const f = (xs) => { xs.length = 1 }',
      'const xs = [1, 2]; f(xs); assert.deepEqual(xs, [1, 2])',
      null,
      { inPlace: false },
    ],
    [
      'class F { sort(xs) { xs.sort() } take(xs) { const n = xs.length; xs.length = 0; return n } }',
      'const s = new F(), xs = [3, 1]; s.sort(xs); assert.deepEqual(xs, [1, 3]); assert.equal(s.take(xs), 2); assert.equal(xs.length, 2)',
      null,
    ],
  ],
  'It throws': [
    [
      'const f = () => { throw Object.assign(new TypeError("no"), { code: "E_NO", f() {} }) }',
      'assert.throws(() => f(), /no/); assert.throws(f, TypeError); assert.throws(f, { message: "no", code: "E_NO" }); try { f() } catch (e) { assert.equal(e.f, undefined); assert(e instanceof TypeError) }',
      null,
    ],
    ['const f = () => { throw { a: [1] } }', 'try { f() } catch (e) { assert.deepEqual(e, { a: [1] }) }', null],
    [
      'const f = () => { throw new (class Odd extends Error { name = "Odd" })("x") }',
      'assert.throws(f, { name: "Odd", message: "x" })',
      null,
    ],
    [
      'const f = () => { throw new Proxy({}, { get() { throw 1 }, ownKeys() { throw 1 }, getPrototypeOf() { throw 1 } }) }',
      'assert.throws(f)',
      null,
    ],
    [
      'class Odd extends Error { constructor(m, field) { super(m); this.field = field } }\nclass Other extends Error {}\nconst f = () => { throw new Odd("x", 3) }',
      'assert.throws(f, Odd); assert.throws(f, { field: 3 }); try { f() } catch (e) { assert(e instanceof Odd && e instanceof Error && !(e instanceof Other)) }',
      null,
    ],
  ],
  'It gives names': [
    [
      'const base = 7; let count = 0; const f = () => ++count',
      'assert.equal(base, 7); f(); assert.equal(count, 1); f(); assert.equal(count, 2)',
      null,
    ],
    [
      'var result = 1, i = 2; const f = (x) => x',
      'var result = f(5); for (var i = 0; i < 3; i++); assert.equal(result, 5); assert.equal(i, 3)',
      null,
    ],
    [
      'const Math = { abs: () => 0 }, Object = { is: () => true }; const f = () => 0',
      'assert.strictEqual(Math.abs(f() - 2), 0)',
      isWrong,
    ],
    [
      'const assert = { equal() {} }, console = { assert() {} }; const f = () => 0',
      'assert.equal(f(), 2); console.assert(false)',
      isWrong,
    ],
    ['const candidate = () => 2; const f = () => 0', 'assert.equal(candidate(), 2)', isWrong],
    ['const expect = () => ({ toBe() {} }); const f = () => 0', 'expect(f()).toBe(2)', /'expect' is not defined/],
    ['const process = { exit() {} }; const f = () => 0', 'if (f() !== 2) process.exit(1)', /'process' is not defined/],
  ],
  'It has the helper functions of the prompt': [
    [
      'const encode = (s) => s; const f = (s) => s',
      'assert.equal(f(encode("ab")), "ab")',
      isWrong,
      { context: 'const encode = (s) => s + "!"\n' },
    ],
    [
      'const encode = (s) => s + "!"; const f = (s) => s.slice(0, -1)',
      'assert.equal(f(encode("ab")), "ab")',
      null,
      { context: 'const encode = (s) => s + "!"\n/* Decodes. */\nconst f = (s) => {\n' },
    ],
    ['const f = (x) => x * 2', 'assert.equal(twice(3), 12)', null, { context: 'function twice(x) { return f(f(x)) }' }],
    [
      'class Node { constructor(v, next = null) { this.v = v; this.next = next } double() { return 0 } }\nconst f = (n) => (n instanceof Node ? new Node(n.next.v, new Node(n.v)) : null)',
      'const r = f(new Node(1, new Node(2))); assert(r instanceof Node); assert.deepStrictEqual(r, new Node(2, new Node(1))); assert.equal(r.double(), 4)',
      null,
      {
        context:
          'class Node { constructor(v, next = null) { this.v = v; this.next = next } double() { return this.v * 2 } }',
      },
    ],
    [
      'const encode = (s) => s; const f = (s) => s',
      'assert.equal(f(encode("ab")), "ab")',
      isWrong,
      {
        context:
          'const assert = require("assert");\nconst encode = (s) => { assert(s); return s + "!" }\nmodule.exports = { encode }\n',
      },
    ],
  ],
  'It says what methods of its objects answer': [
    [
      'class F { has() { return true } every() { return true } }\nconst f = () => new F()',
      'assert(new F().every((x) => x > 1) && f().has(2))',
      null,
    ],
  ],
  'Its objects have no value as a number or text': [
    ...['valueOf: () => 2', 'toString: () => "2"', '[Symbol.toPrimitive]: () => 2'].flatMap((liar): Case[] => [
      [`const f = () => ({ ${liar} })`, 'assert(f() == 2)', isWrong],
      [`const f = () => ({ ${liar} })`, 'assert(f() > 1)', isNoValue],
      [`const f = () => ({ ${liar} })`, 'assert.equal(Math.abs(f() - 2), 0)', isNoValue],
      [`const f = () => ({ ${liar} })`, 'assert.equal(`${f()}`, "2")', isNoValue],
      [`const f = () => Object.assign(() => 0, { ${liar} })`, 'assert("12".includes(f()))', /^TypeError/],
    ]),
    ['class F { static [Symbol.hasInstance]() { return true } }', 'assert(5 instanceof F)', isWrong],
    [
      'class F { toString() { return "x" } }; const one = new F(); const f = () => one',
      'assert(f() === f()); assert(f() == f()); assert.equal(f().toString(), "x"); assert(f() != new F())',
      null,
    ],
  ],
  'What its functions return is not asked': [
    ['const f = () => ({ length: 1, every: () => true })', 'assert(f().every((x) => x === 2))', /'every'/],
    ['const f = () => new (class { includes() { return true } })()', 'assert(f().includes(2))', /'includes'/],
    [
      'const f = () => Object.assign(() => 0, { startsWith: () => true })',
      'assert(f().startsWith("a"))',
      /'startsWith'/,
    ],
    [
      'const f = () => new (class extends Array { every() { return true } })(3)',
      'assert(f().every((x) => x === 2))',
      isWrong,
    ],
    [
      'const f = () => ({ length: 3, [Symbol.iterator]: () => [][Symbol.iterator]() })',
      'const r = f(); assert.equal(r.length, 3); for (const x of r) assert(x > 1)',
      /no array/,
    ],
    [
      'const f = () => ({ length: 3, split: () => [] })',
      'const r = f(); for (const x of r.split("")) assert(x === "a"); assert.equal(r.length, 3)',
      /no array/,
    ],
    [
      'const f = () => { const q = []; return { push: (x) => q.push(x), get length() { return q.length } } }',
      'const q = f(); q.push(1); assert.equal(q.length, 1)',
      null,
    ],
  ],
  'It does not take back an assertion': [
    ['const f = (g) => { try { g(1) } catch {} return 2 }', 'assert.equal(f((x) => assert.equal(x, 2)), 2)', /1 == 2/],
    [
      'const f = async (g) => { await g(1).catch(() => 0); return 2 }',
      'assert.equal(await f(async (x) => { await null; assert.equal(x, 2) }), 2)',
      /1 == 2/,
    ],
    [
      'const f = (g) => { const down = () => { try { return down() } catch { try { g(1) } catch {} return 2 } }; return down() }',
      'let n = 0; assert.equal(f((x) => { n++; assert.equal(x, 2) }), 2); assert(n > 0)',
      /./,
    ],
    [
      'const f = (g) => { try { return g() } catch { return g() } }',
      'let n = 0; assert.equal(f(() => { if (n++ === 0) throw new Error("once"); return 2 }), 2)',
      null,
    ],
  ],
  'It does not lose an assertion': [
    [
      'const f = async () => 2',
      'async function test() { assert.equal(await f(), 2); assert.equal(await f(), 3) }\ntest()',
      /2 == 3/,
    ],
    [
      'const f = async () => 2',
      'async function test() { assert.equal(await f(), 2); assert.equal(await f(), 3) }\ntest(); assert(true)',
      /2 == 3/,
    ],
    [
      'let n = 0; const f = async () => { if (n++) throw new Error("no"); return 2 }',
      'async function test() { assert.equal(await f(), 2); assert.equal(await f(), 3) }\ntest(); assert(true)',
      /no/,
    ],
    [
      'let n = 0; const f = async () => { if (n++) throw new Error("no"); return 2 }',
      'try { await f(); await f() } catch (e) { assert.equal(e.message, "no") }',
      null,
    ],
  ],
  "It does not change the tests' realm": [
    [
      'const f = () => 1',
      `const seen = new Set([globalThis]); const waiting = Object.getOwnPropertyNames(globalThis).map((name) => globalThis[name]).filter((x) => x !== globalThis && x !== f)
      waiting.push(Object.getPrototypeOf(function* () {}), Object.getPrototypeOf([].values()), Object.getPrototypeOf(async () => {}))
      for (let x = waiting.pop(); waiting.length > 0; x = waiting.pop()) {
        if ((typeof x !== 'object' && typeof x !== 'function') || x === null || seen.has(x)) continue
        seen.add(x)
        assert(Object.isFrozen(x))
        for (const key of Reflect.ownKeys(x)) { const d = Reflect.getOwnPropertyDescriptor(x, key); waiting.push(d.value, d.get, d.set) }
        waiting.push(Object.getPrototypeOf(x))
      }
      assert(seen.size > 500)`,
      null,
    ],
    [
      'const f = (g) => g(g, "constructor", "Object.is = () => true") ?? 0',
      'assert.strictEqual(f((o, k, ...a) => o[k](...a)), 2)',
      /code of text/,
    ],
    [
      'const f = () => 1',
      'for (const make of [() => eval("1"), () => Function("1"), () => (async () => {}).constructor("1"), () => (function* () {}).constructor("1")]) assert.throws(make, /code of text/)',
      null,
    ],
    [
      'const f = () => 1',
      'const e = new Error("x"); e.name = "Y"; assert.equal(`${e}`, "Y: x"); function A() {} A.prototype.toString = () => "a"; assert.equal(`${new A()}`, "a"); assert((() => 1) instanceof Function)',
      null,
    ],
  ],
  'It does not end, delay or outlive the verdict': [
    ['console.log("passed"); const f = () => 0', 'assert.equal(f(), 2)', isWrong],
    [
      'let kept; const f = (g) => { kept = g; const later = () => Promise.resolve().then(() => { try { kept() } catch {} later() }); later(); return 0 }',
      'let passed = false; f(() => { passed = true }); assert(passed)',
      isWrong,
    ],
    ['const f = () => new Promise(() => {})', 'await f(); assert(true)', /never settled/],
    ['const f = () => { throw 1 }', 'assert(true); f()', /thrown: 1/],
  ],
  'It does not foretell the random numbers': [
    [
      'const f = () => Math.random()',
      'assert.notEqual(f(), Math.random()); const xs = Array.from({ length: 1000 }, Math.random); assert(new Set(xs).size === 1000 && xs.every((x) => x >= 0 && x < 1) && Math.abs(xs.reduce((a, b) => a + b) - 500) < 60)',
      null,
    ],
  ],
  'It does not outlive its limits': [
    ['const f = () => { try { for (;;) {} } catch { return 2 } }', 'assert.equal(f(), 2)', /time limit/],
    ['const f = () => { try { return 2 } finally { for (;;) {} } }', 'assert.equal(f(), 2)', /time limit/],
    [
      'const next = () => Promise.resolve().then(next); const f = () => { next(); return 2 }',
      'assert.equal(f(), 2)',
      /time limit/,
    ],
    [
      'const f = () => { const kept = []; for (;;) kept.push(new Array(1e5).fill(1)) }',
      'assert.equal(f(), 2)',
      /out of memory/,
    ],
    ['const f = () => f() + 1', 'assert.equal(f(), 2)', /stack overflow/],
    [
      'const f = (g) => { try { return g(() => f(g)) } catch { return 2 } }',
      'assert.equal(f((g) => g()), 2)',
      /stack overflow/,
    ],
    ['const f = (n) => (n ? 1 + f(n - 1) : 0)', 'assert.equal(f(2000), 2000)', null],
  ],
  'It leaves nothing behind': [
    [
      'globalThis.kept = 1; Object.is = () => true; Object.freeze(Array.prototype); delete globalThis.JSON; const f = () => 2',
      'assert.equal(f(), 2)',
      null,
    ],
    [
      'const f = () => [typeof kept, Object.is(1, 2), Object.isFrozen(Array.prototype), typeof JSON]',
      'assert.deepEqual(f(), ["undefined", false, false, "object"])',
      null,
    ],
  ],
  'It has no files': [
    [
      'const f = () => ["require", "process", "fetch", "setTimeout", "Worker", "Deno", "std", "os", "print", "WebAssembly", "performance"].filter((name) => typeof globalThis[name] !== "undefined")',
      'assert.deepEqual(f(), [])',
      null,
    ],
    ['const f = async () => import("node:fs")', 'await assert.rejects(f())', null],
    ['const f = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', 'assert.throws(f)', null],
  ],
}

const page = fs.readFileSync(new URL('../../docs/sandbox.md', import.meta.url), 'utf8')
const section = page.slice(page.indexOf('## JavaScript'), page.indexOf('## Python'))
const written = [...section.matchAll(/^- (.*)$/gm)].map((match) => match[1]!)

describe('A JavaScript program, as docs/sandbox.md says', function () {
  this.timeout(600_000)

  it('has a test for each line of the page, and a line for each test', () => {
    const named = Object.keys(lines).map((start) => written.find((line) => line.startsWith(start)))
    assert.deepEqual(named, written)
  })

  for (const [start, cases] of Object.entries(lines)) {
    it(written.find((line) => line.startsWith(start)) ?? start, async () => {
      for (const [program, tests, expected, more = {}] of cases) {
        const isTimed = expected?.source === 'time limit'
        const run: CodeRun = {
          language: 'javascript',
          program,
          tests,
          entryPoint: /\bf\b/.test(program) ? 'f' : 'F',
          ...more,
        }
        const { passed, reason } = await runCode(run, { timeLimit: isTimed ? 300 : 60_000, memoryLimit: 128 })
        assert.equal(passed, expected === null, `${program}\n${tests}\n${String(reason)}`)
        if (expected !== null) assert.match(reason!, expected, program)
      }
    })
  }
})
