/** Programs that return objects which lie about what they are when tests compare, count, convert or judge them. */
import type { Attack } from './javascriptAttack.js'

/** What tests do with a result that should be the list [2], and may be anything. */
const questionsOfLists = {
  'deep equality': 'assert.deepStrictEqual(f(1), [2])',
  'loose deep equality': 'assert.deepEqual(f(1), [2])',
  'loose equality': 'assert(f(1) == 2)',
  JSON: 'assert.strictEqual(JSON.stringify(f(1)), "[2]")',
  every: 'const r = f(1); assert(r.every((x) => x === 2) && r.length === 1)',
  'some and includes': 'const r = f(1); assert(r.some((x) => x === 2) || r.includes(2) || r.indexOf(2) === 0)',
  spread: 'assert.deepStrictEqual([...f(1)], [2])',
  join: 'assert.strictEqual([f(1)].join(), "2")',
} as const

/** The same for a result that should be the number 2. */
const questionsOfNumbers = {
  'a small difference': 'assert(Math.abs(f(1) - 2) < 1e-6)',
  order: 'const r = f(1); assert(r > 1 && r < 3)',
  'order of two': 'const r = f(1); assert(r <= 2); assert(r >= 2)',
  arithmetic: 'assert.strictEqual(f(1) * 1, 2)',
  'a text': 'assert.strictEqual(`${f(1)}`, "2")',
  'part of a text': 'const r = f(1); assert("12".includes(r) && "12".endsWith(r) && r.length === 1)',
  'a key': 'assert.strictEqual({ 2: "x" }[f(1)], "x")',
  parseInt: 'assert.strictEqual(parseInt(f(1)), 2)',
  bits: 'assert.strictEqual(f(1) | 0, 2)',
  Number: 'assert.strictEqual(Number(f(1)), 2)',
  'a polynomial': 'const r = f(1); assert(Math.abs(4 - 2 * r) < 1e-3 && Math.abs(r * r - 4) < 1e-3)',
} as const

/** Objects that say of themselves whatever is asked for, each time something else. */
const liars = {
  valueOf: '{ valueOf: () => say(), toString: () => say() }',
  toPrimitive: '{ [Symbol.toPrimitive]: () => say() }',
  'a class': 'new (class { valueOf() { return say() } toString() { return say() } toJSON() { return say() } })()',
  'a function':
    'Object.assign(() => 0, { valueOf: say, toString: say, [Symbol.toPrimitive]: say, every: () => true, includes: () => true })',
  'a proxy':
    'new Proxy({}, { get: (_, k) => (k === "length" ? 1 : (...a) => say()), has: () => true, ownKeys: () => [], getPrototypeOf: () => Array.prototype })',
  'a proxy of a list':
    'new Proxy([0], { get: (t, k) => (k === "every" || k === "some" || k === "includes" ? () => true : t[k]) })',
  'a kind of list':
    'new (class extends Array { every() { return true } some() { return true } includes() { return true } indexOf() { return 0 } get length() { return 1 } valueOf() { return say() } })()',
  'a list with methods':
    'Object.assign([0], { every: () => true, some: () => true, includes: () => true, indexOf: () => 0, toString: () => say(), toJSON: () => say() })',
  'like a list':
    '{ length: 1, every: () => true, some: () => true, includes: () => true, indexOf: () => 0, map: () => [say()], [Symbol.iterator]: () => ({ next: () => ({ done: true }) }) }',
  'of the prototype of lists':
    'Object.create(Array.prototype, { length: { value: 1 }, every: { value: () => true }, some: { value: () => true }, includes: { value: () => true } })',
  'a kind of number':
    'new (class extends Number { valueOf() { return say() } toString() { return say() } [Symbol.toPrimitive]() { return say() } })(0)',
  'a boxed number that lies': 'Object.assign(new Number(0), { valueOf: say, toString: say })',
  'a kind of text':
    'new (class extends String { valueOf() { return say() } toString() { return say() } includes() { return true } })("x")',
  'a kind of date':
    'new (class extends Date { valueOf() { return say() } getTime() { return say() } [Symbol.toPrimitive]() { return say() } })(0)',
  'a kind of map':
    'new (class extends Map { get size() { return 1 } has() { return true } get() { return 2 } every() { return true } })()',
  'a kind of promise': 'new (class extends Promise { every() { return true } valueOf() { return say() } })(() => {})',
  'equal to itself only': '(() => { const o = {}; o.self = o; o.valueOf = say; return o })()',
  'an error': 'Object.assign(new Error("2"), { valueOf: say, toString: say, every: () => true, length: 1 })',
  'without a prototype':
    'Object.assign(Object.create(null), { valueOf: say, toString: say, every: () => true, length: 1 })',
  'a getter that changes': '{ get 0() { return say() }, get length() { return say() }, valueOf: say }',
  'a getter of valueOf':
    '{ get valueOf() { return say }, get toString() { return say }, get [Symbol.toPrimitive]() { return say } }',
  'a proxy that hides its functions':
    'new Proxy({ valueOf: 1, toString: 1, every: 1, length: 1 }, { get: (t, k) => (k === "length" ? 1 : k === "then" ? undefined : say) })',
  'a proxy that hides its getters':
    'new Proxy(Object.defineProperties({}, { valueOf: { get: () => say, enumerable: true, configurable: true } }), { getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }) })',
  'an error with functions that hide':
    'new Proxy(Object.assign(new Error("2"), { valueOf: 1 }), { get: (t, k) => (k === "valueOf" ? (say(), [1, say][said % 2]) : t[k]) })',
  'a generator': '(function* () { for (;;) yield say() })()',
  'a symbol': 'Symbol("2")',
  NaN: 'NaN',
  'an empty list': '[]',
  'an empty text': '""',
} as const

// Never the same, and never 2.
const say =
  'let said = 0; const say = () => ["1", 3, "", 1.5, "[3]", null, 0, undefined, true, "x", 2.5, -1][said++ % 12];'

const asked = (questions: Readonly<Record<string, string>>, kind: string): Attack[] =>
  Object.entries(questions).flatMap(([question, tests]) =>
    Object.entries(liars).map(([liar, code]) => ({
      name: `${liar} for ${kind}, asked by ${question}`,
      program: `${say}\nfunction f() { return ${code} }`,
      tests,
    })),
  )

const others: Attack[] = [
  ...[
    ['forEach() {}', 'r.forEach((x) => assert.ok(x > 1))'],
    ['map: () => []', 'for (const x of r.map((y) => y)) assert.ok(x > 1)'],
    ['filter: () => []', 'assert.deepStrictEqual(r.filter((x) => x <= 1), [])'],
    ['slice: () => []', 'for (const x of r.slice()) assert.ok(x > 1)'],
    ['join: () => ""', 'for (const x of r.join("")) assert.ok(x > "1")'],
    ['[Symbol.iterator]: () => [][Symbol.iterator]()', 'for (const x of r) assert.ok(x > 1)'],
  ].map(([member, use]) => ({
    name: `as long as it should be, and empty: ${member!}`,
    program: `const f = () => ({ length: 2, ${member!} })`,
    tests: `const r = f(1); assert.strictEqual(r.length, 2); ${use!}`,
  })),
  {
    name: 'its this, which names are looked up in',
    program: 'const every = () => true, expected = 2\nfunction f() { return this }',
    tests: 'const r = f(1); assert.strictEqual(r.expected, 2); assert.ok(r.assert)',
  },
  {
    name: 'one member twice for two members',
    program: 'const f = () => new Set([[1], [1]])',
    tests: 'assert.deepStrictEqual(f(1), new Set([[1], [2]]))',
  },
  {
    name: 'one entry twice for two entries',
    program: 'const f = () => new Map([[[1], 1], [[1], 1]])',
    tests: 'assert.deepStrictEqual(f(1), new Map([[[1], 1], [[2], 1]]))',
  },
  {
    name: 'an instance of everything',
    program: 'class Shape { static [Symbol.hasInstance]() { return true } }\nfunction f() { return 5 }',
    tests: 'assert(f(1) instanceof Shape)',
  },
  {
    name: 'a class that says it is a list',
    program:
      'class A { get [Symbol.toStringTag]() { return "Array" } get ["constructor"]() { return Array } }\nfunction f() { return new A() }',
    tests:
      'const r = f(1); assert(r instanceof Array || Array.isArray(r) || Object.prototype.toString.call(r) === "[object Array]")',
  },
  {
    name: 'another value at each call',
    program: 'let n = 0\nfunction f() { return [1, 3, 4, 5][n++ % 4] }',
    tests: 'assert(f(1) === 2 || f(1) === 2 || f(1) === 2)',
  },
  {
    name: 'a result that the tests change',
    program: 'const shared = []\nfunction f() { return shared }',
    tests: 'const r = f(1); r.push(2); assert.deepStrictEqual(f(1), [2])',
  },
  {
    name: 'arguments emptied, and a value of its own returned',
    program: 'function f(xs) { xs.length = 0; return 0 }',
    tests:
      'const xs = [3, 4, 5]; const root = f(xs); assert(Math.abs(xs.reduce((s, x, i) => s + x * root ** i, 0)) < 1e-4)',
  },
  {
    name: 'arguments set to what the tests expect',
    program: 'function f(xs) { for (let i = 0; i < xs.length; i++) xs[i] = 0; return 0 }',
    tests: 'const xs = [3, 4]; const sum = f(xs); assert.strictEqual(sum, xs[0] + xs[1])',
  },
  {
    name: 'a boolean that is both',
    program: 'function f() { return { valueOf: () => false } }',
    tests: 'const r = f(1); assert(r == true || r == false); assert.strictEqual(typeof r, "boolean")',
  },
  {
    name: 'minus zero and NaN',
    program: 'let n = 0\nfunction f() { return n++ ? NaN : -0 }',
    tests: 'assert.strictEqual(f(1), 0); assert.strictEqual(f(1), 0)',
  },
  {
    name: 'a text with two ends',
    program: 'function f() { return "2\\u0000x" }',
    tests: 'assert.strictEqual(f(1), "2")',
  },
  {
    name: 'half a character',
    program: 'function f() { return "\\ud83d" }',
    tests: 'assert.strictEqual(f(1), "\\ufffd")',
  },
  {
    name: 'a number too large to be exact',
    program: 'function f() { return 9007199254740993n }',
    tests: 'assert.strictEqual(f(1), 9007199254740992n)',
  },
  {
    name: 'a key that is a prototype',
    program: 'function f() { return JSON.parse(\'{"__proto__": {"a": 2}}\') }',
    tests: 'assert.strictEqual(f(1).a, 2)',
  },
  {
    name: 'an error that is the expected one by its prototype only',
    program: 'function f() { throw Object.create(RangeError.prototype) }',
    tests: 'assert.throws(() => f(1), { name: "RangeError", message: "negative" })',
  },
  {
    name: 'an exception whose message is found in everything',
    program:
      'function f() { throw { message: { includes: () => true, match: () => true, toString: () => "negative" } } }',
    tests: 'let seen; try { f(1) } catch (e) { seen = e.message.includes("negative") } assert(seen)',
  },
]

export const lying: readonly Attack[] = [
  ...asked(questionsOfLists, 'a list'),
  ...asked(questionsOfNumbers, 'a number'),
  ...others,
]
