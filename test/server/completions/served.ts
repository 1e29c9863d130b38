import { once } from 'node:events'
import http from 'node:http'
import { json } from 'node:stream/consumers'
import type { Completion } from '../../../src/engine/sampling.js'
import { completionsResponseSchema } from '../../../src/grpo/rollouts/servers/protocol.js'
import type { CompletionsRequest } from '../../../src/grpo/rollouts/servers/protocol.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import type { RequestLine, Service } from '../../../src/server/http/service.js'
import { serveCompletions } from '../../../src/server/completions/serveCompletions.js'
import type { CompletionsServiceOptions } from '../../../src/server/completions/serveCompletions.js'

/** An answer of a service. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** A model that is served for a test. */
export interface Served {
  readonly service: Service
  /** Of the requests that were answered. */
  readonly lines: RequestLine[]
  get(path: string): Promise<Answer>
  post(path: string, body: unknown, signal?: AbortSignal): Promise<Answer>
  /** Completions with their log-probabilities and ids. Throws for an answer that is no 200. */
  complete(
    request: Partial<Omit<CompletionsRequest, 'stop' | 'prompt'>> & Record<string, unknown>,
  ): Promise<ServedCompletion[]>
}

/** What a served completion and one of the library have in common. */
export type ServedCompletion = Pick<Completion, 'ids' | 'logProbs' | 'text' | 'finishReason'>

/** What a server tells of completions. */
export function asServed(groups: readonly (readonly Completion[])[]): ServedCompletion[] {
  return groups.flat().map(({ ids, logProbs, text, finishReason }) => ({ ids, logProbs, text, finishReason }))
}

export async function serveForTest(model: CausalLM, options: Partial<CompletionsServiceOptions> = {}): Promise<Served> {
  const lines: RequestLine[] = []
  const service = await serveCompletions(model, {
    host: '127.0.0.1',
    port: 0,
    token: null,
    servedModelName: 'base',
    adapters: new Map(),
    maxLoras: 4,
    maxNumSeqs: 64,
    onRequest: (line) => lines.push(line),
    ...options,
  })
  const post: Served['post'] = async (path, body, signal) => {
    const request = http.request(`${service.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${options.token ?? ''}` },
      agent: false,
      ...(signal && { signal }),
    })
    request.end(typeof body === 'string' ? body : JSON.stringify(body))
    return read(request)
  }
  return {
    service,
    lines,
    post,
    get: (path) => read(http.get(`${service.url}${path}`, { agent: false })),
    async complete(request) {
      const { status, body } = await post('/v1/completions', {
        model: 'base',
        logprobs: 0,
        return_token_ids: true,
        ...request,
      })
      if (status !== 200) throw new Error(JSON.stringify(body))
      const { choices } = completionsResponseSchema.parse(body)
      return choices.map(({ text, token_ids: ids, logprobs, finish_reason: reason }) => ({
        ids,
        logProbs: logprobs!.token_logprobs as number[],
        text,
        finishReason: reason === 'stop' ? 'stop' : 'length',
      }))
    },
  }
}

async function read(request: http.ClientRequest): Promise<Answer> {
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const isJson = response.headers['content-type'] === 'application/json'
  const chunks = isJson ? await json(response) : (await response.toArray()).join('')
  return { status: response.statusCode ?? 0, body: chunks }
}
