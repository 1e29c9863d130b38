import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import path from 'node:path'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { z } from 'zod'
import type { Completion } from '../../../../src/engine/sampling.js'
import {
  completionsRequestSchema,
  loadAdapterRequestSchema,
  tokenizeRequestSchema,
  unloadAdapterRequestSchema,
} from '../../../../src/grpo/rollouts/servers/protocol.js'
import type { CausalLM } from '../../../../src/policy/causalLM.js'
import { generate } from '../../../../src/policy/generate.js'

/** What a fake does otherwise than a server of vLLM with the same model would. */
export interface FakeOptions {
  /** The name that it serves the model by. */
  name?: string
  /** Models beside it. */
  others?: readonly string[]
  ownedBy?: string
  maxModelLength?: number | null
  /** Whether it has /tokenize. */
  tokenizes?: boolean
  /** Changes the tokens that it makes of texts. */
  changeTokens?: (ids: number[]) => number[]
  /** Changes what it sampled. */
  change?: (completion: Completion) => Completion
  /** Whether it tells log-probabilities at temperature 1. */
  isRaw?: boolean
  /** Whether it samples from the base model where it has no such adapter. */
  fallsBack?: boolean
  /** Whether it sees the folders of adapters. */
  seesFolders?: boolean
  /** The bearer token that it wants. */
  key?: string
}

/** An answer in place of the server's own. */
export interface Fault {
  path: string
  status: number
  headers?: Record<string, string>
  body?: string
  /** Never answers. */
  hangs?: boolean
  /** Whether the body is sent again and again. */
  isEndless?: boolean
}

/** A request that a fake has got. */
export interface SeenRequest {
  path: string
  body: Record<string, unknown>
  authorization: string | undefined
}

/** The part of SGLang's GenerateReqInput that is sent; anything else is refused. */
const generateRequestSchema = z.strictObject({
  input_ids: z.array(z.array(z.int())),
  lora_path: z.array(z.string()),
  sampling_params: z.strictObject({
    n: z.literal(1),
    max_new_tokens: z.int(),
    temperature: z.number(),
    top_p: z.number(),
    top_k: z.int(),
    min_p: z.number(),
    repetition_penalty: z.number(),
    stop: z.array(z.string()),
    stop_token_ids: z.array(z.int()),
    skip_special_tokens: z.literal(true),
  }),
  return_logprob: z.literal(true),
  stream: z.literal(false),
})

/** A server of vLLM's protocol, and of SGLang's, for tests, which samples from a model in this process. */
export class FakeServer {
  readonly adapters = new Map<string, CausalLM>()
  /** How many adapters there have been at once, at most. */
  mostAdapters = 0
  readonly requests: SeenRequest[] = []
  /** Used up one by one, for requests to their paths. */
  readonly faults: Fault[] = []
  /** Called before completions are sampled. */
  onSample: () => Promise<void> | void = () => undefined
  /** Requests whose client went away before the answer. */
  aborted = 0
  #server: http.Server | null = null
  readonly #sockets = new Set<Socket>()
  #port = 0

  constructor(
    private readonly model: CausalLM,
    readonly options: FakeOptions = {},
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<this> {
    this.#server = http.createServer((request, response) => {
      this.#answer(request)
        .then(({ status, headers, body, isEndless }) => {
          response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
          if (isEndless) Readable.from(again(body)).pipe(response)
          else response.end(body)
        })
        .catch((error: unknown) => {
          response.writeHead(500).end(JSON.stringify({ error: { message: String(error) } }))
        })
      response.on('close', () => {
        if (!response.writableFinished) this.aborted++
      })
    })
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
    return this
  }

  /** Ends as a killed process does: connections break, and what it had loaded is gone. */
  async kill(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = null
    this.adapters.clear()
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  count(path: string): number {
    return this.requests.filter((request) => request.path === path).length
  }

  async #answer(
    request: http.IncomingMessage,
  ): Promise<{ status: number; headers?: Record<string, string>; body: string; isEndless?: boolean }> {
    const url = request.url!
    const body = (request.method === 'POST' ? await json(request) : {}) as Record<string, unknown>
    const { authorization } = request.headers
    this.requests.push({ path: url, body, authorization })
    const at = this.faults.findIndex((one) => one.path === url)
    if (at >= 0) {
      const [fault] = this.faults.splice(at, 1)
      if (fault!.hangs) return new Promise(() => undefined)
      return {
        status: fault!.status,
        headers: fault!.headers ?? {},
        body: fault!.body ?? '{"error":{"message":"fault"}}',
        isEndless: fault!.isEndless ?? false,
      }
    }
    if (this.options.key !== undefined && authorization !== `Bearer ${this.options.key}`) {
      return this.#error(401, `wrong key ${authorization ?? ''}`)
    }
    switch (url) {
      case '/v1/models':
        return { status: 200, body: JSON.stringify({ object: 'list', data: this.#models() }) }
      case '/tokenize':
        return this.#tokenize(body)
      case '/v1/load_lora_adapter':
        return this.#load(body)
      case '/v1/unload_lora_adapter': {
        const { lora_name: name } = unloadAdapterRequestSchema.parse(body)
        return this.adapters.delete(name) ? { status: 200, body: 'Success' } : this.#error(404, `no adapter ${name}`)
      }
      case '/v1/completions':
        return this.#complete(body)
      case '/load_lora_adapter':
        return this.#ofSglang(this.#load(body))
      case '/unload_lora_adapter': {
        const { lora_name: name } = unloadAdapterRequestSchema.parse(body)
        return this.#ofSglang(this.adapters.delete(name) ? { status: 200, body: '' } : this.#error(400, 'not loaded'))
      }
      case '/generate':
        return this.#generate(body)
      default:
        return { status: 404, body: JSON.stringify({ detail: 'Not Found' }) }
    }
  }

  #models(): object[] {
    const { name = 'base', others = [], ownedBy = 'vllm', maxModelLength = 4096 } = this.options
    return [
      ...[name, ...others].map((id) => ({
        id,
        root: id,
        parent: null,
        owned_by: ownedBy,
        max_model_len: maxModelLength,
      })),
      ...[...this.adapters.keys()].map((id) => ({ id, parent: name, root: id, owned_by: ownedBy })),
    ]
  }

  #tokenize(body: unknown): { status: number; body: string } {
    const { tokenizer } = this.model
    if (this.options.tokenizes === false || !tokenizer) return { status: 404, body: '{"detail":"Not Found"}' }
    const request = tokenizeRequestSchema.parse(body)
    const ids =
      'prompt' in request
        ? tokenizer.encode(request.prompt)
        : tokenizer.encodeChat(request.messages, { allowSpecialTokens: true })
    const tokens = this.options.changeTokens?.(ids) ?? ids
    return { status: 200, body: JSON.stringify({ tokens, count: tokens.length, max_model_len: 4096 }) }
  }

  #load(body: unknown): { status: number; body: string } {
    const { lora_name: name, lora_path: folder, files } = loadAdapterRequestSchema.parse(body)
    if (this.adapters.has(name)) return this.#error(400, `The lora adapter '${name}' has already been loaded.`)
    let place = folder
    if (files) {
      place = `${folder}-sent`
      fs.mkdirSync(place)
      for (const [file, content] of Object.entries(files)) {
        fs.writeFileSync(path.join(place, file), Buffer.from(content, 'base64'))
      }
    } else if (this.options.seesFolders === false || !fs.existsSync(folder)) {
      return this.#error(404, `No adapter found for ${folder}`)
    }
    this.adapters.set(name, this.model.withAdapter(place))
    if (files) fs.rmSync(place, { recursive: true })
    this.mostAdapters = Math.max(this.mostAdapters, this.adapters.size)
    return { status: 200, body: `Success: LoRA adapter '${name}' added successfully.` }
  }

  async #complete(body: unknown): Promise<{ status: number; body: string }> {
    const request = completionsRequestSchema.parse(body)
    const { name: base = 'base', fallsBack = false } = this.options
    const name = fallsBack && !this.adapters.has(request.model) ? base : request.model
    const policy = name === base ? this.model : this.adapters.get(name)
    if (!policy) return this.#error(404, `The model \`${request.model}\` does not exist.`)
    await this.onSample()
    const { isRaw, change = (completion: Completion) => completion } = this.options
    const groups = await generate(policy, request.prompt, {
      maxCompletionLength: request.max_tokens,
      temperature: request.temperature,
      topP: request.top_p,
      topK: request.top_k,
      minP: request.min_p,
      repetitionPenalty: request.repetition_penalty,
      numGenerations: request.n,
      seed: request.seed ?? 0,
      eosTokenIds: request.stop_token_ids ?? [],
      stopStrings: request.stop ?? [],
    })
    if (isRaw) await this.#toRaw(policy, request.prompt, groups)
    const choices = groups
      .flat()
      .map(change)
      .map((completion, index) => ({
        index,
        text: completion.text,
        finish_reason: completion.finishReason,
        token_ids: completion.ids,
        prompt_token_ids: request.prompt[Math.floor(index / request.n)],
        logprobs: { token_logprobs: completion.logProbs, tokens: [], text_offset: [], top_logprobs: [] },
      }))
    return { status: 200, body: JSON.stringify({ id: 'x', object: 'text_completion', model: name, choices }) }
  }

  /** SGLang tells of adapters whether it worked. */
  #ofSglang({ status, body }: { status: number; body: string }): { status: number; body: string } {
    if (status === 200) return { status, body: JSON.stringify({ success: true, loaded_adapters: {} }) }
    return { status: 400, body: JSON.stringify({ success: false, error_message: body }) }
  }

  /** SGLang's completions: a list for lists of prompts, each with the log-probability, id and text of its tokens. */
  async #generate(body: Record<string, unknown>): Promise<{ status: number; body: string }> {
    const { input_ids: prompts, lora_path: adapters, sampling_params: params } = generateRequestSchema.parse(body)
    const policy = this.adapters.get(adapters[0]!)
    if (!policy)
      return { status: 400, body: JSON.stringify({ error: { message: `LoRA ${adapters[0]} is not loaded` } }) }
    await this.onSample()
    const groups = await generate(policy, prompts, {
      maxCompletionLength: params.max_new_tokens,
      temperature: params.temperature,
      topP: params.top_p,
      topK: Math.max(0, params.top_k),
      minP: params.min_p,
      repetitionPenalty: params.repetition_penalty,
      eosTokenIds: params.stop_token_ids,
      stopStrings: params.stop,
    })
    const answers = groups.flat().map(({ ids, logProbs, text, finishReason }) => ({
      text,
      output_ids: ids,
      meta_info: {
        finish_reason:
          finishReason === 'stop' ? { type: 'stop', matched: ids.at(-1) } : { type: 'length', length: ids.length },
        output_token_logprobs: ids.map((id, t) => [logProbs[t], id, null]),
        completion_tokens: ids.length,
      },
    }))
    return { status: 200, body: JSON.stringify(answers) }
  }

  async #toRaw(policy: CausalLM, prompts: readonly number[][], groups: Completion[][]): Promise<void> {
    const rows = groups.flatMap((group, g) => group.map(({ ids }) => ({ promptIds: prompts[g]!, completionIds: ids })))
    const { logProbs } = await policy.engineModel.values(rows, { temperature: 1 })
    for (const [i, completion] of groups.flat().entries()) completion.logProbs = [...logProbs[i]!]
  }

  #error(status: number, message: string): { status: number; body: string } {
    return { status, body: JSON.stringify({ error: { message, type: 'NotFoundError', code: status } }) }
  }
}

function* again(text: string): Generator<string> {
  for (;;) yield text
}
