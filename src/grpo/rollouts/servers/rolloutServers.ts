import type { z } from 'zod'
import { decodeTokens } from '../../../engine/sequence.js'
import type { TokenIds } from '../../../engine/engine.js'
import type { Completion, SamplingOptions } from '../../../engine/sampling.js'
import { ConfigError, GrpoError } from '../../../errors.js'
import { parseOptions } from '../../../options/schema.js'
import { TransientError } from '../../../io/transfer/remote.js'
import type { Policy } from '../../../policy/causalLM.js'
import type { RolloutEngine } from '../rolloutEngine.js'
import { AdapterFolders } from './adapterFolders.js'
import type { SavedAdapter } from './adapterFolders.js'
import { checkFilters, rolloutServerSettings } from './options.js'
import { RolloutServer } from './rolloutServer.js'
import { checkTokenizer, probeServer } from './serverCheck.js'
import type { ServerDifference } from './serverCheck.js'
import type { ServedModel, ServerProtocol } from './serverProtocol.js'
import { sglang } from './sglang.js'
import { shareWork } from './shareWork.js'
import type { Waits } from './shareWork.js'
import { vllm } from './vllm.js'

const protocols: Readonly<Record<z.output<typeof rolloutServerSettings>['engine'], ServerProtocol>> = { vllm, sglang }

/** Servers that sample. */
export interface RolloutServersSettings {
  /** The protocol that they speak: vLLM's, as `grpo-ts serve` does, or SGLang's. */
  readonly engine: 'vllm' | 'sglang'
  /** Their addresses, such as http://127.0.0.1:8000. */
  readonly baseUrl: string | readonly string[]
  /** Name by which they serve the model. Defaults to the only one that they serve. */
  readonly model?: string | undefined
  /** Environment variable that holds their key. Defaults to none: no key is sent. */
  readonly apiKeyEnv?: string | undefined
  /** Folder for the adapter of each step, which they see under the same name. Defaults to one of outputDir, else a temporary one. */
  readonly adapterDir?: string | undefined
  /** Milliseconds that a server may take for an answer. Defaults to 600000. */
  readonly timeout?: number | undefined
}

/** How servers are used. */
export interface RolloutServersOptions {
  /**
   * Folder of the run: adapters are kept in its rollout-adapters/, and what an earlier process of the run left behind is removed there
   * and from the servers. Defaults to none.
   */
  outputDir?: string
  /**
   * `recompute` where the run samples with topK, topP, minP or repetitionPenalty: servers tell log-probabilities of the filtered
   * distribution, which say nothing. Defaults to `tolerance`.
   */
  agreement?: 'tolerance' | 'recompute'
  /** Told of each server that was compared with the policy, before it samples for the first time and after it was away. */
  onChecked?: (url: string, difference: ServerDifference) => void
  /** Told of servers that are away, and when they are back. Defaults to console.warn. */
  onWarning?: (message: string) => void
  /** How long servers are waited for. Defaults to 1 s after a first failure, at most 30 s, and 10 minutes until the run is given up. */
  waits?: Partial<Waits>
}

/** A rollout engine that holds connections, and adapters on servers. */
export interface RolloutServers extends RolloutEngine {
  /** Takes the adapter from the servers, removes its folder and ends the connections. */
  close(): Promise<void>
}

/** The completions of one prompt, for all places where it stands in the batch. */
interface Job {
  readonly promptIds: TokenIds
  readonly places: readonly number[]
}

/**
 * Servers that sample the completions of a run: each group is a request of its own, servers take groups as fast as they are, and each
 * step's adapter is loaded under a new name. Before a server samples for the first time, its tokenizer and its log-probabilities are
 * compared with the policy's.
 * @throws ConfigError for settings that are wrong, and for a key that the environment does not have
 */
export function rolloutServers(settings: RolloutServersSettings, options: RolloutServersOptions = {}): RolloutServers {
  const { engine, baseUrl, model, apiKeyEnv, adapterDir, timeout } = parseOptions(
    'rolloutServers',
    rolloutServerSettings,
    settings,
  )
  const { outputDir, agreement = 'tolerance', onChecked, onWarning = console.warn } = options
  const waits = { first: 1000, longest: 30_000, patience: 600_000, ...options.waits }
  const protocol = protocols[engine]
  const folders = new AdapterFolders({ outputDir, adapterDir })
  const servers = baseUrl.map(
    (url) =>
      new RolloutServer(url, {
        protocol,
        model,
        key: apiKeyEnv === undefined ? null : keyOf(apiKeyEnv),
        timeout,
        isOfRun: (name) => folders.isOfRun(name),
      }),
  )
  let synced: { policy: Policy; adapter: SavedAdapter } | null = null
  let hasSampled = false
  /** The policy computes for one server at a time, and not while it is trained. */
  let computing: Promise<unknown> = Promise.resolve()

  /** Compares a server with the policy. */
  async function check(
    server: RolloutServer,
    served: ServedModel,
    { prompts, sampling, signal }: { prompts: readonly TokenIds[]; sampling: SamplingOptions; signal: AbortSignal },
  ): Promise<void> {
    const { policy } = synced!
    const { tokenizer } = policy
    const { temperature = 1, maxCompletionLength, seed = 0 } = sampling
    if (tokenizer) await checkTokenizer(tokenizer, protocol, { ...server.asking, signal }, served)
    const difference = await probeServer(
      policy,
      (promptIds, count, length) => {
        const request = { promptIds, count, seed, temperature, maxCompletionLength: length }
        return server.sample({ ...request, eosTokenIds: policy.eosTokenIds }, signal)
      },
      {
        url: server.url,
        prompts,
        temperature,
        maxCompletionLength,
        alone: (body) => {
          const result = computing.then(() => {
            signal.throwIfAborted()
            return body()
          })
          computing = result.catch(() => undefined)
          return result
        },
      },
    )
    onChecked?.(server.url, difference)
  }

  return {
    name: `${engine} servers`,
    agreement,

    async sync(policy, step) {
      synced = { policy, adapter: await folders.save(policy, step) }
    },

    async generate(prompts, sampling) {
      if (!synced) throw new GrpoError('the servers have no policy yet; expected sync before generate')
      const { policy, adapter } = synced
      checkFilters(sampling, agreement)
      const { numGenerations = 1, seed = 0, eosTokenIds = policy.eosTokenIds, onProgress } = sampling
      const ended = new AbortController()
      const signal = AbortSignal.any([ended.signal, ...(sampling.signal ? [sampling.signal] : [])])
      const completions: Completion[][] = prompts.map(() => [])
      const total = { tokens: 0, completions: 0 }
      const prepare = (server: RolloutServer, until: AbortSignal): Promise<void> =>
        server.prepare(adapter, (one, served) => check(one, served, { prompts, sampling, signal: until }), until)
      try {
        if (!hasSampled)
          await Promise.all(servers.map((server) => tryFirst(server, () => prepare(server, signal), waits)))
        await shareWork(
          jobsOf(prompts),
          servers,
          {
            prepare,
            isReady: (server) => server.has(adapter),
            async do(server, { promptIds, places }, until) {
              const count = places.length * numGenerations
              const sampled = await server.sample({ ...sampling, promptIds, count, seed, eosTokenIds }, until)
              const group = sampled.map((one): Completion => ({
                ...one,
                entropies: [],
                text: policy.tokenizer ? decodeTokens(policy.tokenizer, one.ids, true) : '',
              }))
              for (const [i, place] of places.entries()) {
                completions[place] = group.slice(i * numGenerations, (i + 1) * numGenerations)
              }
              total.completions += count
              total.tokens += sampled.reduce((sum, { ids }) => sum + ids.length, 0)
              onProgress?.(total.tokens, total.completions)
            },
          },
          { waits, signal, onWarning },
        )
      } finally {
        ended.abort()
        await computing
      }
      hasSampled = true
      return completions
    },

    async close() {
      await Promise.all(servers.map((server) => server.close()))
      folders.close()
    },
  }
}

/** Makes a server ready for the first time: what it refuses ends the run, what may pass is waited for later. */
async function tryFirst(server: RolloutServer, prepare: () => Promise<void>, waits: Waits): Promise<void> {
  try {
    await prepare()
  } catch (error) {
    if (!(error instanceof TransientError)) throw error
    server.fail(error, waits)
  }
}

/** The prompts of a batch, each once: completions of the same prompt are numbered on, as the policy's own engine does. */
function jobsOf(prompts: readonly TokenIds[]): Job[] {
  const places = new Map<string, number[]>()
  for (const [place, ids] of prompts.entries()) {
    const key = ids.join()
    places.set(key, [...(places.get(key) ?? []), place])
  }
  return [...places.values()].map((of) => ({ promptIds: prompts[of[0]!]!, places: of }))
}

function keyOf(variable: string): string {
  const key = process.env[variable]
  if (key !== undefined && /^[\x21-\x7e]+$/.test(key)) return key
  throw new ConfigError(
    `rolloutServers: apiKeyEnv is ${variable}, and the environment variable ${key === undefined || key === '' ? 'is not set' : 'holds no key: it has spaces or letters beyond ASCII'}`,
  )
}
