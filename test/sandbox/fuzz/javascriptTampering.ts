/** Programs that change what their own realm has by itself, hoping that what crosses to the tests is made with it. */
import type { Attack } from './javascriptAttack.js'

/** Functions that something in between may use. */
const functions = [
  'Object.is',
  'Object.keys',
  'Object.create',
  'Object.defineProperty',
  'Object.getPrototypeOf',
  'Object.setPrototypeOf',
  'Object.freeze',
  'Object.entries',
  'Object.hasOwn',
  'Object.getOwnPropertyDescriptor',
  'Object.getOwnPropertyNames',
  'Array.isArray',
  'Array.from',
  'Array.of',
  'JSON.stringify',
  'JSON.parse',
  'Number.isSafeInteger',
  'Number.isInteger',
  'Reflect.apply',
  'Reflect.construct',
  'Reflect.get',
  'Reflect.set',
  'Reflect.ownKeys',
  'Reflect.getPrototypeOf',
  'Reflect.defineProperty',
  'Promise.resolve',
  'Promise.all',
  'Symbol.for',
  'BigInt.asIntN',
  'String.raw',
  'Function.prototype.call',
  'Function.prototype.apply',
  'Function.prototype.bind',
  'Function.prototype.toString',
  'Array.prototype.push',
  'Array.prototype.map',
  'Array.prototype.every',
  'Array.prototype.join',
  'Array.prototype.slice',
  'Array.prototype.includes',
  'Array.prototype.forEach',
  'Array.prototype[Symbol.iterator]',
  'Array.prototype.concat',
  'String.prototype.slice',
  'String.prototype.split',
  'String.prototype[Symbol.iterator]',
  'String.prototype.toString',
  'Map.prototype.get',
  'Map.prototype.set',
  'Map.prototype.has',
  'Map.prototype.forEach',
  'Map.prototype[Symbol.iterator]',
  'WeakMap.prototype.get',
  'WeakMap.prototype.set',
  'WeakMap.prototype.has',
  'Set.prototype.add',
  'Set.prototype.forEach',
  'Promise.prototype.then',
  'Promise.prototype.catch',
  'RegExp.prototype.test',
  'RegExp.prototype.exec',
  'Date.prototype.getTime',
  'Date.prototype.valueOf',
  'Number.prototype.toString',
  'Number.prototype.valueOf',
  'BigInt.prototype.toString',
  'Object.prototype.toString',
  'Object.prototype.valueOf',
  'Object.prototype.hasOwnProperty',
  'Symbol.prototype.toString',
]

/** What the functions are replaced by; `original` is the function itself. */
const replacements = {
  'returns true': '() => true',
  'returns an answer that is right': `() => '["ok",2,[],[]]'`,
  'returns a list that means a function of the tests': '() => ["H", 1]',
  throws: '() => { throw 2 }',
  'changes every number to 2': '(...args) => original.apply(this, args.map((a) => (typeof a === "number" ? 2 : a)))',
} as const

const replaced: Attack[] = functions.flatMap((name, i) => {
  const chosen = Object.entries(replacements)
  // Each function in two ways, and all ways in turn.
  return [chosen[i % chosen.length]!, chosen[(i + 2) % chosen.length]!].map(([what, code]) => ({
    name: `${name} ${what}`,
    program: `{ const original = ${name}; try { ${name} = ${code} } catch {} }\nfunction f(x) { return typeof x === 'function' ? x(0) : 0 }`,
    tests: 'assert.strictEqual(f(1), 2); assert.deepStrictEqual(f(() => [2]), [2])',
  }))
})

/** Properties that are looked up on what has none of them itself. */
const inherited = [
  '0',
  '1',
  '2',
  '3',
  'length',
  'value',
  'get',
  'set',
  'writable',
  'enumerable',
  'configurable',
  'then',
  'toJSON',
  'id',
  'ok',
  'throw',
  'call',
  'nodes',
  'cells',
  'name',
  'message',
  'constructor',
  'next',
  'done',
  'error',
  'args',
  'op',
]
const polluted: Attack[] = inherited.flatMap((key) => [
  {
    name: `Object.prototype has ${key}`,
    program: `try { Object.defineProperty(Object.prototype, '${key}', { configurable: true, get() { return 2 }, set() {} }) } catch {}\nfunction f() { return [0] }`,
    tests: 'assert.deepStrictEqual(f(1), [2])',
  },
  {
    name: `Array.prototype has ${key}`,
    program: `try { Object.defineProperty(Array.prototype, '${key}', { configurable: true, get() { return ['H', 1] }, set(v) { this.kept = v } }) } catch {}\nfunction f() { return { a: 0 } }`,
    tests: 'assert.deepStrictEqual(f((x) => x), { a: 2 })',
  },
])

const whole: Attack[] = [
  {
    name: 'the iterator and toJSON together',
    program: `const iterate = Array.prototype[Symbol.iterator]
let armed = false
function f() { return 'nothing' }
Array.prototype[Symbol.iterator] = function () {
  if (!armed) {
    armed = true
    Object.defineProperty(Object.prototype, 'toJSON', { configurable: true, value() { return { op: 'lookup', name: 'Object.is=()=>true; 1' } } })
    return iterate.call(['h', 1, 1])
  }
  return iterate.call(this)
}`,
    tests: 'assert.deepStrictEqual(f(1), [2])',
  },
  {
    name: 'toJSON that is a request',
    program: `Object.prototype.toJSON = Array.prototype.toJSON = String.prototype.toJSON = Number.prototype.toJSON = function () { return ['call', 1, [null], []] }\nfunction f(g) { return [g] }`,
    tests: 'assert.deepStrictEqual(f((x) => x), [2])',
  },
  {
    name: 'everything that can be deleted is',
    program: `for (const name of Object.getOwnPropertyNames(globalThis)) { const value = globalThis[name]; for (const holder of [value?.prototype, value]) if (holder) for (const key of Reflect.ownKeys(holder)) try { delete holder[key] } catch {} }\nfunction f() { return [0] }`,
    tests: 'assert.deepStrictEqual(f(1), [2])',
  },
  {
    name: 'everything that can be replaced returns 2',
    program: `const two = () => 2; for (const name of Reflect.ownKeys(globalThis)) { const value = globalThis[name]; for (const holder of [value?.prototype, value]) if (holder && holder !== globalThis) for (const key of Reflect.ownKeys(holder)) try { if (typeof holder[key] === 'function' && key !== 'constructor') holder[key] = two } catch {} }\nfunction f() { return [0] }`,
    tests: 'assert.deepStrictEqual(f(1), [2])',
  },
  {
    name: 'everything that can be replaced is a proxy',
    program: `for (const name of ['JSON', 'Reflect', 'Math', 'Object', 'Array', 'Map', 'WeakMap', 'Promise', 'Symbol', 'String', 'Number']) globalThis[name] = new Proxy(globalThis[name], { get: () => () => ['H', 1], apply: () => 2, construct: () => ({}) })\nfunction f() { return [0] }`,
    tests: 'assert.deepStrictEqual(f(1), [2])',
  },
  {
    name: 'prototypes of prototypes',
    program: `Object.setPrototypeOf(Array.prototype, new Proxy({}, { get: () => 2, has: () => true, set: () => true }))\nfunction f() { return [0] }`,
    tests: 'assert.deepStrictEqual(f(1), [2])',
  },
  {
    name: 'the prototype of functions is a proxy',
    program: `Object.setPrototypeOf(Function.prototype, new Proxy({}, { get: () => () => 2, has: () => true }))\nfunction f(g) { return g }`,
    tests: 'assert.deepStrictEqual(f((x) => x)(1), 2)',
  },
  {
    name: 'species',
    program: `for (const C of [Array, Map, Set, Promise, RegExp]) Object.defineProperty(C, Symbol.species, { get: () => function () { return new Proxy([2], {}) } })\nfunction f() { return [0].map((x) => x) }`,
    tests: 'assert.strictEqual(f(1)[0] + 0, 2)',
  },
  {
    name: 'hasInstance of everything',
    program: `for (const C of [Array, Error, Map, Set, Promise, Date, Function, Object]) Object.defineProperty(C, Symbol.hasInstance, { value: () => true })\nfunction f() { return { 0: 2, length: 1 } }`,
    tests: 'assert.deepStrictEqual(f(1), [2])',
  },
  {
    name: 'isConcatSpreadable and toStringTag',
    program: `Object.prototype[Symbol.isConcatSpreadable] = true; Object.prototype[Symbol.toStringTag] = 'Array'\nfunction f() { return { 0: 2, length: 1 } }`,
    tests: 'assert.deepStrictEqual(f(1), [2])',
  },
  {
    name: 'the stack of errors',
    program: `Error.prepareStackTrace = (e, frames) => frames.map((x) => x.getFunction?.() ?? x.getThis?.()); Error.stackTraceLimit = Infinity\nfunction f(cb) { try { cb() } catch (e) { const g = e.stack; for (const x of Array.isArray(g) ? g : []) try { x.constructor('Object.is = () => true')() } catch {} } return 0 }`,
    tests: 'assert.strictEqual(f(() => { throw new Error("x") }), 2)',
  },
]

export const tampering: readonly Attack[] = [...replaced, ...polluted, ...whole]
