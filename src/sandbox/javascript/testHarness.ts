/**
 * What the tests' realm has besides the language: `assert` as Node's (also by `require`), `console` whose `assert` throws, and
 * the names of the program. Text of a function of `lookup` (see realm.ts) and the entry point; the result runs the tests in
 * a scope where names that neither they nor the language define are looked up in the program.
 */
export const testHarnessSource = String.raw`
(function (lookup, entryPoint) {
  class AssertionError extends Error { get name() { return 'AssertionError' } }
  let assertions = 0
  const show = (value) => { try { return JSON.stringify(value) ?? String(value) } catch { return String(value) } }
  const fail = (message, standard) => {
    if (message instanceof Error) throw message
    throw new AssertionError(typeof message === 'string' ? message : standard)
  }
  const check = (condition, message, standard) => { assertions++; if (!condition) fail(message, standard) }

  function deepEqual(a, b, strict) {
    if (strict ? Object.is(a, b) : a == b || (a !== a && b !== b)) return true
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    if (Array.isArray(a) !== Array.isArray(b)) return false
    if (a instanceof Date && b instanceof Date) return +a === +b
    if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b)
    if (a instanceof Map && b instanceof Map) return a.size === b.size && [...a].every(([k, v]) => b.has(k) && deepEqual(v, b.get(k), strict))
    if (a instanceof Set && b instanceof Set) return a.size === b.size && [...a].every((x) => b.has(x) || [...b].some((y) => deepEqual(x, y, strict)))
    if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
    const [ka, kb] = [Object.keys(a), Object.keys(b)]
    return ka.length === kb.length && ka.every((key) => Object.hasOwn(b, key) && deepEqual(a[key], b[key], strict))
  }

  function matches(error, expected) {
    if (expected === undefined || typeof expected === 'string') return true
    if (expected instanceof RegExp) return expected.test(String(error))
    if (typeof expected === 'object') return Object.keys(expected).every((key) => expected[key] instanceof RegExp ? expected[key].test(error[key]) : deepEqual(error[key], expected[key], true))
    return error instanceof expected || error?.name === expected.name || (expected.prototype === undefined && expected(error) === true)
  }
  const thrownBy = (body) => { try { body() } catch (error) { return { error } } return null }

  const assert = (value, message) => check(value, message, 'the value is ' + show(value))
  Object.assign(assert, {
    AssertionError,
    ok: assert,
    equal: (a, b, message) => check(a == b || (a !== a && b !== b), message, show(a) + ' == ' + show(b)),
    notEqual: (a, b, message) => check(a != b, message, show(a) + ' != ' + show(b)),
    strictEqual: (a, b, message) => check(Object.is(a, b), message, show(a) + ' === ' + show(b)),
    notStrictEqual: (a, b, message) => check(!Object.is(a, b), message, show(a) + ' !== ' + show(b)),
    deepEqual: (a, b, message) => check(deepEqual(a, b, false), message, show(a) + ' equals ' + show(b)),
    deepStrictEqual: (a, b, message) => check(deepEqual(a, b, true), message, show(a) + ' equals ' + show(b)),
    notDeepEqual: (a, b, message) => check(!deepEqual(a, b, false), message, show(a) + ' differs from ' + show(b)),
    notDeepStrictEqual: (a, b, message) => check(!deepEqual(a, b, true), message, show(a) + ' differs from ' + show(b)),
    match: (text, pattern, message) => check(pattern.test(text), message, show(text) + ' matches ' + pattern),
    doesNotMatch: (text, pattern, message) => check(!pattern.test(text), message, show(text) + ' does not match ' + pattern),
    throws: (body, expected, message) => { const thrown = thrownBy(body); check(thrown !== null && matches(thrown.error, expected), message, 'an exception') },
    doesNotThrow: (body, message) => check(thrownBy(body) === null, message, 'no exception'),
    rejects: async (body, expected, message) => {
      let thrown = null
      try { await (typeof body === 'function' ? body() : body) } catch (error) { thrown = { error } }
      check(thrown !== null && matches(thrown.error, expected), message, 'a rejection')
    },
    fail: (message) => { assertions++; fail(message, 'failed') },
  })
  assert.strict = Object.assign((value, message) => assert(value, message), assert, {
    equal: assert.strictEqual, notEqual: assert.notStrictEqual, deepEqual: assert.deepStrictEqual, notDeepEqual: assert.notDeepStrictEqual,
  })
  const nothing = () => {}
  const console = { assert: (value, message) => check(value, message, 'console.assert'), log: nothing, info: nothing, warn: nothing, error: nothing, debug: nothing, table: nothing, time: nothing, timeEnd: nothing }
  const modules = { assert, 'assert/strict': assert.strict }
  const require = (name) => {
    const found = modules[String(name).replace(/^node:/, '')]
    if (found === undefined) throw new Error('the tests have no module ' + name)
    return found
  }
  const given = { assert, console, require }
  const known = new Map()
  const find = (name) => {
    if (!known.has(name)) known.set(name, lookup(name))
    return known.get(name)
  }
  const builtIns = new Set(Object.getOwnPropertyNames(globalThis))
  const nameOf = (name) => (name === 'candidate' && entryPoint !== null && find('candidate') === null ? entryPoint : name)
  const scope = new Proxy({}, {
    has: (_, name) => typeof name === 'string' && (Object.hasOwn(given, name) ? name !== entryPoint : (name === entryPoint || !builtIns.has(name)) && /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) && find(nameOf(name)) !== null),
    get: (_, name) => (typeof name !== 'string' ? undefined : Object.hasOwn(given, name) && name !== entryPoint ? given[name] : find(nameOf(name))?.value),
    set: () => { throw new TypeError('the tests cannot assign to names of the program') },
  })
  let outcome = { state: 'pending' }
  return {
    run(body) {
      // The parameters of the tests' function; with is what makes unknown names be looked up.
      const result = (0, eval)('(function (scope) { with (scope) {' + body + '\n} })')(scope)
      outcome = { state: 'done' }
      if (result instanceof Promise) {
        outcome = { state: 'pending' }
        result.then(() => { outcome = { state: 'done' } }, (error) => { outcome = { state: 'failed', error } })
      }
    },
    outcome() {
      if (outcome.state === 'failed') throw outcome.error
      return JSON.stringify({ done: outcome.state === 'done', assertions })
    },
  }
})
`

/** The tests as the body of a function; asynchronous ones are waited for. */
export function testBody(tests: string): string {
  const source = tests
    .replace(/^[ \t]*import\s+(?:\*\s+as\s+)?(\w+)\s+from\s+(['"][^'"]+['"]);?/gm, 'const $1 = require($2);')
    .replace(/^[ \t]*import\s+(\{[^}]*\})\s+from\s+(['"][^'"]+['"]);?/gm, 'const $1 = require($2);')
    .replace(/^[ \t]*declare\s+var\s+require\b.*$/gm, '')
  return /\bawait\b/.test(source) ? `return (async () => {${source}\n})()` : source
}

/** A program as a script: what a module exports is simply there. */
export function programScript(program: string): string {
  return program
    .replace(/^[ \t]*export\s+default\s+(?=(?:async\s+)?function\b|class\b)/gm, '')
    .replace(/^[ \t]*export\s+(?=(?:async\s+)?(?:function|const|let|var|class)\b)/gm, '')
    .replace(/^[ \t]*export\s*\{[^}]*\};?[ \t]*$/gm, '')
}

/** What a program has besides the language: an output that goes nowhere, and a module to export from. */
export const programGlobals = `
var console = (() => { const nothing = () => {}; return { log: nothing, info: nothing, warn: nothing, error: nothing, debug: nothing, assert: nothing, table: nothing, time: nothing, timeEnd: nothing } })();
var module = { exports: {} }; var exports = module.exports;
`
