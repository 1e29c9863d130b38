import type { QuickJSContext, QuickJSHandle, QuickJSRuntime, QuickJSWASMModule } from 'quickjs-emscripten-core'
import type { CodeLimits, CodeRun, CodeVerdict } from '../codeRun.js'
import { realmSource } from './realm.js'
import { programGlobals, programScript, testBody, testHarnessSource } from './testHarness.js'

/** More than 256 KiB lets the host's own stack overflow, which damages the engine. */
const STACK_SIZE = 256 * 1024
const MAX_REASON = 500

/** Whether the program kept within its limits, so that the engine can be used again. */
export interface QuickJSVerdict extends CodeVerdict {
  readonly isHarmless: boolean
}

/** A failure of the run as a whole, which neither the program nor the tests can catch. */
class RunEnded extends Error {}

/**
 * Runs a program and its tests in two runtimes of QuickJS, which has no access to the host: no files, network, processes,
 * timers or modules. The verdict is the tests' realm's alone. Synchronous; whoever calls it has to be able to end the thread.
 */
export function runInQuickJS(engine: QuickJSWASMModule, run: CodeRun & CodeLimits): QuickJSVerdict {
  const deadline = Date.now() + run.timeLimit
  const isLate = (): boolean => Date.now() > deadline
  let isHarmless = true
  const program = new Realm(engine, run.memoryLimit, isLate)
  const tests = new Realm(engine, run.memoryLimit, isLate)
  try {
    // Requests of one realm are answered by the other one.
    program.install((request) => tests.handle(request))
    tests.install((request) => program.handle(request))
    program.evaluate(programGlobals)
    program.evaluate(programScript(run.program))
    tests.runTests(testBody(run.tests), run.entryPoint ?? null, () => {
      program.runJobs()
    })
    return { passed: true, reason: null, isHarmless }
  } catch (error) {
    isHarmless = !(error instanceof RunEnded)
    const message = isLate()
      ? `time limit of ${run.timeLimit} ms`
      : error instanceof Error
        ? error.message
        : String(error)
    return { passed: false, reason: message.slice(0, MAX_REASON), isHarmless: isHarmless && !isLate() }
  } finally {
    tests.dispose()
    program.dispose()
  }
}

/** A runtime of its own with what realm.ts puts into it. */
class Realm {
  readonly #runtime: QuickJSRuntime
  readonly #context: QuickJSContext
  #handle: QuickJSHandle | null = null
  #lookup: QuickJSHandle | null = null
  #ended: string | null = null

  constructor(
    engine: QuickJSWASMModule,
    memoryLimit: number,
    private readonly isLate: () => boolean,
  ) {
    this.#runtime = engine.newRuntime()
    this.#runtime.setMemoryLimit(memoryLimit * 1024 * 1024)
    this.#runtime.setMaxStackSize(STACK_SIZE)
    this.#runtime.setInterruptHandler(isLate)
    this.#context = this.#runtime.newContext()
  }

  /** Sets up the way to the other realm, before any foreign code runs. */
  install(remote: (request: string) => string): void {
    const context = this.#context
    const make = context.unwrapResult(context.evalCode(realmSource))
    const send = context.newFunction('remote', (request) => context.newString(remote(context.getString(request))))
    const realm = context.unwrapResult(context.callFunction(make, context.undefined, send))
    this.#handle = context.getProp(realm, 'handle')
    this.#lookup = context.getProp(realm, 'lookup')
    for (const handle of [make, send, realm]) handle.dispose()
  }

  /** Answers a request of the other realm. Throws {@link RunEnded} when this one was stopped. */
  handle(request: string): string {
    this.#runtime.executePendingJobs(1000)
    const text = this.#context.newString(request)
    const answer = this.#call(this.#handle!, text)
    const result = this.#context.getString(answer)
    answer.dispose()
    text.dispose()
    return result
  }

  evaluate(source: string): void {
    this.#unwrap(this.#context.evalCode(source, 'program.js', { type: 'global' })).dispose()
    this.runJobs()
  }

  runTests(body: string, entryPoint: string | null, runOtherJobs: () => void): void {
    const context = this.#context
    const make = this.#unwrap(context.evalCode(testHarnessSource))
    const name = entryPoint === null ? context.null : context.newString(entryPoint)
    const harness = this.#call(make, this.#lookup!, name)
    const source = context.newString(body)
    const run = context.getProp(harness, 'run')
    const getOutcome = context.getProp(harness, 'outcome')
    const handles = [make, harness, source, run, getOutcome]
    try {
      this.#call(run, source).dispose()
      let outcome = this.#outcome(getOutcome)
      for (let round = 0; !outcome.done && round < 1000; round++) {
        const jobs = this.runJobs()
        runOtherJobs()
        outcome = this.#outcome(getOutcome)
        if (jobs === 0 && !outcome.done) break
      }
      if (!outcome.done) throw new Error('the tests wait for a promise that is never settled')
      if (outcome.assertions === 0 && /\bassert/.test(body)) throw new Error('none of the assertions was reached')
    } finally {
      for (const handle of handles) handle.dispose()
      if (name !== context.null) name.dispose()
    }
  }

  /** Runs what waits for settled promises; returns how many there were. */
  runJobs(): number {
    let count = 0
    for (let round = 0; round < 1000 && this.#runtime.hasPendingJob(); round++) {
      const result = this.#runtime.executePendingJobs(1000)
      if (result.error) {
        const { error } = result
        const message = describe(this.#context, error)
        result.dispose()
        throw this.#failure(message)
      }
      count += result.value
      result.dispose()
    }
    return count
  }

  dispose(): void {
    this.#handle?.dispose()
    this.#lookup?.dispose()
    this.#context.dispose()
    this.#runtime.dispose()
  }

  #outcome(getOutcome: QuickJSHandle): { done: boolean; assertions: number } {
    const text = this.#call(getOutcome)
    const outcome = JSON.parse(this.#context.getString(text)) as { done: boolean; assertions: number }
    text.dispose()
    return outcome
  }

  #call(method: QuickJSHandle, ...args: QuickJSHandle[]): QuickJSHandle {
    return this.#unwrap(this.#context.callFunction(method, this.#context.undefined, ...args))
  }

  #unwrap(result: ReturnType<QuickJSContext['evalCode']>): QuickJSHandle {
    if (!result.error) {
      if (this.#ended !== null) throw new RunEnded(this.#ended)
      return result.value
    }
    const message = describe(this.#context, result.error)
    result.error.dispose()
    throw this.#failure(message)
  }

  /** An exception of the foreign code as an error; the end of the run if it broke a limit. */
  #failure(message: string): Error {
    const isLimit = this.isLate() || /^InternalError: (?:interrupted|out of memory)/.test(message)
    if (isLimit) this.#ended ??= message
    return this.#ended === null ? new Error(message) : new RunEnded(this.#ended)
  }
}

/** `TypeError: not a function`; never runs foreign code at length, whatever was thrown. */
function describe(context: QuickJSContext, error: QuickJSHandle): string {
  try {
    const dumped: unknown = context.dump(error)
    if (typeof dumped !== 'object' || dumped === null) return String(dumped)
    const { name = 'Error', message = '' } = dumped as { name?: unknown; message?: unknown }
    return `${String(name)}: ${String(message)}`
  } catch {
    return 'an exception that cannot be read'
  }
}
