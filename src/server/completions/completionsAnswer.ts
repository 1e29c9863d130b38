import { randomUUID } from 'node:crypto'
import { decodeTokens } from '../../engine/sequence.js'
import type { Completion } from '../../engine/sampling.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import type { CompletionsCall, CompletionsOptions } from './completionsRequest.js'

/** Of a token that could not have been sampled, JSON having no infinity: vLLM's. */
const LEAST_LOG_PROB = -9999

/** What `/v1/completions` answers, as vLLM does. */
export function completionsAnswer(
  model: CausalLM,
  name: string,
  { options, prompts }: CompletionsCall,
  groups: readonly (readonly Completion[])[], // [P][n]
) {
  const completions = groups.flat()
  const promptTokens = prompts.reduce((sum, { length }) => sum + length, 0)
  const completionTokens = completions.reduce((sum, { ids }) => sum + ids.length, 0)
  return {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: name,
    choices: completions.map((completion, index) => {
      const { ids, finishReason } = completion
      const { text, stopReason } = ending(model, completion, options)
      return {
        index,
        text,
        logprobs: options.logprobs === undefined ? null : tokenLogProbs(model.tokenizer, completion, options),
        finish_reason: finishReason,
        stop_reason: stopReason,
        token_ids: options.return_token_ids ? ids : null,
        prompt_token_ids: options.return_token_ids ? prompts[Math.floor(index / options.n)] : null,
      }
    }),
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  }
}

/** The text without what ended it, and which stop string or token of the request that was; null for the model's EOS. */
function ending(
  { tokenizer, eosTokenIds }: CausalLM,
  { ids, finishReason }: Completion,
  { stop, ignore_eos: ignoresEos, include_stop_str_in_output: isIncluded, ...options }: CompletionsOptions,
): { text: string; stopReason: string | number | null } {
  const last = ids.at(-1)
  const isEos = last !== undefined && !ignoresEos && eosTokenIds.includes(last)
  const isStopToken = last !== undefined && options.stop_token_ids.includes(last)
  const isEndedByToken = finishReason === 'stop' && (isEos || isStopToken)
  const text = decode(tokenizer, isEndedByToken && !isIncluded ? ids.slice(0, -1) : ids, options.skip_special_tokens)
  if (finishReason !== 'stop') return { text, stopReason: null }
  if (isEndedByToken) return { text, stopReason: isEos ? null : last }
  const found = stop.map((string) => ({ string, at: text.indexOf(string) })).filter(({ at }) => at >= 0)
  const first = found.sort((a, b) => a.at - b.at)[0]
  if (!first) return { text, stopReason: null }
  return { text: text.slice(0, first.at + (isIncluded ? first.string.length : 0)), stopReason: first.string }
}

function tokenLogProbs(
  tokenizer: Tokenizer | null,
  { ids, logProbs }: Completion,
  { return_tokens_as_token_ids: asIds }: CompletionsOptions,
): unknown {
  const tokens = ids.map((id) => (asIds ? '' : decode(tokenizer, [id], false)) || `token_id:${id}`)
  const values = logProbs.map((logProb) => Math.max(logProb, LEAST_LOG_PROB))
  let end = 0
  return {
    tokens,
    token_logprobs: values,
    top_logprobs: tokens.map((token, i) => ({ [token]: values[i] })),
    text_offset: tokens.map(({ length }) => (end += length) - length),
  }
}

function decode(tokenizer: Tokenizer | null, ids: readonly number[], skipSpecialTokens: boolean): string {
  return tokenizer ? decodeTokens(tokenizer, ids, skipSpecialTokens) : ''
}
