import fs from 'node:fs'
import path from 'node:path'
import { GrpoError } from '../../../errors.js'
import { quote } from '../../../io/json.js'
import { TransientError } from '../../../io/transfer/remote.js'
import { ServerRefusal } from './connection.js'
import { completionsResponseSchema, tokenizeResponseSchema } from './protocol.js'
import type { CompletionsRequest, CompletionsResponse } from './protocol.js'
import { answerBytes, SMALL_ANSWER } from './serverProtocol.js'
import type { SampledTokens, ServerProtocol } from './serverProtocol.js'

/** vLLM's protocol, which `grpo-ts serve` speaks too. */
export const vllm: ServerProtocol = {
  async loadAdapter({ connection, ...asking }, { name, folder }, { isOurs }) {
    const load = (files?: Record<string, string>): Promise<unknown> =>
      connection.ask('/v1/load_lora_adapter', {
        ...asking,
        maxBytes: SMALL_ANSWER,
        body: { lora_name: name, lora_path: folder, ...(files && { files }) },
      })
    try {
      await load().catch((error: unknown) => {
        const isElsewhere = isOurs && error instanceof ServerRefusal && error.status === 404
        if (!isElsewhere) throw error
        return load(filesOf(folder))
      })
    } catch (error) {
      if (!(error instanceof ServerRefusal)) throw error
      // The answer to an earlier try may have been lost; no other adapter has this name.
      if (/already/i.test(error.message)) return
      const advice =
        error.status === 404
          ? `does the server see the folder ${folder} (adapterDir says where it is), and was it started with --enable-lora and ` +
            'VLLM_ALLOW_RUNTIME_LORA_UPDATING=True?'
          : 'is its --max-lora-rank at least the rank of the adapter (loraR)?'
      throw new GrpoError(`${error.message}; ${advice}`, { cause: error })
    }
  },

  async unloadAdapter({ connection, ...asking }, name) {
    await connection
      .ask('/v1/unload_lora_adapter', { ...asking, maxBytes: SMALL_ANSWER, body: { lora_name: name } })
      .catch(unlessRefused)
  },

  async sample({ connection, ...asking }, request) {
    const { model, promptIds, count, eosTokenIds, seed } = request
    const { temperature = 1, topP = 1, topK = 0, minP, repetitionPenalty = 1, stopStrings = [] } = request
    const body: CompletionsRequest = {
      model,
      prompt: [[...promptIds]],
      n: count,
      max_tokens: request.maxCompletionLength,
      temperature,
      top_p: topP,
      top_k: topK,
      min_p: minP ?? 0,
      repetition_penalty: repetitionPenalty,
      stop: stopStrings.length > 0 ? [...stopStrings] : null,
      stop_token_ids: [...eosTokenIds],
      logprobs: 0,
      return_token_ids: true,
      add_special_tokens: false,
      skip_special_tokens: true,
      ...(seed !== null && { seed }),
    }
    let answer: unknown
    try {
      answer = await connection.ask('/v1/completions', { ...asking, maxBytes: answerBytes(request), body })
    } catch (error) {
      if (!(error instanceof ServerRefusal) || error.status !== 404) throw error
      throw new TransientError(`${error.message} (was it started anew?)`, null, { cause: error })
    }
    const { choices, model: answering } = parseAnswer(connection.url, answer)
    // One that was started anew, or something before it, may answer with the base model for an adapter that it does not know.
    if (answering !== undefined && answering !== model) {
      throw new TransientError(
        `${connection.url} was asked for the adapter ${model} and answered with ${connection.shown(answering)} (was it started anew?)`,
      )
    }
    if (choices.length !== count) {
      throw new GrpoError(`${connection.url} answered with ${choices.length} completions; expected ${count}`)
    }
    return choices.map((choice) => sampledTokens(connection.url, choice, promptIds))
  },

  async tokenize({ connection, ...asking }, model, content) {
    const body =
      typeof content === 'string'
        ? { model, prompt: content, add_special_tokens: false }
        : { model, messages: content, add_generation_prompt: true, add_special_tokens: false }
    const answer = await connection.ask('/tokenize', { ...asking, maxBytes: SMALL_ANSWER, body }).catch(unlessRefused)
    const result = tokenizeResponseSchema.safeParse(answer)
    return result.success ? result.data.tokens : null
  },
}

/** Null for a refusal, which says that the server has no such thing. */
export function unlessRefused(error: unknown): null {
  if (error instanceof ServerRefusal) return null
  throw error
}

function parseAnswer(url: string, answer: unknown): CompletionsResponse {
  const result = completionsResponseSchema.safeParse(answer)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue!.path.join('.')
  const advice = where.endsWith('token_ids') ? '; return_token_ids needs vLLM 0.22 or later' : ''
  throw new GrpoError(`${url} answered with something else than completions (${where}: ${issue!.message})${advice}`)
}

function sampledTokens(
  url: string,
  choice: CompletionsResponse['choices'][number],
  promptIds: readonly number[],
): SampledTokens {
  const { token_ids: ids, prompt_token_ids: promptOfServer, logprobs, finish_reason: reason } = choice
  if (promptOfServer && promptOfServer.join() !== promptIds.join()) {
    throw new GrpoError(
      `${url} continued another prompt than it was given: ${promptOfServer.length} tokens for ${promptIds.length}; does something ` +
        'before it cut prompts or add tokens to them?',
    )
  }
  const logProbs = (logprobs?.token_logprobs ?? []).map((value) => value ?? NaN)
  if (ids.length !== logProbs.length) {
    throw new GrpoError(`${url} answered with ${ids.length} tokens and ${logProbs.length} log-probabilities of them`)
  }
  if (reason === 'stop' || reason === 'length') return { ids, logProbs, finishReason: reason }
  throw new TransientError(`${url} ended a completion with finish_reason ${quote(reason)}`)
}

/** The files of an adapter in base64. */
function filesOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    fs.readdirSync(folder).map((name) => [name, fs.readFileSync(path.join(folder, name)).toString('base64')]),
  )
}
