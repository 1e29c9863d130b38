import type { CausalLM } from '../../policy/causalLM.js'
import { startService } from '../http/service.js'
import type { Service, ServiceOptions } from '../http/service.js'
import { EngineQueue } from './engineQueue.js'
import { limits } from './limits.js'
import { completionsRoutes } from './routes.js'
import { ServedModels } from './servedModels.js'

/** How a model is served. */
export interface CompletionsServiceOptions extends Pick<ServiceOptions, 'host' | 'port' | 'token' | 'onRequest'> {
  /** The name that requests know the model by. */
  readonly servedModelName: string
  /** Folders of adapters in PEFT's layout, by the names that requests know them by. */
  readonly adapters: ReadonlyMap<string, string>
  /** Most adapters at a time. */
  readonly maxLoras: number
  /** Completions that requests are put together up to in a call of the engine. */
  readonly maxNumSeqs: number
}

/** Requests that may be worked on and wait; all others get 429. */
const MAX_REQUESTS = 512

/**
 * Serves a model, which stays the caller's, by vLLM's protocol of completions and adapters.
 * @throws what loadAdapter and startService throw
 */
export async function serveCompletions(
  model: CausalLM,
  { servedModelName, adapters, maxLoras, maxNumSeqs, ...options }: CompletionsServiceOptions,
): Promise<Service> {
  const queue = new EngineQueue(maxNumSeqs)
  const models = new ServedModels({ name: servedModelName, model, root: model.folder }, queue, maxLoras)
  try {
    for (const [name, folder] of adapters) await models.load(name, folder)
    const service = await startService(completionsRoutes(models, queue), {
      ...options,
      maxBodyBytes: limits.bodyBytes,
      maxBufferedBytes: 2 * limits.adapterBodyBytes,
      maxRequests: MAX_REQUESTS,
      transferTimeout: 120_000,
    })
    return {
      ...service,
      async stop(graceMilliseconds) {
        await service.stop(graceMilliseconds)
        await models.dispose()
      },
    }
  } catch (error) {
    await models.dispose()
    throw error
  }
}
