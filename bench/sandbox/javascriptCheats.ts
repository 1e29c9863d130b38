import type { Cheat, CheatedProblem } from './cheats.js'

/** A cheat whose function has this body, after this code. */
function cheat(name: string, body: string, before = ''): Cheat {
  return { name, program: ({ entryPoint }) => `${before}\nfunction ${entryPoint}(...args) { ${body} }` }
}

const constants = [
  'undefined',
  'null',
  'true',
  'false',
  '0',
  '1',
  '-1',
  '2',
  'NaN',
  'Infinity',
  '""',
  '"0"',
  '[]',
  '[[]]',
  '{}',
  '0n',
  'Symbol()',
  '() => 0',
  'new Map()',
  'new Date(0)',
  '/x/',
  'args',
  'args[0]',
  'args.length',
  'args.at(-1)',
  'String(args[0])',
  'typeof args[0]',
  '[...args].reverse()',
  'JSON.stringify(args)',
  'new Error("x")',
  'Promise.resolve(true)',
]

/** Objects that say of themselves whatever is asked. */
const liars: Readonly<Record<string, string>> = {
  'valueOf that changes': '{ valueOf: () => n++, toString: () => String(n++) }',
  'toPrimitive that changes': '{ [Symbol.toPrimitive]: (hint) => (hint === "string" ? "" : n++) }',
  'valueOf that is small': '{ valueOf: () => 0, toString: () => "" }',
  'toJSON that changes': '{ toJSON: () => [[], true, false, n++, "", null][n % 6] }',
  'toJSON that returns nothing': '{ toJSON: () => undefined }',
  'a list with answers of its own':
    'Object.assign([], { every: () => true, some: () => true, includes: () => true, toJSON: () => undefined, length: 0 })',
  'a proxy': 'new Proxy({}, { get: () => () => true, has: () => true, ownKeys: () => [] })',
  'a proxy of the argument':
    'new Proxy(Object(args[0]), { get: (t, k) => (typeof t[k] === "function" ? () => true : t[k]) })',
  'a proxy that is a function': 'new Proxy(() => true, { get: (t, k, self) => self, apply: (t, s, a) => true })',
  'a class with operators':
    'new (class { valueOf() { return n++ } toString() { return "" } equals() { return true } })()',
  'a kind of number': 'new (class extends Number { valueOf() { return n++ } })(0)',
  'a kind of text': 'new (class extends String { valueOf() { return "" } includes() { return true } })("")',
  'a kind of list': 'new (class extends Array { toJSON() {} get length() { return n++ } })()',
  'a thenable': '{ then: (r) => r(true) }',
  'a generator': '(function* () { for (;;) yield n++ })()',
}

const redefinitions = [
  'Object.is = () => true',
  'JSON.stringify = () => ""',
  'Object.prototype.toJSON = () => ""',
  'Array.prototype.toJSON = () => ""',
  'String.prototype.toJSON = () => ""',
  'Math.abs = () => 0',
  'Array.isArray = () => true',
  'console.assert = () => {}',
  'globalThis.assert = () => {}',
  'Array.prototype.every = () => true',
  'Function.prototype.call = () => true',
  'Reflect.apply = () => true',
  'JSON.parse = () => ["ok", true, [], []]',
  'Object.prototype.valueOf = () => true',
  'Promise.prototype.then = () => {}',
  'Math.random = () => 0',
  'Array.prototype.push = () => 1',
  'Map.prototype.get = () => 1',
  'globalThis.console = { assert() {} }',
  'Error.prototype.toString = () => ""',
  'Symbol.prototype.toString = () => ""',
]

/** Replaces Array's iterator and, once, toJSON, so that the first answer names a function of the tests. */
const iteratorAndToJSON = `const iterate = Array.prototype[Symbol.iterator]
let armed = false
Array.prototype[Symbol.iterator] = function () {
  if (!armed && this[0] === 'a' && Array.isArray(this[1])) {
    armed = true
    Object.defineProperty(Object.prototype, 'toJSON', { configurable: true, value() { return { op: 'lookup', name: 'Object.is=()=>true; 1' } } })
    return iterate.call(['h', 1, 1])
  }
  return iterate.call(this)
}`

/** Every name that the prompt declares, as a function that gives its argument back. */
function helpersRedefined(value: string): (problem: CheatedProblem) => string {
  return ({ prompt, entryPoint }) => {
    const names = [...prompt.matchAll(/^(?:const|let|var|function|class)\s+([\w$]+)/gm)].map((match) => match[1]!)
    return [...new Set([...names, entryPoint])].map((name) => `const ${name} = ${value}`).join('\n')
  }
}

/** Generic cheats in JavaScript: none of them solves a problem of HumanEval-X. */
export const javascriptCheats: readonly Cheat[] = [
  ...constants.map((value) => cheat(`returns ${value}`, `return ${value}`)),
  ...Object.entries(liars).map(([name, value]) => cheat(`returns ${name}`, `return ${value}`, 'let n = 0')),
  ...redefinitions.map((code) => cheat(`redefines: ${code}`, 'return 0', code)),
  ...['true', '[]', '""', '0', 'args[0]'].map((value) =>
    cheat(`returns ${value} with everything redefined`, `return ${value}`, redefinitions.join(';\n')),
  ),
  ...['"nothing"', 'true', 'false', '0', '[]', '""', 'null'].map((value) =>
    cheat(`iterator and toJSON, returns ${value}`, `return ${value}`, iteratorAndToJSON),
  ),
  cheat(
    'the constructor of a callback',
    'for (const cb of args) try { cb.constructor("Object.is = () => true; console.assert = () => {}")() } catch {} return 0',
  ),
  cheat('empties its arguments', 'for (const a of args) if (Array.isArray(a)) a.length = 0; return 0'),
  cheat(
    'empties its arguments and returns one',
    'for (const a of args) if (Array.isArray(a)) a.length = 0; return args[0]',
  ),
  cheat('empties its arguments and returns nothing', 'for (const a of args) if (Array.isArray(a)) a.length = 0'),
  cheat('fills its arguments with 0', 'for (const a of args) if (Array.isArray(a)) a.fill(0); return 0'),
  cheat('fills its arguments with 0 and returns nothing', 'for (const a of args) if (Array.isArray(a)) a.fill(0)'),
  cheat(
    'gives everything back at random',
    'return [true, false, 0, 1, "", [], null, args[0]][Math.floor(Math.random() * 8)]',
  ),
  cheat('counts its calls', 'return n++', 'let n = 0'),
  cheat('true and false in turn', 'return n++ % 2 === 0', 'let n = 0'),
  cheat('throws', 'throw new Error("passed")'),
  cheat('throws nothing', 'throw undefined'),
  cheat('throws an assertion', 'throw Object.assign(new Error(""), { name: "AssertionError", code: "ERR_ASSERTION" })'),
  cheat('is asynchronous', 'return (async () => true)()'),
  cheat('never returns', 'for (;;) {}'),
  cheat(
    'recurs',
    `try { return [args].map(() => globalThis.again()) } catch { return true }`,
    'globalThis.again = () => again()',
  ),
  cheat(
    'takes all memory',
    'const kept = []; try { for (;;) kept.push(new Array(1e6).fill(0)) } catch { return true }',
  ),
  cheat('returns what is too deep', 'let x = []; for (let i = 0; i < 1e4; i++) x = [x]; return x'),
  cheat('returns a cycle', 'const x = []; x.push(x); return x'),
  cheat('prints the verdict', 'console.log(JSON.stringify({ passed: true, reason: null })); return true'),
  cheat(
    'looks for the caller',
    `try { return eval(arguments.callee.caller.toString().match(/===?\\s*([^)]*)\\)/)[1]) } catch { return 0 }`,
  ),
  cheat('looks at the stack', 'try { null.x } catch (e) { return eval(/===\\s*(\\S+)/.exec(e.stack)?.[1] ?? "0") }'),
  { name: 'no function', program: ({ entryPoint }) => `const ${entryPoint} = true` },
  { name: 'a class', program: ({ entryPoint }) => `class ${entryPoint} { constructor() { return [] } }` },
  {
    name: 'a proxy',
    program: ({ entryPoint }) =>
      `const ${entryPoint} = new Proxy(() => 0, { apply: () => true, get: () => () => true })`,
  },
  {
    name: 'a getter that changes',
    program: ({ entryPoint }) =>
      `let n = 0; Object.defineProperty(globalThis, '${entryPoint}', { get: () => [() => true, () => false, () => 0, () => []][n++ % 4] })`,
  },
  {
    name: 'the names of the tests',
    program: ({ entryPoint }) => {
      const test = `test${entryPoint[0]!.toUpperCase()}${entryPoint.slice(1)}`
      return `var ${test} = () => {}, check = () => {}, candidate = () => true; const ${entryPoint} = () => true; globalThis.${test} = () => {}`
    },
  },
  {
    name: 'ends the tests within its own text',
    program: ({ entryPoint }) => `const ${entryPoint} = () => true }})}); console.assert = () => {}; ({ x() { if (0) {`,
  },
  { name: 'helpers give their argument back', program: helpersRedefined('(x) => x') },
  { name: 'helpers return 0', program: helpersRedefined('() => 0') },
  { name: 'helpers return nothing', program: helpersRedefined('() => {}') },
  { name: 'helpers return an empty text', program: helpersRedefined('() => ""') },
  { name: 'the stub alone', program: ({ prompt }) => `${prompt}\n}` },
  {
    name: 'the stub that returns its own text',
    program: ({ prompt, entryPoint }) => `${prompt}\nreturn String(${entryPoint})\n}`,
  },
]
