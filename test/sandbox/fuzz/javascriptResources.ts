/** Programs that take time, memory or stack: for themselves, while a value crosses, or from the tests and the next program. */
import type { Attack } from './javascriptAttack.js'

const isTwo = 'assert.strictEqual(f(1), 2)'

/** Values that take much to cross, to compare or to show. */
const values = {
  'a large text': '"x".repeat(2 ** 25)',
  'a large list': 'new Array(3e6).fill(0)',
  'a sparse list': 'new Array(2 ** 32 - 1)',
  'a list with one far element': '(() => { const a = []; a[2 ** 31] = 2; return a })()',
  'a deep list': '(() => { let x = []; for (let i = 0; i < 1e5; i++) x = [x]; return x })()',
  'a deep object': '(() => { let x = {}; for (let i = 0; i < 3e4; i++) x = { x }; return x })()',
  'a cycle': '(() => { const x = [2]; x.push(x); return x })()',
  'a wide object': 'Object.fromEntries(Array.from({ length: 2e5 }, (_, i) => ["k" + i, i]))',
  'a large map': 'new Map(Array.from({ length: 2e5 }, (_, i) => [i, i]))',
  'a large number': '2n ** 2n ** 20n',
  'a large buffer': 'new Uint8Array(2 ** 26)',
  'many functions': 'Array.from({ length: 1e5 }, () => () => 2)',
  'a getter that recurs': '(() => { const o = { get a() { return o.a } }; return o })()',
  'a getter that never returns': '({ get a() { for (;;) {} } })',
  'a getter that takes memory': '({ get a() { const kept = []; for (;;) kept.push(new Array(1e5).fill(kept)) } })',
  'a length that grows': 'new Proxy([], { get: (t, k) => (k === "length" ? 2 ** 31 : 2) })',
  'keys without end':
    'new Proxy({}, { ownKeys: () => Array.from({ length: 1e6 }, (_, i) => "k" + i), getOwnPropertyDescriptor: () => ({ value: 2, enumerable: true, configurable: true }) })',
  'a slow regular expression': '/^(a+)+$/',
  'an iterator without end': '(function* () { for (;;) yield 2 })()',
  'an object whose members have members':
    '(() => { const p = () => new Proxy({}, { get: () => p(), ownKeys: () => ["a", "b"], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }) }); return Object.assign(p(), { f() {} }) })()',
} as const

const uses = {
  compared: isTwo,
  'compared deeply': 'assert.deepStrictEqual(f(1), [2])',
  'as JSON': 'assert.strictEqual(JSON.stringify(f(1)), "[2]")',
  spread: 'assert.deepStrictEqual([...f(1)], [2])',
  used: 'const r = f(1); assert.ok(r instanceof RegExp ? r.test("a".repeat(40) + "b") : [r].flat(Infinity).length === 7)',
} as const

const crossing: Attack[] = Object.entries(values).flatMap(([name, code], i) => {
  const chosen = Object.entries(uses)
  // Each value in two ways, all ways in turn; what is iterated or tested in the way that does so as well.
  const ways = [chosen[i % chosen.length]!, chosen[(i + 2) % chosen.length]!, ...chosen.slice(3)]
  return [...new Map(ways)].map(([use, tests]) => ({
    name: `${name}, ${use}`,
    program: `function f() { return ${code} }`,
    tests,
  }))
})

const ending: Attack[] = [
  ['an endless loop', 'for (;;) {}'],
  ['an endless loop in the function', 'function f() { for (;;) {} }'],
  ['an endless loop in finally', 'function f() { try { return 2 } finally { for (;;) {} } }'],
  ['interrupts caught', 'function f() { for (;;) try { for (;;) {} } catch {} }'],
  ['interrupts caught, then right', 'function f() { try { for (;;) {} } catch { return 2 } }'],
  ['sorting without end', 'function f() { return [3, 2, 1].sort(() => { for (;;) {} })[0] }'],
  ['a slow regular expression', 'function f() { return /^(a+)+$/.test("a".repeat(50) + "b") ? 1 : 0 }'],
  ['replacing without end', 'function f() { let s = "x"; for (;;) s = s.replace(/x/g, "xx") }'],
  ['a large product', 'function f() { let x = 3n; for (;;) x *= x }'],
  ['a large text', 'function f() { let s = "x"; for (;;) s += s }'],
  ['memory', 'const kept = []; for (;;) kept.push(new Array(1e5).fill(kept))'],
  [
    'memory, caught',
    'function f() { const kept = []; for (;;) try { kept.push("x".repeat(1e7) + kept.length) } catch {} }',
  ],
  ['memory in buffers', 'const kept = []; for (;;) kept.push(new ArrayBuffer(1e8))'],
  ['memory in closures', 'let g = () => 0; for (;;) { const h = g; g = () => h }'],
  ['memory in symbols', 'const kept = {}; for (;;) kept[Symbol("x".repeat(1e4))] = 1'],
  ['recursion', 'function f() { return f() + 1 }'],
  ['recursion, caught', 'function f() { try { return f() } catch { return f() } }'],
  ['recursion in a getter', 'const o = { get a() { return o.a } }; function f() { return o.a }'],
  [
    'recursion in a proxy',
    'let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); function f() { return p.x }',
  ],
  ['recursion in JSON', 'function f() { let s = "[".repeat(1e5) + "]".repeat(1e5); return JSON.parse(s) }'],
  ['recursion in the parser', `function f() { return eval("(".repeat(1e5) + "2" + ")".repeat(1e5)) + 1 }`],
  [
    'recursion in a regular expression',
    'function f() { return new RegExp("(?:".repeat(1e5) + ")".repeat(1e5)).test("") ? 1 : 0 }',
  ],
  ['many regular expressions', 'for (let i = 0; ; i++) new RegExp("a{" + i + "}".repeat(10) + "x")'],
  ['waiting', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); function f() { return 0 }'],
  [
    'collecting what is left',
    'const r = new FinalizationRegistry(() => { for (;;) {} }); for (let i = 0; i < 1e5; i++) r.register({}, i); function f() { return 0 }',
  ],
].map(([name, program]) => ({ name: `takes what it gets: ${name!}`, program: program!, tests: isTwo }))

const between: Attack[] = [
  {
    name: 'a function of the tests without end',
    program: 'function f(cb) { for (;;) cb(() => cb(() => 2)) }',
    tests: 'assert.strictEqual(f((g) => g()), 2)',
  },
  {
    name: 'functions of both in turn, without end',
    program: 'function f(cb) { return cb(() => f(cb)) }',
    tests: 'assert.strictEqual(f((g) => g()), 2)',
  },
  {
    name: 'functions of both in turn, without end, caught',
    program: 'function f(cb) { try { return cb(() => f(cb)) } catch { return 2 } }',
    tests: 'let n = 0; assert.strictEqual(f((g) => { n++; return g() }), 3)',
  },
  {
    name: 'arguments that fill the memory of the tests',
    program: 'function f(cb) { const list = new Array(3e5).fill("x".repeat(20)); for (;;) cb(list) }',
    tests: 'const kept = []; assert.strictEqual(f((x) => { kept.push(x) }), 2)',
  },
  {
    name: 'memory of the tests, where they catch',
    program: 'function f() { return new Array(1e6).fill(0) }',
    tests:
      'const kept = []; let error = null; try { for (;;) kept.push(f(1), f(2)) } catch (e) { error = e } assert.ok(error === null)',
  },
  {
    name: 'an exception where the tests have no stack left',
    program: 'function f(cb) { return cb(cb) }',
    tests:
      'let error = null; const down = (g) => { down(g) }; try { f(down) } catch (e) { error = e } assert.strictEqual(error, 2)',
  },
  {
    name: 'code that takes long to prepare',
    program: 'export {\n'.repeat(2e4),
    tests: isTwo,
  },
  { name: 'a long program', program: `const f = () => [${'0,'.repeat(5e5)}].length`, tests: isTwo },
  { name: 'a deep program', program: `const f = () => ${'['.repeat(1e5)}${']'.repeat(1e5)}`, tests: isTwo },
  {
    name: 'a deep program in TypeScript',
    program: `const f = (): unknown => ${'['.repeat(2e4)}${']'.repeat(2e4)}`,
    tests: isTwo,
    language: 'typescript',
  },
  {
    name: 'a program in TypeScript that is too deep for its compiler',
    program: `const f = (): unknown => ${'['.repeat(3e5)}${']'.repeat(3e5)}`,
    tests: isTwo,
    language: 'typescript',
  },
  {
    name: 'a deep type',
    program: `type T = ${'Array<'.repeat(2e4)}1${'>'.repeat(2e4)}\nconst f = (): unknown => 0`,
    tests: isTwo,
    language: 'typescript',
  },
  { name: 'no TypeScript', program: 'const f = (x: = => {', tests: isTwo, language: 'typescript' },
]

export const resources: readonly Attack[] = [...crossing, ...ending, ...between]
