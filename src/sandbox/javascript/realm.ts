import type { QuickJSContext, QuickJSHandle, QuickJSRuntime, QuickJSWASMModule } from 'quickjs-emscripten-core'
import { newEngine } from './engine.js'
import { RunEnded, RunState } from './runState.js'

/** Bytes. More would let the host's own stack overflow, which damages the engine; see the thread's stack size in lane.ts. */
const STACK_SIZE = 512 * 1024
/** Characters that cross at a time. */
const MAX_MESSAGE = 16 * 1024 * 1024
/** Bytes. The memory of an engine never shrinks: one that needed more is not kept. */
const MAX_KEPT_MEMORY = 64 * 1024 * 1024

/** An exception of what runs in a realm. */
export class RealmError extends Error {}

/**
 * An engine of its own with one realm, which has no way to the host but the functions that it is given. Whatever runs in it
 * can be undone: the engine's memory is put back.
 */
export class Realm {
  readonly #runtime: QuickJSRuntime
  readonly #context: QuickJSContext
  readonly #memory: WebAssembly.Memory
  #saved: Uint8Array | null = null
  /** The run that goes on, or went on last. */
  #run = new RunState(Infinity)
  /** A function of the realm that makes text of an exception. */
  describe: QuickJSHandle | null = null

  static async start(): Promise<Realm> {
    return new Realm(await newEngine())
  }

  private constructor(engine: QuickJSWASMModule) {
    this.#memory = engine.getWasmMemory()
    this.#runtime = engine.newRuntime()
    this.#runtime.setMaxStackSize(STACK_SIZE)
    this.#runtime.setInterruptHandler(() => this.#run.ended !== null)
    this.#context = this.#runtime.newContext()
  }

  /** Keeps what the engine's memory holds, for {@link begin}. To be called when no code of the realm runs. */
  save(): void {
    const bytes = new Uint8Array(this.#memory.buffer)
    let end = bytes.length
    while (end > 0 && bytes[end - 1] === 0) end--
    this.#saved = bytes.slice(0, end)
  }

  /** Whether the memory is small enough to be kept for another run. */
  get isSmall(): boolean {
    return this.#memory.buffer.byteLength <= MAX_KEPT_MEMORY
  }

  /** Begins a run with the memory as it was saved; `memoryLimit` in MiB. */
  begin(run: RunState, memoryLimit: number): void {
    if (this.#saved !== null) new Uint8Array(this.#memory.buffer).set(this.#saved)
    this.#run = run
    this.#runtime.setMemoryLimit(memoryLimit * 1024 * 1024)
  }

  /** Ends the run. */
  end(reason: string): RunEnded {
    return this.#run.end(reason)
  }

  /** Evaluates a script. Throws what it throws as a {@link RealmError}, or a {@link RunEnded}. */
  evaluate(source: string, file: string): QuickJSHandle {
    return this.#value(this.#context.evalCode(source, file, { type: 'global' }))
  }

  /** Calls a function of the realm. Throws what it throws as a {@link RealmError}, or a {@link RunEnded}. */
  call(method: QuickJSHandle, ...args: readonly QuickJSHandle[]): QuickJSHandle {
    return this.#value(this.#context.callFunction(method, this.#context.undefined, ...args))
  }

  /** The same for a function from texts to a text. */
  callForText(method: QuickJSHandle, ...args: readonly string[]): string {
    const handles = args.map((text) => this.#text(text))
    const result = this.call(method, ...handles)
    for (const handle of handles) handle.dispose()
    return result.consume((text) => this.#textOf(text))
  }

  /** A function of the host for the realm, from a text to a text. */
  hostFunction(name: string, body: (text: string) => string): QuickJSHandle {
    return this.#context.newFunction(name, (argument) => {
      if (this.#run.ended !== null) throw new RunEnded(this.#run.ended)
      try {
        return this.#text(body(this.#textOf(argument)))
      } catch (error) {
        if (error instanceof RunEnded || error instanceof RealmError) throw error
        // Anything else comes from an engine, such as an overflow of the host's stack: it is not to be trusted any more.
        this.#run.isBroken = true
        throw this.#run.end(`the engine failed: ${String(error)}`)
      }
    })
  }

  property(object: QuickJSHandle, name: string): QuickJSHandle {
    return this.#context.getProp(object, name)
  }

  /** Makes an object of the realm. */
  object(properties: Readonly<Record<string, QuickJSHandle>>): QuickJSHandle {
    const made = this.#context.newObject()
    for (const [name, value] of Object.entries(properties)) this.#context.setProp(made, name, value)
    return made
  }

  /** Runs what waits for settled promises, `most` jobs of it; returns whether there was any. Throws a {@link RunEnded}. */
  runJobs(most: number): boolean {
    if (this.#run.ended !== null) throw new RunEnded(this.#run.ended)
    const hadJobs = this.#runtime.hasPendingJob()
    // Exceptions belong to the promises of the realm; what interrupts a job ends the run.
    if (hadJobs) this.#runtime.executePendingJobs(most).dispose()
    return hadJobs
  }

  #value(result: ReturnType<QuickJSContext['evalCode']>): QuickJSHandle {
    if (this.#run.ended !== null) {
      result.dispose()
      throw new RunEnded(this.#run.ended)
    }
    if (!result.error) return result.value
    throw new RealmError(result.error.consume((error) => this.#described(error)))
  }

  #described(error: QuickJSHandle): string {
    if (this.describe === null) return 'an exception'
    const result = this.#context.callFunction(this.describe, this.#context.undefined, error)
    if (!result.error) return result.value.consume((text) => this.#textOf(text))
    result.error.dispose()
    return 'an exception that cannot be read'
  }

  #text(value: string): QuickJSHandle {
    const handle = this.#context.newString(value)
    if (this.#context.typeof(handle) !== 'string') throw this.#run.end('out of memory')
    return handle
  }

  #textOf(handle: QuickJSHandle): string {
    const context = this.#context
    if (context.typeof(handle) !== 'string') throw this.#run.end('what crosses is no text')
    const length = context.getProp(handle, 'length').consume((value) => context.getNumber(value))
    if (length > MAX_MESSAGE) throw this.#run.end('the value is too large')
    return context.getString(handle)
  }
}
