import { randomInt } from 'node:crypto'
import fs from 'node:fs'
import type { QuickJSHandle } from 'quickjs-emscripten-core'
import type { CodeLimits, CodeRun, CodeVerdict } from '../codeRun.js'
import { Realm, RealmError } from './realm.js'
import { RunEnded, RunState } from './runState.js'
import { catchesExceptions, functionNames, programScript, testScript } from './testSource.js'

const MAX_REASON = 500
/** Jobs between two looks at the clock. */
const MAX_JOBS = 1000

/** What runs in the realms themselves. */
const part = (name: string): string => fs.readFileSync(new URL(`./realm/${name}.js`, import.meta.url), 'utf8')
const partsOfTests = ['codec', 'freeze', 'tests', 'assert', 'run'] as const

/** What a program has besides the language, and may declare itself: an output that goes nowhere, and a module to export from. */
const programGlobals = `
{
const nothing = () => {}
globalThis.console = { log: nothing, info: nothing, warn: nothing, error: nothing, debug: nothing, assert: nothing, table: nothing, time: nothing, timeEnd: nothing }
globalThis.module = { exports: {} }
globalThis.exports = module.exports
}`

export interface QuickJSVerdict extends CodeVerdict {
  /** Whether the realms can be used for another run. */
  readonly isReusable: boolean
}

/** One realm of a pair, with the functions that it has for the host, by their names. */
interface Side {
  readonly realm: Realm
  readonly functions: Readonly<Record<string, QuickJSHandle>>
}

/**
 * A realm for programs and one for their tests, each in an engine of its own. QuickJS has no access to the host: no files,
 * network, processes, timers or modules.
 */
export interface RealmPair {
  readonly program: Side
  readonly tests: Side
}

/** Starts both realms, up to where they wait for a program and its tests. */
export async function startRealms(): Promise<RealmPair> {
  const [program, tests] = await Promise.all([Realm.start(), Realm.start()])
  const programSide: Side = side(
    program,
    program.call(
      program.evaluate(part('program'), 'program'),
      program.hostFunction('send', (request) => call(testsSide, 'answer', request)),
      program.evaluate(part('codec'), 'codec'),
    ),
    ['answer', 'begin', 'describe'],
  )
  const parts = partsOfTests.map((name) => [name, tests.evaluate(part(name), name)] as const)
  const testsSide: Side = side(
    tests,
    tests.call(
      tests.evaluate(part('testsMain'), 'testsMain'),
      tests.hostFunction('send', (request) => call(programSide, 'answer', request)),
      tests.hostFunction('end', (reason) => {
        throw tests.end(reason)
      }),
      tests.object(Object.fromEntries(parts)),
    ),
    ['answer', 'begin', 'describe', 'outcome', 'script', 'settle', 'start'],
  )
  program.evaluate(programGlobals, 'globals')
  program.save()
  tests.save()
  return { program: programSide, tests: testsSide }
}

function side(realm: Realm, object: QuickJSHandle, names: readonly string[]): Side {
  const functions = Object.fromEntries(names.map((name) => [name, realm.property(object, name)]))
  realm.describe = functions.describe!
  return { realm, functions }
}

function call({ realm, functions }: Side, name: string, ...args: readonly string[]): string {
  return realm.callForText(functions[name]!, ...args)
}

/**
 * Runs a program and its tests. The verdict is that of the tests' realm alone. Synchronous; whoever calls it has to be able to
 * end the thread.
 */
export function runInQuickJS({ program, tests }: RealmPair, code: CodeRun & CodeLimits): QuickJSVerdict {
  const run = new RunState(code.timeLimit)
  program.realm.begin(run, code.memoryLimit)
  tests.realm.begin(run, code.memoryLimit)
  let reason: string | null
  try {
    reason = failureOf(code, tests, program)
  } catch (error) {
    if (!(error instanceof RealmError) && !(error instanceof RunEnded)) throw error
    reason = error.message
  }
  reason = run.ended ?? reason
  return {
    passed: reason === null,
    reason: reason?.slice(0, MAX_REASON) ?? null,
    isReusable: !run.isBroken && program.realm.isSmall && tests.realm.isSmall,
  }
}

/** Why the program did not pass; null if it did. Throws when the program or the tests throw. */
function failureOf(code: CodeRun, tests: Side, program: Side): string | null {
  const options = {
    isInPlace: code.inPlace ?? null,
    entryPoint: code.entryPoint ?? null,
    helpers: defineHelpers(tests.realm, code),
    seed: Array.from({ length: 4 }, () => randomInt(1, 2 ** 32)),
  }
  call(tests, 'begin', JSON.stringify(options))
  call(program, 'begin', JSON.stringify(options.helpers))
  program.realm.evaluate(programScript(code.program), 'program.js')
  while (program.realm.runJobs(MAX_JOBS)) continue

  const body = testScript(code.tests)
  const script = call(tests, 'script', body, String(catchesExceptions(body)))
  tests.realm.call(tests.functions.start!, tests.realm.evaluate(script, 'tests.js'))
  // In turn, as if they had one queue; in larger parts when there are many.
  for (let [isGoingOn, jobs] = [true, 1]; isGoingOn; jobs = Math.min(2 * jobs, MAX_JOBS)) {
    isGoingOn = tests.realm.runJobs(jobs)
    isGoingOn = program.realm.runJobs(jobs) || isGoingOn
    isGoingOn = call(tests, 'settle') !== '0' || isGoingOn
  }
  const [isDone, assertions, failure] = JSON.parse(call(tests, 'outcome')) as [boolean, number, string | null]
  if (failure !== null) return failure
  if (!isDone) return 'the tests wait for a promise that is never settled'
  return assertions === 0 && /\bassert/.test(body) ? 'none of the assertions was reached' : null
}

/** Has the problem's own code run with the tests; returns names that it may have declared. */
function defineHelpers(tests: Realm, { context = '' }: CodeRun): string[] {
  if (context.trim() === '') return []
  // A prompt may end within the function that is asked for.
  for (const ending of ['', '\n}', '\n}}', '\n})']) {
    try {
      tests.evaluate(context + ending, 'context.js')
      return functionNames(context)
    } catch (error) {
      if (!(error instanceof RealmError)) throw error
      // What came before another exception is there.
      if (!error.message.startsWith('SyntaxError')) return functionNames(context)
    }
  }
  return []
}
