/** Programs that play with promises, generators and exceptions: what comes late, twice, never, or not as an error. */
import type { Attack } from './javascriptAttack.js'

const isTwo = 'assert.strictEqual(await f(1), 2)'

const thenables = {
  'never settles': '{ then() {} }',
  'settles with another one, without end': '{ then(r) { r(this) } }',
  'rejects with what is right': '{ then(_, no) { no(2) } }',
  'throws what is right': '{ then() { throw 2 } }',
  'has a getter for then': '{ get then() { return (r) => r(0) } }',
  'calls back with nothing': '{ then(r) { r() } }',
  'hands its resolver on': '{ then(r) { r.constructor("Object.is = () => true"); r({ then: r }) } }',
  'is a proxy': 'new Proxy({}, { get: () => (r) => r(0) })',
  'is a function': 'Object.assign(() => 2, { then: (r) => r(() => 2) })',
  'is a promise with a then of its own': 'Object.assign(Promise.resolve(1), { then: (r) => r(3) })',
  'is a promise of another kind':
    'new (class extends Promise { then(r) { return super.then(() => r(3)) } })((r) => r(1))',
  'resolves to a value that cannot cross': 'Promise.resolve(new Proxy([], { get() { throw 2 } }))',
  'is rejected with itself': '(() => { const p = Promise.reject(); p.catch(() => 0); return p })()',
  'is rejected with an error that says it is an assertion':
    'Promise.reject(Object.assign(new Error("2"), { name: "AssertionError" }))',
} as const

const promises: Attack[] = Object.entries(thenables).map(([name, code]) => ({
  name: `a promise that ${name}`,
  program: `function f() { return ${code} }`,
  tests: isTwo,
}))

/** Changes to promises in the program's realm. */
const tampered: Attack[] = [
  'Promise.prototype.then = function (r) { return r(2) }',
  'Promise.prototype.then = () => { throw 2 }',
  'Promise.prototype.then = undefined',
  'Promise.prototype.constructor = { [Symbol.species]: function (g) { g(() => 2, () => 2) } }',
  'Object.defineProperty(Promise, Symbol.species, { value: null })',
  'globalThis.Promise = class { constructor() { return { then: (r) => r(2) } } }',
  'Promise.resolve = () => ({ then: (r) => r(2) })',
  'Object.setPrototypeOf(Promise.prototype, new Proxy({}, { get: () => 2 }))',
  'delete Promise.prototype.then',
  'const F = (async () => 0).constructor; F.prototype = { then: (r) => r(2) }',
].map((change) => ({
  name: `promises changed: ${change}`,
  program: `${change}\nasync function f() { return 0 }`,
  tests: isTwo,
}))

const late: Attack[] = [
  {
    name: 'the second call is rejected where nobody waits',
    program: 'let n = 0; async function f() { if (n++) throw new Error("no"); return 2 }',
    tests: 'async function test() { assert.strictEqual(await f(1), 2); assert.strictEqual(await f(2), 3) }\ntest()',
  },
  {
    name: 'the second call is rejected in the first of two that nobody waits for',
    program: 'let n = 0; async function f() { if (n++) throw new Error("no"); return 2 }',
    tests:
      'async function one() { assert.strictEqual(await f(1), 2); assert.strictEqual(await f(2), 3) }\nasync function two() { assert.ok(1) }\none()\ntwo()',
  },
  {
    name: 'an assertion that fails where nobody waits',
    program: 'async function f(x) { return 2 }',
    tests:
      'async function test() { assert.strictEqual(await f(1), 2); assert.strictEqual(await f(2), 3) }\ntest(); assert.ok(1)',
  },
  {
    name: 'never settled from the second call on',
    program: 'let n = 0; function f() { return n++ ? new Promise(() => {}) : Promise.resolve(2) }',
    tests: 'assert.strictEqual(await f(1), 2); assert.strictEqual(await f(2), 3)',
  },
  {
    name: 'endless jobs',
    program: 'const next = () => Promise.resolve().then(next); next(); async function f() { return 0 }',
    tests: isTwo,
  },
  {
    name: 'endless jobs after the result',
    program: 'const next = () => Promise.resolve().then(next); async function f() { next(); return 0 }',
    tests: isTwo,
  },
  {
    name: 'a result that is another one when it is awaited again',
    program: 'let n = 0; function f() { return { then: (r) => r([2, 0][n++ % 2]) } }',
    tests: 'const p = f(1); assert.strictEqual(await p, 2); assert.strictEqual(await p, 2)',
  },
  {
    name: 'a rejection that the tests want, for another reason',
    program: 'async function f() { throw { name: "Error", message: { toString: () => "negative" } } }',
    tests: 'await assert.rejects(f(-1), /negative/)',
  },
  {
    name: 'a callback called once it is too late',
    program: 'function f(cb) { Promise.resolve().then(() => Promise.resolve()).then(() => cb(2)); return 0 }',
    tests: 'let seen; f((x) => { seen = x }); assert.strictEqual(seen, 2)',
  },
]

const generators: Attack[] = [
  ['yields without end', '(function* () { for (;;) yield 2 })()'],
  ['an iterator without next', '{ [Symbol.iterator]() { return {} } }'],
  [
    'an iterator whose done is an object',
    '{ [Symbol.iterator]() { return { next: () => ({ value: 2, done: {} }) } } }',
  ],
  ['an iterator that is never done', '{ [Symbol.iterator]() { return { next: () => ({ value: 2 }) } } }'],
  ['an iterator that returns no objects', '{ [Symbol.iterator]() { return { next: () => 2 } } }'],
  [
    'an iterator with getters',
    '{ [Symbol.iterator]() { return { next: () => ({ get value() { return 0 }, get done() { return this.n++ > 1 }, n: 0 }) } } }',
  ],
  [
    'an iterator that throws when closed',
    '{ [Symbol.iterator]() { return { next: () => ({ value: 0, done: false }), return() { throw 2 } } } }',
  ],
  ['a list whose iterator is another one', 'Object.assign([0], { [Symbol.iterator]: () => [2][Symbol.iterator]() })'],
].map(([name, code]) => ({
  name: `iteration: ${name!}`,
  program: `function f() { return ${code!} }`,
  tests: 'const found = []; for (const x of f(1)) { if (found.push(x) > 5) break } assert.deepStrictEqual(found, [2])',
}))

const thrown = {
  nothing: 'undefined',
  'a number': '2',
  'a symbol': 'Symbol("2")',
  'a function': '() => 2',
  'a proxy': 'new Proxy({}, { get() { throw 2 }, getPrototypeOf() { throw 2 }, ownKeys() { throw 2 } })',
  'a revoked proxy': '(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy })()',
  'without a prototype': 'Object.create(null)',
  'with an endless message': '{ get message() { for (;;) {} } }',
  'with a name that throws': 'Object.defineProperty(new Error("x"), "name", { get() { throw 2 } })',
  'an error of the tests':
    'Object.assign(new Error("the tests pass"), { name: "AssertionError", code: "ERR_ASSERTION" })',
  'a large error': 'new Error("x".repeat(2 ** 24))',
  'a cycle': '(() => { const e = new Error("x"); e.cause = e; e.self = [e]; return e })()',
  'a promise': 'Promise.resolve(2)',
  'a large number': '2n ** 4096n',
  'a kind of error with code':
    'new (class extends Error { get message() { return "2" } get name() { return "x".constructor.constructor("2") } })()',
  'a message that is an answer': `new Error('"],["ok",2,[],[]]')`,
} as const

const exceptions: Attack[] = Object.entries(thrown).flatMap(([name, code]) => [
  { name: `thrown at once: ${name}`, program: `throw ${code}`, tests: 'assert.strictEqual(f(1), 2)' },
  {
    name: `thrown by the function: ${name}`,
    program: `function f() { throw ${code} }`,
    tests: 'assert.strictEqual(f(1), 2)',
  },
  {
    name: `thrown where tests catch: ${name}`,
    program: `function f() { throw ${code} }`,
    tests: 'let r = 0; try { r = f(1) } catch (e) { r = [e] } assert.strictEqual(r, 2)',
  },
  {
    name: `thrown through a function of the tests: ${name}`,
    program: `function f(cb) { try { return cb(() => { throw ${code} }) } catch { return 0 } }`,
    tests: 'assert.strictEqual(f((g) => g()), 2)',
  },
])

export const asynchronous: readonly Attack[] = [...promises, ...tampered, ...late, ...generators, ...exceptions]
