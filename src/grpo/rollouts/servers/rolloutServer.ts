import { GrpoError } from '../../../errors.js'
import type { TransientError } from '../../../io/transfer/remote.js'
import type { SavedAdapter } from './adapterFolders.js'
import { ServerConnection } from './connection.js'
import { askServedModel } from './servedModel.js'
import type { Waits } from './shareWork.js'
import type { SampledTokens, SampleRequest, ServedModel, ServerProtocol } from './serverProtocol.js'

/** Milliseconds for questions that take no computing. */
const QUICK = 60_000

/**
 * Groups that a server works on at a time: enough for what batches as it goes on. `grpo-ts serve` samples together what waits, so that few
 * would make it slow, and many leave nothing for faster servers.
 */
const GROUPS_OF_OTHERS = 32
const GROUPS_OF_OURS = 8

/** How a server is asked. */
export interface RolloutServerOptions {
  readonly protocol: ServerProtocol
  /** Name that it has for the model; undefined for the only one. */
  readonly model: string | undefined
  readonly key: string | null
  /** Milliseconds for an answer with completions. */
  readonly timeout: number
  /** Whether an adapter is one of the run. */
  readonly isOfRun: (adapter: string) => boolean
}

/** A server, and what is known of it. */
export class RolloutServer {
  /** Groups that it works on now. */
  working = 0
  /** Times in a row that it failed. */
  failures = 0
  /** Milliseconds to wait before it is asked again. */
  pause = 0
  /** Why it is left out until the next batch; null when it is not. */
  refusal: GrpoError | null = null
  lastProblem = ''
  #failingSince: number | null = null
  readonly #connection: ServerConnection
  #served: ServedModel | null = null
  #adapter: SavedAdapter | null = null
  #isChecked = false

  constructor(
    readonly url: string,
    private readonly options: RolloutServerOptions,
  ) {
    this.#connection = new ServerConnection(url, options.key)
  }

  /** Groups that it may work on. */
  get capacity(): number {
    return this.#served?.isOurs ? GROUPS_OF_OURS : GROUPS_OF_OTHERS
  }

  /** Whether it has an adapter, as far as is known. */
  has(adapter: SavedAdapter): boolean {
    return this.#adapter?.name === adapter.name && this.#isChecked
  }

  /**
   * Has it serve an adapter, in place of all others of the run, and checks it where it was not checked or was away since.
   * @throws TransientError when it does not answer, GrpoError when it cannot be used
   */
  async prepare(
    adapter: SavedAdapter,
    check: (server: RolloutServer, served: ServedModel) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { protocol, model, timeout } = this.options
    const quick = { connection: this.#connection, timeout: Math.min(QUICK, timeout), signal }
    this.#adapter = null
    const served = await askServedModel(quick, model)
    this.#served = served
    if (!served.adapters.includes(adapter.name)) await protocol.loadAdapter({ ...quick, timeout }, adapter, served)
    this.#adapter = adapter
    for (const name of served.adapters) {
      if (this.options.isOfRun(name) && name !== adapter.name) await protocol.unloadAdapter(quick, name)
    }
    if (this.#isChecked) return
    await check(this, served)
    this.#isChecked = true
    // What it could not do before may be more than this: how long it has failed still counts.
    this.failures = 0
    this.pause = 0
  }

  /** Completions of a prompt by the adapter that it has. Throws a TransientError, a GrpoError. */
  async sample(
    request: Omit<SampleRequest, 'model' | 'seed'> & { readonly seed: number },
    signal: AbortSignal,
  ): Promise<SampledTokens[]> {
    const { protocol, timeout } = this.options
    const { maxLength = null, isOurs = false } = this.#served ?? {}
    // The last token of a completion is never fed back, which is what others count on.
    const length = request.promptIds.length + request.maxCompletionLength - (isOurs ? 1 : 0)
    if (maxLength !== null && length > maxLength) {
      throw new GrpoError(
        `the server ${this.url} takes ${maxLength} tokens (max_model_len), and a prompt of ${request.promptIds.length} with ` +
          `maxCompletionLength ${request.maxCompletionLength} needs ${length}; start it with a larger --max-model-len, or let completions be shorter`,
      )
    }
    const seed = isOurs ? request.seed : null
    const asking = { connection: this.#connection, timeout, signal }
    const sampled = await protocol.sample(asking, { ...request, model: this.#adapter!.name, seed })
    const wrong = sampled.find(({ ids }) => ids.length === 0 || ids.length > request.maxCompletionLength)
    if (!wrong) return sampled
    throw new GrpoError(
      `the server ${this.url} answered with a completion of ${wrong.ids.length} tokens; expected 1 to ${request.maxCompletionLength}`,
    )
  }

  /** Token ids by its tokenizer: see ServerProtocol. */
  get asking(): { connection: ServerConnection; timeout: number } {
    return { connection: this.#connection, timeout: Math.min(QUICK, this.options.timeout) }
  }

  /** Notes a failure; what it holds after one that was no mere delay is not known. */
  fail({ message, retryAfterMilliseconds }: TransientError, { first, longest }: Waits): void {
    this.failures++
    this.#failingSince ??= performance.now()
    this.lastProblem = message
    // One that asks to be asked again at once, and refuses each time, is not to be asked without a pause.
    this.pause = Math.min(Math.max(retryAfterMilliseconds ?? first * 2 ** (this.failures - 1), first), longest)
    this.#adapter = null
    if (retryAfterMilliseconds === null) this.#isChecked = false
  }

  /** Whether all that it was asked for so many milliseconds has failed. */
  hasFailedFor(milliseconds: number): boolean {
    return this.#failingSince !== null && performance.now() - this.#failingSince >= milliseconds
  }

  /** Notes that it answered. */
  succeed(): void {
    this.failures = 0
    this.pause = 0
    this.#failingSince = null
  }

  /** Takes an adapter from it, if it answers soon, and ends its connections. */
  async close(): Promise<void> {
    const signal = AbortSignal.timeout(5000)
    try {
      if (this.#adapter) {
        const asking = { connection: this.#connection, timeout: 5000, signal }
        await this.options.protocol.unloadAdapter(asking, this.#adapter.name)
      }
    } catch {
      // Whoever begins the run again takes it away.
    } finally {
      this.#adapter = null
      this.#connection.close()
    }
  }
}
