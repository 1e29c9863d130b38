import type { z } from 'zod'
import { EngineError, GrpoError } from '../../errors.js'
import {
  loadAdapterRequestSchema,
  tokenizeRequestSchema,
  unloadAdapterRequestSchema,
} from '../../grpo/rollouts/servers/protocol.js'
import { listProblems } from '../../io/jsonFields.js'
import { expectation } from '../../options/schema.js'
import { packageVersion } from '../../packageVersion.js'
import { errorBody, HttpError } from '../http/httpError.js'
import type { Route, ServiceAnswer, ServiceRequest } from '../http/service.js'
import { checkAdapterFolder, withAdapterFiles } from './adapterFiles.js'
import { completionsAnswer } from './completionsAnswer.js'
import { completionsCall, parseCompletionsRequest } from './completionsRequest.js'
import type { EngineQueue } from './engineQueue.js'
import { limits } from './limits.js'
import { completionsMetrics } from './metrics.js'
import type { CompletionsUsage } from './metrics.js'
import { encodeMessages, encodeText } from './promptTokens.js'
import type { ServedModels } from './servedModels.js'

/** What vLLM answers, as far as sampling from a policy needs it. */
export function completionsRoutes(models: ServedModels, queue: EngineQueue): Route[] {
  const started = Math.floor(Date.now() / 1000)
  const usage: CompletionsUsage = { requests: 0, promptTokens: 0, generationTokens: 0 }
  const { base } = models

  async function complete({ body, signal }: ServiceRequest): Promise<ServiceAnswer> {
    const request = parseCompletionsRequest(body)
    return models.use(request.options.model, async ({ model, name }) => {
      const call = await completionsCall(request, model)
      const groups = await queue.generate({ model, prompts: call.prompts, options: call.sampling, signal })
      const answer = completionsAnswer(model, name, call, groups)
      usage.requests++
      usage.promptTokens += answer.usage.prompt_tokens
      usage.generationTokens += answer.usage.completion_tokens
      return { body: answer }
    })
  }

  function tokenize({ body }: ServiceRequest): ServiceAnswer {
    const request = parse(tokenizeRequestSchema, body)
    const { model } = base
    const tokens =
      'prompt' in request
        ? encodeText(request.prompt, model, request.add_special_tokens, 'prompt')
        : encodeMessages(request.messages, model, request.add_generation_prompt)
    return { body: { count: tokens.length, max_model_len: model.config.maxPositions, tokens, token_strs: null } }
  }

  async function load({ body }: ServiceRequest): Promise<ServiceAnswer> {
    const { lora_name: name, lora_path: folder, files } = parse(loadAdapterRequestSchema, body)
    if (files) await withAdapterFiles(files, (written) => models.load(name, written, null))
    else {
      checkAdapterFolder(folder)
      await models.load(name, folder)
    }
    return { body: `Success: LoRA adapter '${name}' added successfully.` }
  }

  async function unload({ body }: ServiceRequest): Promise<ServiceAnswer> {
    const { lora_name: name } = parse(unloadAdapterRequestSchema, body)
    await models.unload(name)
    return { body: `Success: LoRA adapter '${name}' removed successfully.` }
  }

  const list = (): ServiceAnswer => ({
    body: {
      object: 'list',
      data: models.list().map(({ name, root }) => ({
        id: name,
        object: 'model',
        created: started,
        owned_by: 'grpo-ts',
        root,
        parent: name === base.name ? null : base.name,
        max_model_len: base.model.config.maxPositions,
      })),
    },
  })

  const post = (path: string, answer: Route['answer'], maxBodyBytes: number = limits.bodyBytes): Route => ({
    method: 'POST',
    path,
    maxBodyBytes,
    answer: (request) => orRefusal(() => answer(request)),
  })
  return [
    { method: 'GET', path: '/health', isOpen: true, answer: () => ({ body: { status: 'ok' } }) },
    { method: 'GET', path: '/version', answer: () => ({ body: { version: packageVersion() } }) },
    { method: 'GET', path: '/v1/models', answer: list },
    {
      method: 'GET',
      path: '/metrics',
      answer: () => ({
        type: 'text/plain; version=0.0.4; charset=utf-8',
        body: completionsMetrics(queue, usage, models.list().length - 1),
      }),
    },
    post('/v1/completions', complete),
    post('/tokenize', tokenize),
    post('/v1/load_lora_adapter', load, limits.adapterBodyBytes),
    post('/v1/unload_lora_adapter', unload),
  ]
}

/**
 * The answer, or what was refused in vLLM's form: it may quote the request, and so it is none of the log's business. What the library
 * refuses is the request's fault, except where the engine fails.
 */
async function orRefusal(body: () => ServiceAnswer | Promise<ServiceAnswer>): Promise<ServiceAnswer> {
  try {
    return await body()
  } catch (error) {
    const status = error instanceof HttpError ? error.status : 400
    if (!(error instanceof GrpoError || error instanceof HttpError) || error instanceof EngineError) throw error
    return { status, body: errorBody(status, error.message) }
  }
}

function parse<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body, { error: expectation })
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => [...path.map(String), message].join(': '))
  throw new HttpError(400, listProblems(problems))
}
