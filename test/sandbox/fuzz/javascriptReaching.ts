/** Programs that try to reach the realm of the tests through what they are given: functions, their results, and objects. */
import type { Attack } from './javascriptAttack.js'

/** What would make the tests pass if it ran in their realm. */
const forgeries = [
  'Object.is = () => true',
  'globalThis.assert = Object.assign(() => {}, { strictEqual() {}, equal() {} })',
  'Error.prototype.constructor = Array; Object.prototype.toString = null',
]

/** Ways from a function that the tests handed out to a constructor of functions. */
const waysToCode = {
  constructor: 'cb.constructor',
  __proto__: 'cb.__proto__.constructor',
  getPrototypeOf: 'Object.getPrototypeOf(cb).constructor',
  'Reflect.get': 'Reflect.get(cb, "constructor")',
  'a method': 'cb.call.constructor',
  bind: 'cb.bind(null).constructor',
  toString: 'cb.toString.constructor',
  'a descriptor': 'Object.getOwnPropertyDescriptor(Object.getPrototypeOf(cb), "constructor").value',
  'the result': 'cb(1).constructor.constructor',
  'an instance': 'Object.create(cb).constructor',
  'a property by symbol': 'cb[Symbol.hasInstance].constructor',
  'the global object': 'cb.call(undefined).constructor.constructor',
} as const

const throughConstructors: Attack[] = Object.entries(waysToCode).flatMap(([way, code]) =>
  forgeries.map((forgery, i) => ({
    name: `constructor of functions through ${way}, forgery ${i}`,
    program: `function f(cb) { try { ${code}(${JSON.stringify(forgery)})() } catch {} return 0 }`,
    tests: 'assert.strictEqual(f((x) => ({ x })), 2)',
  })),
)

/** Functions of tests that do more than they should when they are called with what the author did not think of. */
const deputies = {
  'reads any property': ['(o, k) => o[k]', 'const F = cb(cb, "constructor"); F("Object.is = () => true")()'],
  'calls any method': ['(o, k, ...a) => o[k](...a)', 'cb(cb, "constructor", "Object.is = () => true")()'],
  'calls any method of an own copy': [
    '(o, k, ...a) => o[k](...a)',
    'cb({}, "constructor").constructor.constructor("Object.is = () => true")()',
  ],
  'calls any function': ['(g, ...a) => g(...a)', 'cb(cb, cb, cb, Function, "Object.is = () => true")()'],
  'writes any property': [
    '(o, k, v) => { o[k] = v }',
    'cb(cb, "__proto__", { call: () => 2, apply: () => 2 }); cb({}, "__proto__", null); cb(cb, "constructor", () => 2)',
  ],
  'writes two levels deep': [
    '(o, a, b, v) => { o[a][b] = v }',
    'cb(cb, "__proto__", "call", () => 2); cb({}, "__proto__", "toString", () => "2"); cb({}, "constructor", "is", () => true)',
  ],
  'three levels deep': [
    '(o, a, b, c, v) => { o[a][b][c] = v }',
    'cb(cb, "constructor", "prototype", "call", () => 2); cb([], "constructor", "prototype", "every", () => true)',
  ],
  'constructs anything': ['(C, ...a) => new C(...a)', 'cb(Function, "Object.is = () => true")(); cb(cb)'],
  'merges anything': [
    '(a, b) => { for (const k in b) if (typeof b[k] === "object") Object.assign(a[k] ??= {}, b[k]); else a[k] = b[k]; return a }',
    'cb({}, JSON.parse(\'{"__proto__": {"is": 1}, "constructor": {"is": 1, "prototype": {"x": 1}}}\'))',
  ],
  'hands out itself': ['(x) => ({ cb: (y) => y, x })', 'cb(1).cb.constructor("Object.is = () => true")()'],
  'hands out its this': ['function () { return this }', 'cb.call(undefined).Object.is = () => true; cb.call(cb).x = 1'],
  evaluates: ['(s) => eval(s)', 'cb("Object.is = () => true"); cb("assert.strictEqual = () => {}")'],
  'makes functions of text': ['(s) => new Function(s)()', 'cb("Object.is = () => true")'],
  'is asynchronous': [
    'async (x) => x',
    'cb(1).constructor.constructor("Object.is = () => true")(); cb(1).then.constructor("1")()',
  ],
  'is a generator': [
    'function* () { yield 1 }',
    'const g = cb(); g.next.constructor("Object.is = () => true")(); g.constructor.constructor("1")()',
  ],
} as const

const throughDeputies: Attack[] = Object.entries(deputies).map(([name, [callback, attempt]]) => ({
  name: `a function of the tests that ${name}`,
  program: `function f(cb) { try { ${attempt} } catch {} return 0 }`,
  tests: `assert.strictEqual(f(${callback}), 2)`,
}))

/** Built-in functions that tests hand over; the program gets its own. */
const builtIns = [
  'Function',
  'Object',
  'Array',
  'Reflect.get',
  'Reflect.set',
  'Reflect.apply',
  'Reflect.construct',
  'Object.assign',
  'Object.defineProperty',
  'Object.setPrototypeOf',
  'Object.getPrototypeOf',
  'Object.getOwnPropertyDescriptor',
  'JSON.parse',
  'JSON.stringify',
  'Array.from',
  'Proxy',
  'Promise',
  'Map',
  'Symbol',
  'eval',
]
const throughBuiltIns: Attack[] = builtIns.map((name) => ({
  name: `the built-in function ${name} as an argument`,
  program: `function f(g, h) {
    for (const attempt of [
      () => g("Object.is = () => true")(), () => g(h, "constructor")("Object.is = () => true")(), () => g(h).constructor("Object.is = () => true")(),
      () => g(h, "constructor", { value: 1 }), () => g(Object, { is: () => true }), () => g(Object, "is", () => true), () => g(h, undefined, []).x,
      () => new g(h, {}), () => g(g, h, g), () => g(Function, ["Object.is = () => true"])(), () => g(Function, null, ["Object.is = () => true"])(),
    ]) try { attempt() } catch {}
    return 0
  }`,
  tests: `assert.strictEqual(f(${name}, (x) => x), 2)`,
}))

/** Objects of tests: the program gets copies, and methods that do what they do. */
const objects = {
  'a plain object': '{ a: 1, g: (x) => x }',
  'an instance': 'new (class Account { constructor() { this.sum = 1 } add(x) { this.sum += x; return this } })()',
  'an iterator': '[1, 2][Symbol.iterator]()',
  'a generator': '(function* () { yield 1 })()',
  'a promise': 'Promise.resolve(1)',
  'an error': 'new TypeError("x")',
  'a map': 'new Map([[1, (x) => x]])',
  'a class': 'class Account { static all = [] }',
  'a bound function': '((x) => x).bind(null)',
  'the module of assertions': 'Object.assign({}, { check: (x) => assert(x) })',
  'a regular expression': '/(a+)+$/',
  'a typed array': 'new Uint8Array(4)',
  'a date': 'new Date(0)',
  'an array of functions': '[(x) => x, (x) => x]',
} as const

const throughObjects: Attack[] = Object.entries(objects).map(([name, value]) => ({
  name: `${name} of the tests`,
  program: `function f(given) {
    const seen = new Set(), waiting = [given]
    for (let steps = 0; waiting.length > 0 && steps < 300; steps++) {
      const value = waiting.pop()
      if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) continue
      seen.add(value)
      try { value.constructor.constructor('Object.is = () => true')() } catch {}
      try { value.constructor.prototype.toString = () => 2; value.__proto__.valueOf = () => 2 } catch {}
      for (const key of Reflect.ownKeys(value)) try { waiting.push(value[key], Object.getPrototypeOf(value)); if (typeof value[key] === 'function') waiting.push(value[key]('constructor')) } catch {}
    }
    return 0
  }`,
  tests: `assert.strictEqual(f(${value}), 2)`,
}))

/** Calls of functions that the tests handed out, at times and in numbers that they do not expect. */
const calls: Attack[] = [
  {
    name: 'an assertion that fails in a callback is caught',
    program: 'function f(cb) { try { cb(1) } catch {} return 2 }',
    tests: 'assert.strictEqual(f((x) => assert.strictEqual(x, 2)), 2)',
  },
  {
    name: 'an assertion that fails in an asynchronous callback is caught',
    program: 'async function f(cb) { await cb(1).catch(() => 0); return 2 }',
    tests: 'assert.strictEqual(await f(async (x) => { await null; assert.strictEqual(x, 2) }), 2)',
  },
  {
    name: 'a callback that is not called',
    program: 'function f(cb) { return 2 }',
    tests: 'let count = 0; assert.strictEqual(f(() => { count++ }), 2); assert.strictEqual(count, 1)',
  },
  {
    name: 'a callback that is kept and called by the next call',
    program: 'let kept; function f(cb) { if (kept) kept(); kept = cb; return 2 }',
    tests: 'const seen = []; f(() => seen.push(1)); f(() => seen.push(2)); assert.deepStrictEqual(seen, [1, 2])',
  },
  {
    name: 'a callback that is called after the tests',
    program:
      'function f(cb) { const later = () => { try { cb() } catch {} return Promise.resolve().then(later) }; later(); return 0 }',
    tests: 'let passed = false; f(() => { passed = true }); assert(passed && f(() => {}) === 2)',
  },
  {
    name: 'a callback within itself',
    program:
      'function f(cb) { let depth = 0; const g = () => { try { depth++; return cb(g) } catch { return 2 } }; return g() }',
    tests: 'assert.strictEqual(f((g) => g()), 2)',
  },
  {
    name: 'a callback at the end of the stack',
    program:
      'function f(cb) { function down() { try { return down() } catch { try { cb(1) } catch {} return 2 } } return down() }',
    tests: 'let n = 0; assert.strictEqual(f((x) => { n++; assert.strictEqual(x, 2) }), 2); assert(n > 0)',
  },
  {
    name: 'a callback with arguments that are never as they were',
    program:
      'function f(cb) { return cb(new Proxy([], { get: (t, k) => (k === "length" ? Math.random() * 4 : t[k]) })) }',
    tests:
      'assert.strictEqual(f((list) => list.length * 0 + 2 + list.length), 2); assert.strictEqual(f((list) => (list.length = 5)), 2)',
  },
  {
    name: 'functions constructed that can only be called',
    program: 'function f(C) { try { return new C(2).x } catch { return Reflect.construct(Object, [], C) } }',
    tests: 'assert.strictEqual(f(function (x) { this.x = x }), 2)',
  },
  {
    name: 'numbers of functions guessed',
    program: `function f(cb) { const made = []; for (let i = 0; i < 50; i++) made.push(Object.setPrototypeOf(function () {}, cb)); for (const g of made) try { g() } catch {} return 0 }`,
    tests: 'assert.strictEqual(f((x) => 2), 2)',
  },
  {
    name: 'a promise of the tests settled by the program',
    program: 'function f(p) { p.then = (r) => r(2); p.resolve?.(2); return 0 }',
    tests: 'const p = new Promise(() => {}); f(p); assert.strictEqual(await Promise.race([p, Promise.resolve(1)]), 2)',
  },
  {
    name: 'resolve called twice, and with a promise of its own',
    program:
      'function f() { return { then(resolve, reject) { resolve(1); resolve(2); reject(2); resolve({ then: (r) => r(2) }) } } }',
    tests: 'assert.strictEqual(await f(), 2)',
  },
]

export const reaching: readonly Attack[] = [
  ...throughConstructors,
  ...throughDeputies,
  ...throughBuiltIns,
  ...throughObjects,
  ...calls,
]
