import { z } from 'zod'
import { GrpoError } from '../../../errors.js'
import { quote } from '../../../io/json.js'
import { TransientError } from '../../../io/transfer/remote.js'
import { ServerRefusal } from './connection.js'
import { answerBytes, SMALL_ANSWER } from './serverProtocol.js'
import type { ServerProtocol } from './serverProtocol.js'
import { unlessRefused, vllm } from './vllm.js'

/** What `POST /generate` answers for each completion, as far as it is read. */
const generatedSchema = z.object({
  meta_info: z.object({
    finish_reason: z.object({ type: z.string(), message: z.string().optional() }),
    /** Log-probability, token and its text; what is behind them is not read. */
    output_token_logprobs: z.array(z.tuple([z.number(), z.int().nonnegative()]).rest(z.unknown())),
  }),
})

/**
 * SGLang's own protocol, written from its documentation (sampling parameters, LoRA serving); what is said in this library to hold for
 * servers was not tried on a server of SGLang.
 */
export const sglang: ServerProtocol = {
  async loadAdapter({ connection, ...asking }, { name, folder }) {
    try {
      await connection.ask('/load_lora_adapter', {
        ...asking,
        maxBytes: SMALL_ANSWER,
        body: { lora_name: name, lora_path: folder },
      })
    } catch (error) {
      if (!(error instanceof ServerRefusal)) throw error
      if (/already/i.test(error.message)) return
      throw new GrpoError(
        `${error.message}; does the server see the folder ${folder} (adapterDir says where it is), and was it started with ` +
          '--enable-lora, --max-lora-rank (at least loraR) and --lora-target-modules all?',
        { cause: error },
      )
    }
  },

  async unloadAdapter({ connection, ...asking }, name) {
    await connection
      .ask('/unload_lora_adapter', { ...asking, maxBytes: SMALL_ANSWER, body: { lora_name: name } })
      .catch(unlessRefused)
  },

  async sample({ connection, ...asking }, request) {
    const { model, promptIds, count, eosTokenIds } = request
    const { temperature = 1, topP = 1, topK = 0, minP, repetitionPenalty = 1, stopStrings = [] } = request
    const ask = connection.ask('/generate', {
      ...asking,
      maxBytes: answerBytes(request),
      body: {
        // One by one: how completions of several prompts are ordered is not said.
        input_ids: Array.from({ length: count }, () => promptIds),
        lora_path: Array.from({ length: count }, () => model),
        sampling_params: {
          n: 1,
          max_new_tokens: request.maxCompletionLength,
          temperature,
          top_p: topP,
          top_k: topK === 0 ? -1 : topK,
          min_p: minP ?? 0,
          repetition_penalty: repetitionPenalty,
          stop: stopStrings,
          stop_token_ids: eosTokenIds,
          skip_special_tokens: true,
        },
        return_logprob: true,
        stream: false,
      },
    })
    const answer = await ask.catch((error: unknown) => {
      if (!(error instanceof ServerRefusal) || !/lora/i.test(error.message)) throw error
      throw new TransientError(`${error.message} (was it started anew?)`, null, { cause: error })
    })
    const result = z.array(generatedSchema).length(count).safeParse(answer)
    if (!result.success) {
      const [issue] = result.error.issues
      throw new GrpoError(
        `${connection.url} answered with something else than ${count} completions (${issue!.path.join('.')}: ${issue!.message})`,
      )
    }
    return result.data.map(({ meta_info: { finish_reason: reason, output_token_logprobs: tokens } }) => {
      const { type } = reason
      if (type !== 'stop' && type !== 'length') {
        const why = reason.message === undefined ? '' : ` (${connection.shown(reason.message)})`
        throw new TransientError(`${connection.url} ended a completion with finish_reason ${quote(type)}${why}`)
      }
      return { ids: tokens.map(([, id]) => id), logProbs: tokens.map(([logProb]) => logProb), finishReason: type }
    })
  },

  tokenize: (asking, model, content) => vllm.tokenize(asking, model, content),
}
