/**
 * Sets up the tests' realm: what it has by itself is made unchangeable, and there are the boundary, `assert`, and the scope of
 * the tests. Evaluates to a function of what the host gives and the parts, which are the other files of this folder. The result
 * are functions from text to text, but for `start`.
 */
;(function (send, end, parts) {
  'use strict'
  const evaluate = eval
  const TheFunction = Function
  const state = {
    assertions: 0,
    failure: null,
    /** The function that is tested, or null. */
    entryPoint: null,
    /** Whether the tests' text is being run, as opposed to what it left for later. */
    isSynchronous: true,
    /** How many of the exceptions to come are wanted. */
    expected: 0,
    fail(reason) {
      state.failure ??= reason
    },
    /** Their text. */
    tests: '',
    evaluate,
  }

  const random = randomNumbers()
  Math.random = random.next
  const sharedClasses = new Map()
  const { paths, freeze } = parts.freeze()
  const side = parts.tests(send, end, parts.codec, paths, sharedClasses)
  const given = parts.assert(state, side.isForeign)
  for (const name of Object.keys(given.assert)) side.withhold(given.assert[name])
  for (const name of Object.keys(given.strict)) side.withhold(given.strict[name])
  side.withhold(given.assert)
  const runner = parts.run(side, given, state)

  freeze([...Object.values(runner.own), given.AssertionError])
  side.policy.scope = runner.scope
  side.watcher.onThrow = (reason) => {
    // The program may catch what one of the tests' functions throws; that the tests failed there is known all the same.
    if (reason instanceof given.AssertionError && state.expected === 0) state.fail(runner.describe(reason))
    if (reason instanceof globalThis.InternalError) end(`in a function of the tests: ${reason.message}`)
  }
  return {
    /** Begins a run. The problem's own code has been run. */
    begin(text) {
      const { isInPlace, entryPoint, helpers, seed } = JSON.parse(text)
      state.entryPoint = entryPoint
      side.policy.isInPlace = isInPlace
      random.seed(seed)
      shareClasses(helpers)
      runner.defineEntryPoint()
      return ''
    },
    answer: side.answer,
    settle: () => `${side.settle()}`,
    outcome: runner.outcome,
    describe: runner.describe,
    /** The tests as a script, which the host evaluates; its last value goes to `start`. */
    script(body, catches) {
      state.tests = body
      // What the program throws into what nobody waits for is lost, unless the tests say how to take it.
      if (catches !== 'true') {
        side.watcher.onProgramError = (reason) => {
          if (!state.isSynchronous && state.expected === 0) state.fail(runner.describe(reason))
        }
      }
      Object.defineProperty(globalThis, Symbol.for('scope'), { value: runner.scope })
      const inScope = (text) => `with (globalThis[Symbol.for('scope')]) {\n${text}\n}`
      try {
        new TheFunction(inScope(body))
        return inScope(body)
      } catch {
        return inScope(`(async () => {\n${body}\n})()`)
      }
    },
    start: runner.start,
  }

  /** Classes of the problem's own code: the program has its own by the same names, and their instances cross as such. */
  function shareClasses(names) {
    for (const name of names) {
      try {
        const value = evaluate(name)
        const isClass = typeof value === 'function' && typeof value.prototype === 'object'
        // A copy would lack private fields.
        const isWhole = !/#[\p{ID_Start}_$]/u.test(`${value}`)
        if (isClass && isWhole && name !== state.entryPoint) sharedClasses.set(value.prototype, name)
      } catch {
        continue
      }
    }
  }

  /** Numbers that no program can know beforehand: xoshiro128** (Blackman and Vigna), seeded by the host. */
  function randomNumbers() {
    const s = new Uint32Array([1, 2, 3, 4])
    const rotated = (x, by) => (x << by) | (x >>> (32 - by))
    const bits = () => {
      const result = Math.imul(rotated(Math.imul(s[1], 5), 7), 9) >>> 0
      const shifted = s[1] << 9
      s[2] ^= s[0]
      s[3] ^= s[1]
      s[1] ^= s[2]
      s[0] ^= s[3]
      s[2] ^= shifted
      s[3] = rotated(s[3], 11)
      return result
    }
    return { seed: (numbers) => s.set(numbers), next: () => ((bits() >>> 5) * 2 ** 26 + (bits() >>> 6)) / 2 ** 53 }
  }
})
