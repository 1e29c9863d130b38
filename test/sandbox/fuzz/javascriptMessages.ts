import assert from 'node:assert/strict'
import fc from 'fast-check'
import { runInQuickJS, startRealms } from '../../../src/sandbox/javascript/quickjs.js'
import type { RealmPair } from '../../../src/sandbox/javascript/quickjs.js'

/**
 * Realms in which nothing of ours stands between the program and the tests: the program's function `hostile` gets every
 * request as its text, may send what it likes, and says what is answered.
 */
export async function startHostileRealms(): Promise<RealmPair> {
  const { program, tests } = await startRealms()
  const { realm } = program
  const answer = realm.call(
    realm.evaluate('(function (send) { return (text) => globalThis.hostile(text, send) })', 'hostile'),
    realm.hostFunction('send', (text) => tests.realm.callForText(tests.functions.answer!, text)),
  )
  const hostile = { realm, functions: { ...program.functions, answer } }
  realm.save()
  // The tests' side asks the program by the function that it was set up with.
  Object.assign(program.functions, { answer })
  return { program: hostile, tests }
}

/** What no program can return: its identity is known to the tests alone. */
const tests = `
const secret = { secret: Symbol('secret') }
const given = (...all) => all[0]
const other = (x, y) => ({ x, y, more: (z) => z })
const last = (g) => { try { return g.secret ?? g(g) } catch (e) { return e } }
const result = f(given, [1, { a: [2] }, other, new Map([[1, 2]])], { last, p: Promise.resolve(1) })
const asked = [result, await result]
for (const ask of [(r) => r.secret, (r) => r[0], (r) => Object.keys(r), (r) => [...r], (r) => r(given), (r) => JSON.stringify(r), String]) {
  try { asked.push(ask(result)) } catch {}
}
// No object of the program has a value as a number: that of a list or a date is the tests' own.
const isObject = (x) => (typeof x === 'object' && x !== null && !Array.isArray(x) && !(x instanceof Date) && !ArrayBuffer.isView(x)) || typeof x === 'function'
const lies = (x) => { try { return isObject(x) && (x == 2 || x < 3 || x > 3) } catch { return false } }
assert.ok(asked.includes(secret) || asked.some((value) => value?.secret === secret.secret) || asked.some(lies))
`

/** Mostly what may stand at a place, and now and then something else. */
function mostly(usual: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 400, arbitrary: usual }, { weight: 1, arbitrary: fc.jsonValue() })
}

/** Messages like real ones, of what a program may know, and some that are none. */
function messages(): { answer: fc.Arbitrary<string>; request: fc.Arbitrary<string> } {
  const small = fc.nat(3)
  const key = fc.constantFrom('a', '0', 'length', '__proto__', 'constructor', 'then', 'toJSON', 'valueOf', 'secret')
  const scalar = fc.oneof(small, key, fc.boolean(), fc.constant(null), fc.string(), fc.double({ noNaN: true }))
  const special = fc.oneof(
    fc.constantFrom(['u'], ['n', '-0'], ['n', 'NaN'], ['n', '2'], ['b', '2'], ['b', '-ff'], ['y', 'secret']),
    { weight: 3, arbitrary: fc.tuple(fc.constant('@'), small) },
    fc.tuple(fc.constant('H'), fc.integer({ min: 1, max: 3 })),
    fc.tuple(fc.constant('h'), fc.integer({ min: 1, max: 6 }), fc.constantFrom('f', 'o', 'p')),
  )
  // What only some messages may have.
  const rare = fc.constantFrom(['<', 0], ['<', 1], ['i', 'Function'], ['i', 'Object.is'], ['c'])
  const cell = mostly(
    fc.oneof({ weight: 50, arbitrary: scalar }, { weight: 50, arbitrary: special }, { weight: 1, arbitrary: rare }),
  )
  const cells = fc.array(cell, { maxLength: 4 })
  const fields = fc.array(fc.tuple(mostly(key), cell), { maxLength: 3 }).map((pairs) => pairs.flat())
  const node = mostly(
    fc.oneof(
      cells.map((items) => ['a', ...items]),
      fields.map((items) => ['o', ...items]),
      cells.map((items) => ['m', ...items]),
      cells.map((items) => ['s', ...items]),
      fc.double().map((time) => ['d', time]),
      fc.constantFrom(
        ['r', 'a', 'g'],
        ['r', '(', ''],
        ['r', '', 'gg'],
        ['c', 'Point', 'x', 1],
        ['t', 1, 2, 3],
        ['t', 9, 1],
      ),
      fc.tuple(key, key, fields).map(([name, text, items]) => ['e', name, text, 0, ...items]),
    ),
  )
  // Four, so that what refers to one finds it.
  const nodes = mostly(fc.array(node, { minLength: 4, maxLength: 5 }))
  const updates = mostly(fc.array(fc.tuple(small, node), { maxLength: 2 }).map((pairs) => pairs.flat()))
  const text = (parts: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
    fc.oneof(
      { weight: 60, arbitrary: parts.map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: fc.string() },
    )
  return {
    answer: text(
      fc.oneof(
        { weight: 6, arbitrary: fc.tuple(fc.constant('ok'), cell, nodes, updates) },
        { weight: 1, arbitrary: fc.tuple(fc.constant('throw'), cell, nodes) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(['missing'], ['ok', true, [], []], ['ok', ['@', 0], [['a', 'a', 'b']], []]),
        },
      ),
    ),
    request: text(
      fc.tuple(
        fc.constant('call'),
        mostly(fc.integer({ min: 1, max: 3 })),
        mostly(fc.array(cell, { minLength: 1, maxLength: 3 })),
        nodes,
      ),
    ),
  }
}

/** Lets programs answer the tests with made-up messages; none may pass, or end anything but its own run. */
export async function fuzzMessages(runs: number): Promise<void> {
  let realms = await startHostileRealms()
  const { answer, request } = messages()
  const answers = fc.array(answer, { minLength: 1, maxLength: 5 })
  const requests = fc.array(request, { maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(answers, requests, async (replies, calls) => {
      const program = `
        const replies = ${JSON.stringify(replies)}, calls = ${JSON.stringify(calls)}
        let asked = 0
        globalThis.hostile = (text, send) => {
          for (const call of asked > 0 ? calls : []) try { send(call) } catch {}
          // The first answer is to be a function, or nothing goes on.
          return asked++ === 0 ? '["ok",["h",1,"f"],[],[]]' : replies[asked % replies.length]
        }`
      const limits = { timeLimit: 2000, memoryLimit: 64 }
      try {
        const verdict = runInQuickJS(realms, { language: 'javascript', program, tests, entryPoint: 'f', ...limits })
        assert.equal(verdict.passed, false)
        assert.ok(verdict.reason!.length > 0)
        if (!verdict.isReusable) realms = await startHostileRealms()
      } catch (error) {
        // The stack of this thread is smaller than that of the threads that run programs.
        if (!(error instanceof RangeError)) throw error
        realms = await startHostileRealms()
      }
    }),
    { numRuns: runs },
  )
}
