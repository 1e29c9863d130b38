/**
 * What tests are written with: `assert` as Node's, and a `console` whose `assert` throws. Evaluates to a function of `state`,
 * which counts assertions and keeps the first failure that nothing may take back, and of what tells objects of the program
 * from others; the result is `{ assert, strict, console, AssertionError, show }`.
 */
;(function (state, isForeign) {
  'use strict'
  class AssertionError extends Error {
    get name() {
      return 'AssertionError'
    }
  }

  const show = (value) => {
    try {
      return JSON.stringify(value) ?? String(value)
    } catch {
      return typeof value
    }
  }

  function failure(message, standard) {
    return message instanceof Error ? message : new AssertionError(typeof message === 'string' ? message : standard())
  }

  function check(condition, message, standard) {
    state.assertions++
    if (condition) return
    // What fails where nobody may be waiting for it fails the tests, even if its exception is lost.
    const isLasting = !state.isSynchronous && state.expected === 0 && state.failure === null
    if (isLasting) state.fail('AssertionError')
    const error = failure(message, standard)
    if (isLasting) state.failure = `AssertionError: ${error.message}`
    throw error
  }

  const isObject = (value) => typeof value === 'object' && value !== null
  const parted = (items, keyOf) => [items.filter((x) => !isObject(keyOf(x))), items.filter((x) => isObject(keyOf(x)))]

  /** Whether each of some things has another one of its own that is the same. */
  function isMatch(some, others, isSame) {
    const left = [...others]
    return (
      some.length === left.length &&
      some.every((x) => {
        const at = left.findIndex((y) => isSame(x, y))
        if (at >= 0) left.splice(at, 1)
        return at >= 0
      })
    )
  }

  function deepEqual(a, b, isStrict, pairs = new Map()) {
    if (isStrict ? Object.is(a, b) : a == b || (a !== a && b !== b)) return true
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    if (Array.isArray(a) !== Array.isArray(b)) return false
    // Two that are being compared already: cycles.
    if (pairs.get(a) === b) return true
    pairs.set(a, b)
    if (a instanceof Date && b instanceof Date) return Object.is(+a, +b)
    if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b)
    const equal = (x, y) => deepEqual(x, y, isStrict, pairs)
    const separately = (x, y) => deepEqual(x, y, isStrict)
    if (a instanceof Map && b instanceof Map) {
      const [plain, objects] = parted([...a], ([key]) => key)
      const others = [...b].filter(([key]) => isObject(key))
      if (a.size !== b.size || !plain.every(([key, value]) => b.has(key) && equal(value, b.get(key)))) return false
      return isMatch(objects, others, ([k, v], [l, w]) => separately(k, l) && separately(v, w))
    }
    if (a instanceof Set && b instanceof Set) {
      const [plain, objects] = parted([...a], (item) => item)
      return a.size === b.size && plain.every((x) => b.has(x)) && isMatch(objects, [...b].filter(isObject), separately)
    }
    if (a instanceof Error !== b instanceof Error) return false
    if (a instanceof Error && (a.name !== b.name || a.message !== b.message)) return false
    const isOfOneKind = Object.getPrototypeOf(a) === Object.getPrototypeOf(b) && isForeign(a) === isForeign(b)
    if (isStrict && !isOfOneKind) return false
    const [keysOfA, keysOfB] = [Object.keys(a), Object.keys(b)]
    return keysOfA.length === keysOfB.length && keysOfA.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]))
  }

  function matches(error, expected) {
    if (expected === undefined || typeof expected === 'string') return true
    if (expected instanceof RegExp) return expected.test(String(error))
    if (typeof expected === 'object') {
      return Object.keys(expected).every((key) =>
        expected[key] instanceof RegExp ? expected[key].test(error[key]) : deepEqual(error[key], expected[key], true),
      )
    }
    // Classes have a prototype, functions that judge an error usually none.
    if (expected.prototype === undefined) return expected(error) === true
    return error instanceof expected || error?.name === expected.name
  }

  /** What the body throws, in a list; an empty one if nothing. */
  function thrownBy(body) {
    state.expected++
    try {
      body()
      return []
    } catch (error) {
      return [error]
    } finally {
      state.expected--
    }
  }
  async function rejectionOf(body) {
    state.expected++
    try {
      await (typeof body === 'function' ? body() : body)
      return []
    } catch (error) {
      return [error]
    } finally {
      state.expected--
    }
  }

  const assert = (value, message) => check(value, message, () => `the value is ${show(value)}`)
  const comparison = (holds, sign) => (a, b, message) =>
    check(holds(a, b), message, () => `${show(a)} ${sign} ${show(b)}`)
  const isEqual = (a, b) => a == b || (a !== a && b !== b)
  Object.assign(assert, {
    AssertionError,
    ok: assert,
    equal: comparison(isEqual, '=='),
    notEqual: comparison((a, b) => !isEqual(a, b), '!='),
    strictEqual: comparison(Object.is, '==='),
    notStrictEqual: comparison((a, b) => !Object.is(a, b), '!=='),
    deepEqual: comparison((a, b) => deepEqual(a, b, false), 'equals'),
    deepStrictEqual: comparison((a, b) => deepEqual(a, b, true), 'equals'),
    notDeepEqual: comparison((a, b) => !deepEqual(a, b, false), 'differs from'),
    notDeepStrictEqual: comparison((a, b) => !deepEqual(a, b, true), 'differs from'),
    match: comparison((text, pattern) => typeof text === 'string' && pattern.test(text), 'matches'),
    doesNotMatch: comparison((text, pattern) => typeof text === 'string' && !pattern.test(text), 'does not match'),
    throws(body, expected, message) {
      const thrown = thrownBy(body)
      check(thrown.length === 1 && matches(thrown[0], expected), message, () => 'an exception')
    },
    doesNotThrow: (body, message) => check(thrownBy(body).length === 0, message, () => 'no exception'),
    async rejects(body, expected, message) {
      const thrown = await rejectionOf(body)
      check(thrown.length === 1 && matches(thrown[0], expected), message, () => 'a rejection')
    },
    async doesNotReject(body, message) {
      const thrown = await rejectionOf(body)
      check(thrown.length === 0, message, () => 'no rejection')
    },
    fail: (message) => check(false, message, () => 'failed'),
    ifError: (value) => check(value === null || value === undefined, value, () => show(value)),
  })
  const strict = Object.assign((value, message) => assert(value, message), assert, {
    equal: assert.strictEqual,
    notEqual: assert.notStrictEqual,
    deepEqual: assert.deepStrictEqual,
    notDeepEqual: assert.notDeepStrictEqual,
  })
  assert.strict = strict.strict = strict

  const console = { assert: (value, message) => check(value, message, () => 'console.assert') }
  for (const name of 'log info warn error debug table time timeEnd group groupEnd dir trace count'.split(' ')) {
    console[name] = () => {}
  }
  return { assert, strict, console, AssertionError, show }
})
