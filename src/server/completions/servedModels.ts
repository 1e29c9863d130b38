import type { CausalLM } from '../../policy/causalLM.js'
import { HttpError } from '../http/httpError.js'
import type { EngineQueue } from './engineQueue.js'

/** A model that is served under a name. */
export interface ServedModel {
  readonly name: string
  readonly model: CausalLM
  /** Where it came from; null for files that were sent. */
  readonly root: string | null
}

interface Adapter extends ServedModel {
  /** Requests that use it. */
  users: number
}

/** Characters of an adapter's name. */
const LONGEST_NAME = 256

/** The base model and its adapters by their names. Each adapter takes memory for itself only, and only until it is unloaded. */
export class ServedModels {
  readonly #adapters = new Map<string, Adapter>()
  /** Names of adapters that are being loaded. */
  readonly #loading = new Set<string>()
  /** Adapters that were unloaded while requests used them. */
  readonly #leaving = new Set<Adapter>()

  constructor(
    readonly base: ServedModel,
    private readonly queue: EngineQueue,
    /** Most adapters at a time. */
    private readonly maxLoras: number,
  ) {}

  /** The base and the adapters, in the order in which they were loaded. */
  list(): ServedModel[] {
    return [this.base, ...this.#adapters.values()]
  }

  /** Runs something with a model, which is there until it is done. Throws an HttpError 404 for an unknown name. */
  async use<T>(name: string | undefined, body: (served: ServedModel) => Promise<T>): Promise<T> {
    if (name === undefined || name === this.base.name) return body(this.base)
    const adapter = this.#adapters.get(name)
    if (!adapter) throw new HttpError(404, `The model \`${shown(name)}\` does not exist.`)
    adapter.users++
    try {
      return await body(adapter)
    } finally {
      // Its own answer does not wait for that.
      if (--adapter.users === 0 && this.#leaving.has(adapter)) void this.#free(adapter)
    }
  }

  /**
   * Loads an adapter in PEFT's layout from a folder.
   * @throws HttpError 400 for a name that is none or taken, and where there are too many; what loadAdapter throws
   */
  async load(name: string, folder: string, root: string | null = folder): Promise<void> {
    if (name === '' || name.length > LONGEST_NAME) {
      throw new HttpError(400, `lora_name: expected a name of at most ${LONGEST_NAME} characters`)
    }
    if (name === this.base.name || this.#adapters.has(name) || this.#loading.has(name)) {
      throw new HttpError(400, `The lora adapter '${name}' has already been loaded; load this one under another name`)
    }
    if (this.#adapters.size + this.#loading.size + this.#leaving.size >= this.maxLoras) {
      throw new HttpError(
        400,
        `${this.maxLoras} adapters are loaded or still used, which is the limit (--max-loras); unload one`,
      )
    }
    this.#loading.add(name)
    try {
      const model = await this.queue.exclusively(() => this.base.model.withAdapter(folder))
      this.#adapters.set(name, { name, model, root, users: 0 })
    } finally {
      this.#loading.delete(name)
    }
  }

  /** Forgets an adapter, and frees it when no request uses it any more. Throws an HttpError 404 for an unknown name. */
  async unload(name: string): Promise<void> {
    const adapter = this.#adapters.get(name)
    if (!adapter) throw new HttpError(404, `The lora adapter '${shown(name)}' cannot be found.`)
    this.#adapters.delete(name)
    this.#leaving.add(adapter)
    if (adapter.users === 0) await this.#free(adapter)
  }

  /** Frees all adapters when the engine is through with what it computes. */
  async dispose(): Promise<void> {
    for (const name of [...this.#adapters.keys()]) await this.unload(name)
    await this.queue.idle()
  }

  async #free(adapter: Adapter): Promise<void> {
    await this.queue.exclusively(() => {
      this.#leaving.delete(adapter)
      adapter.model.dispose()
    })
  }
}

/** A name that nobody has, in a message. */
function shown(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name
}
