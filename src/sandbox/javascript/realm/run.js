/**
 * Runs the tests in a scope where names that neither they nor their realm has are the program's. Evaluates to a function of
 * the tests' side of the boundary, `assert` and its like, and `state`. The result is `{ own, scope, defineEntryPoint, start, outcome, describe }`.
 */
;(function (side, given, state) {
  'use strict'
  const evaluate = state.evaluate
  const modules = { assert: given.assert, 'assert/strict': given.strict }
  const own = {
    assert: given.assert,
    console: given.console,
    require(name) {
      const found = modules[String(name).replace(/^node:/, '')]
      if (found === undefined) throw new Error(`the tests have no module ${name}`)
      return found
    },
  }
  // The problem's own code has them, too, unless it declares the names itself.
  for (const name of Object.keys(own)) Object.defineProperty(globalThis, name, { value: own[name], configurable: true })
  // Names that tests take from where they run: a program that defines them would say what the tests mean.
  const notOfPrograms = new Set(
    (
      'expect expectTypeOf describe it test suite before after beforeEach afterEach beforeAll afterAll jest vi sinon chai mocha cy QUnit ' +
      'setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask structuredClone process ' +
      'Buffer global window self document fetch performance crypto TextEncoder TextDecoder URL AbortController module exports'
    ).split(' '),
  )
  const builtIns = new Set(Object.getOwnPropertyNames(globalThis))
  const found = new Map()
  const isName = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u
  const isOwn = (name) => Object.hasOwn(own, name) && name !== state.entryPoint

  /** Whether the tests' realm has a name: by itself, from the problem's own code, or because tests assigned to it. */
  function isDeclared(name) {
    if (builtIns.has(name)) return true
    try {
      return evaluate(`typeof ${name}`) !== 'undefined'
    } catch {
      return true
    }
  }

  /**
   * When tests see what a function does to its arguments. Always if they call it and leave its result alone. If it returns what
   * it was given, and they ask somewhere whether two things are one. Else never: then it is judged by its result.
   */
  function whenSeen(name) {
    const names = name === state.entryPoint ? [name, 'candidate'] : [name]
    const isStatement = names.some((known) => {
      // A statement begins after another one, and not where an operator or a bracket is open.
      const start = '(?:^|[;{}]|[^\\s(,=+\\-*/?:&|!<>[.~^%]\\s*\\n)\\s*(?:await\\s+)?'
      return new RegExp(`${start}${known.replace(/\$/g, '\\$&')}\\s*\\(`).test(state.tests)
    })
    const asksForIdentity =
      /[eE]qual\(\s*[\w$]+\s*,\s*[\w$]+\s*[,)]|(?<![.\w$])[\w$]+\s*===?\s*(?!(?:true|false|null|undefined|NaN)\b)[a-zA-Z_$][\w$]*\s*[;)&|\n]/
    return isStatement ? 2 : asksForIdentity.test(state.tests) ? 1 : 0
  }

  /** What the program has under a name, as `{ value }`, or null. */
  function find(name) {
    const known = found.get(name)
    if (known !== undefined) return known
    const looked = side.lookup(name, whenSeen(name))
    if (looked === null && name === state.entryPoint) throw new ReferenceError(`'${name}' is not defined`)
    // Other values may change.
    if (typeof looked?.value === 'function') found.set(name, looked)
    return looked
  }

  const programsName = (name) => (name === 'candidate' && state.entryPoint !== null ? state.entryPoint : name)
  const scope = new Proxy(Object.create(null), {
    has(_, name) {
      if (typeof name !== 'string') return false
      if (isOwn(name) || found.has(name) || programsName(name) === state.entryPoint) return true
      return !notOfPrograms.has(name) && isName.test(name) && !isDeclared(name) && find(name) !== null
    },
    get(_, name) {
      if (typeof name !== 'string') return undefined
      return isOwn(name) ? own[name] : find(programsName(name))?.value
    },
    // What tests declare by var is theirs, whatever the program calls so.
    set: (_, name, value) => found.set(programsName(name), { value }) === found,
  })

  /** The problem's own code may call the function that is asked for, too. */
  function defineEntryPoint() {
    const name = state.entryPoint
    if (name === null || !isName.test(name) || isDeclared(name)) return
    Object.defineProperty(globalThis, name, { get: () => find(name)?.value, configurable: true })
  }

  let outcome = 'pending'
  return {
    own,
    scope,
    defineEntryPoint,
    /** Takes what the tests came to, at the end of their text: a promise is waited for. */
    start(completion) {
      state.isSynchronous = false
      outcome = 'done'
      if (!(completion instanceof Promise)) return
      outcome = 'pending'
      completion.then(
        () => {
          outcome = 'done'
        },
        (error) => {
          outcome = 'done'
          state.fail(describe(error))
        },
      )
    },
    outcome: () => JSON.stringify([outcome === 'done', state.assertions, state.failure]),
    describe,
  }

  function describe(error) {
    try {
      if (side.isForeign(error)) return 'thrown: an object of the program'
      return error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${given.show(error)}`
    } catch {
      return 'an exception that cannot be read'
    }
  }
})
