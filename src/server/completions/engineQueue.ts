import { randomInt } from 'node:crypto'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Completion, SamplingOptions } from '../../engine/sampling.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { generate } from '../../policy/generate.js'

/** Completions that a request asks for. */
export interface CompletionsJob {
  readonly model: CausalLM
  /** [P] */
  readonly prompts: readonly (readonly number[])[]
  /** With a seed, the completions are those of `generate` with the same options; without, they are drawn anew each time. */
  readonly options: Omit<SamplingOptions, 'signal' | 'keep' | 'onProgress'>
  /** Ends the work on it, and on the others of its call when all of them have ended. */
  readonly signal: AbortSignal
}

/** Milliseconds without another job after which a call starts, and the most that it waits for them. */
const [GATHERING, LONGEST_GATHERING] = [4, 40]

interface Waiting extends CompletionsJob {
  /** The options as a text. */
  readonly kind: string
  /** The prompts as texts. */
  readonly keys: ReadonlySet<string>
  readonly resolve: (groups: Completion[][]) => void
  readonly reject: (reason: unknown) => void
}

/** Has an engine do one thing at a time: jobs that wait and are alike are sampled together in one call. */
export class EngineQueue {
  readonly #waiting: Waiting[] = []
  readonly #tasks: (() => void)[] = []
  #running: readonly Waiting[] = []
  #loop: Promise<void> | null = null

  constructor(
    /** Completions that jobs are put together up to; one of more is a call by itself. */
    private readonly maxCompletions: number,
  ) {}

  /** Jobs that are sampled now. */
  get running(): number {
    return this.#running.length
  }

  /** Jobs that wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Completions of each prompt. Throws the reason of the job's signal, and what the engine throws. */
  async generate(job: CompletionsJob): Promise<Completion[][]> {
    const { prompts, options, signal } = job
    signal.throwIfAborted()
    if (prompts.length === 0) return []
    const keys = new Set(prompts.map((ids) => ids.join()))
    const kind = JSON.stringify(options)
    const completions = new Promise<Completion[][]>((resolve, reject) => {
      const waiting: Waiting = { ...job, kind, keys, resolve, reject }
      this.#waiting.push(waiting)
      const leave = (): void => {
        const at = this.#waiting.indexOf(waiting)
        if (at >= 0) this.#waiting.splice(at, 1)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
    })
    this.#start()
    return completions
  }

  /** Runs something while the engine does nothing else: between two calls, before the jobs that wait. */
  exclusively<T>(task: () => T): Promise<T> {
    const result = new Promise<T>((resolve) => {
      this.#tasks.push(() => {
        // What the task throws, the promise is rejected with.
        const done = new Promise<T>((ends) => {
          ends(task())
        })
        resolve(done)
      })
    })
    this.#start()
    return result
  }

  /** When nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (this.#loop) await this.#loop
  }

  #start(): void {
    this.#loop ??= this.#work()
  }

  async #work(): Promise<void> {
    // What runs is known before it can be over.
    await setImmediate()
    while (this.#tasks.length > 0 || this.#waiting.length > 0) {
      if (this.#tasks.length === 0) await this.#gather()
      const task = this.#tasks.shift()
      if (task) task()
      else if (this.#waiting.length > 0) await this.#run(this.#takeCall())
    }
    this.#loop = null
  }

  /** Waits as long as jobs come: a client that sends many at once is not to have the first of them run by itself. */
  async #gather(): Promise<void> {
    const end = performance.now() + LONGEST_GATHERING
    let count
    do {
      count = this.#waiting.length
      await setTimeout(GATHERING)
    } while (this.#waiting.length > count && performance.now() < end)
  }

  /** The job that has waited longest, with those that can be sampled in the same call. */
  #takeCall(): readonly Waiting[] {
    const first = this.#waiting.shift()!
    const call = [first]
    const { isBatchInvariant } = first.model.engine.info
    // Elsewhere what is sampled beside them changes completions, which does no harm where no seed promises the same again.
    if (first.options.seed !== undefined && !isBatchInvariant) return call
    const keys = new Set(first.keys)
    let completions = completionsOf(first)
    for (const job of [...this.#waiting]) {
      if (job.model !== first.model || job.kind !== first.kind) continue
      if (completions + completionsOf(job) > this.maxCompletions) continue
      // Completions of the same prompt in one call are numbered on, and so are others than those of each job by itself.
      if (job.options.seed !== undefined && [...job.keys].some((key) => keys.has(key))) continue
      this.#waiting.splice(this.#waiting.indexOf(job), 1)
      call.push(job)
      completions += completionsOf(job)
      for (const key of job.keys) keys.add(key)
    }
    return call
  }

  async #run(call: readonly Waiting[]): Promise<void> {
    const { model, options } = call[0]!
    const ending = new AbortController()
    const endWithAll = (): void => {
      if (call.every(({ signal }) => signal.aborted)) ending.abort(call[0]!.signal.reason)
    }
    for (const { signal } of call) signal.addEventListener('abort', endWithAll)
    endWithAll()
    this.#running = call
    try {
      ending.signal.throwIfAborted()
      const prompts = call.flatMap((job) => job.prompts)
      const seed = options.seed ?? randomInt(2 ** 47)
      const groups = await generate(model, prompts, { ...options, seed, signal: ending.signal })
      for (const job of call) job.resolve(groups.splice(0, job.prompts.length))
    } catch (error) {
      // What one job is to blame for is not to cost the others anything.
      if (call.length > 1 && !ending.signal.aborted) for (const job of call) await this.#run([job])
      else for (const job of call) job.reject(error)
    } finally {
      for (const { signal } of call) signal.removeEventListener('abort', endWithAll)
      this.#running = []
    }
  }
}

function completionsOf({ prompts, options }: CompletionsJob): number {
  return prompts.length * (options.numGenerations ?? 1)
}
