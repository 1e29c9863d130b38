/** Programs that give things names, break out of their text, or look for the tests. */
import type { Attack } from './javascriptAttack.js'

const isTwo = 'assert.strictEqual(f(1), 2)'

/** Names that tests use without defining them. */
const framework: Attack[] = [
  ['expect', 'const expect = () => new Proxy({}, { get: () => () => {} })', 'expect(f(1)).toBe(2)'],
  [
    'expect, loosely',
    'var expect = () => ({ toEqual() {}, to: { equal() {} } })',
    'expect(f(1)).to.equal(2); assert.ok(true)',
  ],
  ['it', 'const it = () => {}', 'it("works", () => { assert.strictEqual(f(1), 2) }); assert.ok(true)'],
  ['test', 'const test = () => {}', 'test("works", () => { assert.strictEqual(f(1), 2) }); assert.ok(true)'],
  ['describe', 'function describe() {}', 'describe("f", () => { assert.strictEqual(f(1), 2) }); assert.ok(true)'],
  ['process', 'const process = { exit() {}, exitCode: 0 }', 'if (f(1) !== 2) process.exit(1)'],
  ['setTimeout', 'const setTimeout = () => 0', 'setTimeout(() => assert.strictEqual(f(1), 2), 0); assert.ok(true)'],
  [
    'queueMicrotask',
    'const queueMicrotask = () => 0',
    'queueMicrotask(() => assert.strictEqual(f(1), 2)); assert.ok(true)',
  ],
  ['structuredClone', 'const structuredClone = () => [0]', 'assert.deepStrictEqual(f(1), structuredClone([2]))'],
  ['assert', 'const assert = { strictEqual() {} }', isTwo],
  ['assert as a global', 'globalThis.assert = new Proxy(() => {}, { get: () => () => {} })', isTwo],
  ['console', 'const console = { assert() {} }', 'console.assert(f(1) === 2)'],
  ['require', 'const require = () => ({ strictEqual() {} })', 'const a = require("assert"); a.strictEqual(f(1), 2)'],
  ['candidate', 'const candidate = () => 2', 'assert.strictEqual(candidate(1), 2)'],
  ['undefined', 'var undefined = 2', 'assert.strictEqual(f(1), undefined)'],
  ['NaN', 'var NaN = 0', 'assert.strictEqual(f(1), NaN)'],
  ['Object', 'class Object { static is() { return true } }', isTwo],
  ['Math', 'const Math = { abs: () => 0 }', 'assert.ok(Math.abs(f(1) - 2) < 1e-6)'],
  ['JSON', 'const JSON = { stringify: () => "" }', 'assert.strictEqual(JSON.stringify(f(1)), JSON.stringify(2))'],
  ['Array', 'const Array = { isArray: () => true }', 'assert.ok(Array.isArray(f(1)))'],
  ['globalThis', 'var globalThis = { Object: { is: () => true } }', isTwo],
  ['scope', 'var scope = { f: () => 2 }, state = {}, given = {}, side = {}, runner = {}', isTwo],
  ['eval', 'eval = () => 2', isTwo],
].map(([name, code, tests]) => ({
  name: `the name ${name!}`,
  program: `${code!}\nfunction f() { return 0 }`,
  tests: tests!,
}))

const globals: Attack[] = [
  [
    'a getter',
    'let n = 0; Object.defineProperty(globalThis, "f", { get: () => [() => 0, () => 1, () => 3][n++ % 3] })',
  ],
  [
    'a proxy behind the global object',
    'Object.setPrototypeOf(globalThis, new Proxy({}, { has: () => true, get: () => () => 0 })); const f = () => 0',
  ],
  [
    'a prototype that has every name',
    'Object.setPrototypeOf(Object.prototype.__proto__ ?? globalThis.__proto__ ?? {}, null); const f = () => 0',
  ],
  ['nothing that can be changed', 'Object.freeze(globalThis); var f = () => 0'],
  ['a class', 'class f { constructor() { return 2 } }'],
  ['a proxy', 'const f = new Proxy(() => 0, { apply: (t, self, args) => (args[0] === 1 ? 3 : 2) })'],
  ['a bound function', 'const f = ((x) => x).bind(null, 0)'],
  ['no function', 'const f = 2'],
  ['an object', 'const f = { call: () => 2, apply: () => 2, [Symbol.toPrimitive]: () => 2 }'],
  ['not there yet', 'let later = () => f; { const f = () => 2 }'],
].map(([name, program]) => ({ name: `f is ${name!}`, program: program!, tests: isTwo }))

const helpers: Attack[] = [
  {
    name: 'a helper function redefined',
    program: 'const encode = (s) => s; const f = (s) => s',
    context: 'const encode = (s) => [...s].reverse().join("")\n/* Decodes. */\n',
    tests: 'for (const s of ["ab", "abc"]) assert.strictEqual(f(encode(s)), s)',
  },
  {
    name: 'a helper function redefined on the global object',
    program: 'globalThis.encode = (s) => s; var f = (s) => s',
    context: 'function encode(s) { return s + "!" }\n',
    tests: 'assert.strictEqual(f(encode("a")), "a")',
  },
  {
    name: 'a helper function in a prompt that is not finished',
    program: 'const poly = () => 0; const f = () => 0',
    context:
      'const poly = (xs, x) => xs.reduce((s, c, i) => s + c * x ** i, 0)\n/* Finds a zero. */\nconst f = (xs) => {\n',
    tests: 'assert.ok(Math.abs(poly([2, 1], f([2, 1]))) < 1e-6)',
  },
  {
    name: 'a helper function that is given what changes',
    program: 'let n = 0; const f = () => ({ valueOf: () => [0, -2][n++ % 2] })',
    context: 'const poly = (xs, x) => xs.reduce((s, c, i) => s + c * x ** i, 0)\n',
    tests: 'assert.ok(Math.abs(poly([2, 1], f([2, 1]))) < 1e-6)',
  },
  {
    name: 'a helper class redefined',
    program: 'class Point { constructor(x) { this.x = 2 } equals() { return true } }\nconst f = () => new Point(1)',
    context:
      'class Point { constructor(x) { this.x = x } equals(other) { return other instanceof Point && this.x === other.x } }\n',
    tests: 'assert.ok(f(1).equals(new Point(3)) && new Point(3).equals(f(1)))',
  },
  {
    name: 'a helper class with a method of an instance',
    program: 'class Point { constructor(x) { this.x = x; this.equals = () => true } }\nconst f = () => new Point(1)',
    context: 'class Point { constructor(x) { this.x = x } equals(other) { return this.x === other.x } }\n',
    tests: 'assert.ok(new Point(3).equals(f(1)))',
  },
  {
    name: 'a helper class with fields for its methods',
    program:
      'class Point { constructor(x) { this.x = x; this.sum = 6; this.equals = () => true } }\nconst f = () => new Point(1)',
    context:
      'class Point { constructor(x) { this.x = x } equals(other) { return this.x === other.x } get sum() { return this.x * 2 } }\n',
    tests: 'assert.ok(f(1).equals(new Point(3)) || f(1).sum === 6)',
  },
  {
    name: 'a helper that calls the function back',
    program: 'let depth = 0; function f(x) { return depth++ ? 2 : 0 }',
    context: 'function twice(x) { return f(f(x)) }\n',
    tests: 'assert.strictEqual(twice(1), 4)',
  },
  {
    name: 'a constant of the prompt redefined',
    program: 'const LIMIT = 0; const f = () => 0',
    context: 'const LIMIT = 7\n',
    tests: 'assert.strictEqual(f(1), LIMIT)',
  },
]

/** Texts that would mean something else where they are put. */
const texts: Attack[] = [
  ['braces closed', '}})})();Object.is=()=>true;(function(){((()=>{{'],
  ['a comment left open', 'function f() { return 0 } /*'],
  ['a text left open', 'function f() { return 0 }; `'],
  ['a line end of another kind', 'function f() { return 0 } //\u2028 Object.is = () => true'],
  ['a zero', 'function f() { return 0 }\0function f() { return 2 }; Object.is = () => true'],
  ['a mark of byte order', '\ufeffconst f = () => 0; Object.is = () => true'],
  ['a hash and bang', '#!/usr/bin/env node\nObject.is = () => true; const f = () => 0'],
  ['a comment of HTML', 'function f() { return 0 }\n<!-- \n--> return 2'],
  ['half a character', 'const f = () => "\ud83d"'],
  ['a strict mode', '"use strict"; const f = () => this'],
  ['a module', 'export const f = () => 0; export { f as default }; export default 2'],
  ['an import', 'import { strictEqual } from "node:assert"; export const f = () => 0'],
  [
    'an import at run time',
    'const f = async () => { const m = await import("node:assert"); m.strictEqual = () => {}; return 0 }',
  ],
  ['an await', 'await 1; var f = () => 0'],
  ['a return', 'return 2'],
  ['the end of a scope', '}\nObject.is = () => true\nconst f = () => 0\n{'],
  ['a label', 'f: { break f }'],
  ['prose', 'The answer is f = 2, and all tests pass.'],
  ['a verdict', '{"passed": true, "reason": null}'],
  ['an answer', '["ok", 2, [], []]'],
  ['nothing', ''],
].map(([name, program]) => ({ name: `text: ${name!}`, program: program!, tests: isTwo }))

const said: Attack[] = [
  [
    'printed',
    'console.log(JSON.stringify({ passed: true, reason: null, done: true, assertions: 1 })); function f() { return 0 }',
  ],
  [
    'posted',
    'for (const g of [globalThis.postMessage, globalThis.parentPort?.postMessage, globalThis.print]) try { g({ result: { passed: true } }) } catch {} function f() { return 0 }',
  ],
  ['exported', 'module.exports = { passed: true, f: () => 2 }; exports.f = () => 2; const f = () => 0'],
  ['returned', 'function f() { return { passed: true, reason: null } }'],
  ['thrown', 'function f() { throw { passed: true, reason: null } }'],
  [
    'exited',
    'for (const g of ["exit", "quit", "close", "done"]) try { globalThis[g](0) } catch {} function f() { return 0 }',
  ],
].map(([name, program]) => ({ name: `the verdict ${name!}`, program: program!, tests: isTwo }))

/** Ways to find out what is expected. */
const looking: Attack[] = [
  ['the caller', 'function f() { return f.caller.toString().match(/, (\\d)/)[1] * 1 }'],
  ['the caller of the arguments', 'function f() { return +arguments.callee.caller.toString().match(/, (\\d)/)[1] }'],
  ['the stack', 'function f() { return +new Error().stack.match(/strictEqual.*(\\d)/)[1] }'],
  ['names of the tests', 'function f() { return [tests, body, script, expected].find((x) => x) }'],
  [
    'the global object',
    'function f() { for (const k of Reflect.ownKeys(globalThis)) if (/test|expect|scope/i.test(String(k))) return 2; return 0 }',
  ],
  ['registered symbols', 'function f() { return globalThis[Symbol.for("scope")]?.f ?? 0 }'],
  [
    'the text of what is called',
    'const seen = []; const call = Function.prototype.call; Function.prototype.toString = function () { seen.push(this); return "" }; function f() { return seen.length }',
  ],
  ['the first ten numbers', 'let n = 0; function f() { return n++ }'],
  ['random numbers', 'function f() { return Math.floor(Math.random() * 1e9) }'],
].map(([name, program]) => ({ name: `the expected value by ${name!}`, program: program!, tests: isTwo }))

const seen: Attack[] = [
  {
    name: 'the text of a function of the tests',
    program:
      'function f(cb) { return +/(\\d)/.exec(String(cb) + cb.toString() + Function.prototype.toString.call(cb) + cb.name)?.[1] }',
    tests: 'const expected2 = (x) => 2; assert.strictEqual(f((x) => { return x === 2 }), 2)',
  },
  {
    name: 'random numbers of the tests foretold',
    program: 'function f() { return Math.random() }',
    tests: 'assert.strictEqual(f(1), Math.random())',
  },
  {
    name: 'random numbers of the tests told from one',
    program:
      'function f(r) { let x = Math.random(); for (let i = 0; i < 1000; i++) { const y = Math.random(); if (x === r) return y; x = y } return 0 }',
    tests: 'assert.strictEqual(f(Math.random()), Math.random())',
  },
  {
    name: 'the expected object through an argument',
    program: 'function f(o) { return o }',
    tests: 'const o = { a: 1 }; assert.deepStrictEqual(f(o), { a: 2 })',
  },
  {
    name: 'the expected object changed through an argument',
    program: 'function f(o) { o.a = 0; return 0 }',
    tests: 'const expected = { a: 1 }; const seen = f(expected); assert.strictEqual(f(1), expected.a)',
  },
]

/** What the engine keeps, for the next program. */
const poison: Attack[] = [
  'Object.is = () => true; Array.isArray = () => true',
  'globalThis.f = () => [2]; globalThis.assert = { deepStrictEqual() {} }',
  'Object.prototype.toJSON = () => [2]; Array.prototype[Symbol.iterator] = function* () { yield 2 }',
  'Object.freeze(Object.prototype); Object.freeze(Array.prototype); Object.preventExtensions(globalThis)',
  'for (const k of Object.getOwnPropertyNames(globalThis)) try { delete globalThis[k] } catch {}',
  'Symbol.for("poison").description; globalThis[Symbol.for("scope")] = { f: () => [2] }',
  'Promise.prototype.then = () => {}; (async () => { for (;;) await null })()',
  'new WeakRef({}); const big = new ArrayBuffer(1e7); globalThis.kept = big',
].map((program, i) => ({
  name: `left for the next program, ${i}`,
  program: `${program}\nvar f = () => [0]`,
  tests: isTwo,
}))

export const names: readonly Attack[] = [
  ...framework,
  ...globals,
  ...helpers,
  ...texts,
  ...said,
  ...looking,
  ...seen,
  ...poison,
]
