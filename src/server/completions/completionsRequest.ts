import { z } from 'zod'
import type { SamplingOptions } from '../../engine/sampling.js'
import { completionsRequestSchema } from '../../grpo/rollouts/servers/protocol.js'
import { isJsonObject, quote } from '../../io/json.js'
import { listProblems } from '../../io/jsonFields.js'
import { problemsOf } from '../../options/schema.js'
import type { CausalLM } from '../../policy/causalLM.js'
import { HttpError } from '../http/httpError.js'
import { limits } from './limits.js'
import { promptsOf } from './promptTokens.js'

/** An option of vLLM of which only the value that changes nothing is taken. */
function only(schema: z.ZodType): z.ZodType {
  return schema.optional().describe('It is not supported here.')
}

const stopString = z.string().min(1).max(limits.stopStringLength)

const schema = z.object({
  ...completionsRequestSchema.shape,
  model: z.string().optional(),
  prompt: z.unknown(),
  n: z.int().positive().max(limits.completions).default(1),
  max_tokens: z.int().positive().default(16),
  top_p: z.number().positive().max(1).default(1),
  top_k: z.int().min(-1).default(0),
  min_p: z.number().min(0).max(1).default(0),
  repetition_penalty: z.number().positive().default(1),
  seed: z.int().nonnegative().optional(),
  stop: z.union([stopString, z.array(stopString).max(limits.stopStrings)]).default([]),
  stop_token_ids: z.array(z.int().nonnegative()).max(limits.stopTokenIds).default([]),
  logprobs: z.literal(0).optional().describe('Of alternatives to the sampled tokens nothing is kept.'),
  /** As in OpenAI's API; vLLM's default is what the model's generation_config.json says. */
  add_special_tokens: z.boolean().default(true),
  include_stop_str_in_output: z.boolean().default(false),
  ignore_eos: z.boolean().default(false),
  return_tokens_as_token_ids: z.boolean().default(false),
  stream: z.literal(false).optional().describe('Answers are sent when they are whole.'),
  user: z.string().optional(),
  best_of: only(z.literal(1)),
  echo: only(z.literal(false)),
  suffix: only(z.literal('')),
  presence_penalty: only(z.literal(0)),
  frequency_penalty: only(z.literal(0)),
  length_penalty: only(z.literal(1)),
  logit_bias: only(z.strictObject({})),
  min_tokens: only(z.literal(0)),
  use_beam_search: only(z.literal(false)),
  spaces_between_special_tokens: only(z.literal(true)),
})

/** What a request of `/v1/completions` wants, apart from its prompts. */
export type CompletionsOptions = Omit<z.output<typeof schema>, 'prompt' | 'stop'> & { readonly stop: readonly string[] }

/** A request of `/v1/completions` that was checked. */
export interface CompletionsCall {
  readonly options: CompletionsOptions
  /** [P] */
  readonly prompts: number[][]
  readonly sampling: Omit<SamplingOptions, 'signal' | 'keep' | 'onProgress'>
}

/** The options of a request. Throws an HttpError 400 that names each one that is unknown or wrong. */
export function parseCompletionsRequest(body: unknown): { options: CompletionsOptions; prompt: unknown } {
  if (!isJsonObject(body)) throw new HttpError(400, `expected a JSON object, got ${quote(body)}`)
  // OpenAI's clients send null for what is left open.
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
  const { problems, value } = problemsOf(schema, given)
  problems.push(
    ...Object.keys(given).flatMap((name) =>
      Object.hasOwn(schema.shape, name) ? [] : [`there is no option ${quote(name)}`],
    ),
  )
  if (problems.length > 0 || !value) {
    throw new HttpError(400, listProblems(problems.map((problem) => problem.replace(/\.$/, ''))))
  }
  const { prompt, stop, ...options } = value
  return { options: { ...options, stop: [stop].flat() }, prompt }
}

/**
 * A request as a call of `generate`.
 * @throws HttpError 400 for prompts that the model cannot take, and for more than one request may ask for
 */
export async function completionsCall(
  { options, prompt }: { readonly options: CompletionsOptions; readonly prompt: unknown },
  model: CausalLM,
): Promise<CompletionsCall> {
  const prompts = await promptsOf(prompt, model, options)
  const completions = prompts.length * options.n
  if (completions > limits.completions) {
    throw new HttpError(
      400,
      `${prompts.length} prompts x n ${options.n} are more than ${limits.completions} completions`,
    )
  }
  if (completions * options.max_tokens > limits.tokens) {
    throw new HttpError(
      400,
      `${completions} completions x max_tokens ${options.max_tokens} are more than ${limits.tokens} tokens; send smaller batches`,
    )
  }
  if (options.stop.length > 0 && !model.tokenizer) {
    throw new HttpError(400, 'stop: the model has no tokenizer.json; give stop_token_ids')
  }
  return {
    options,
    prompts,
    sampling: {
      maxCompletionLength: options.max_tokens,
      temperature: options.temperature,
      topP: options.top_p,
      topK: Math.max(0, options.top_k),
      minP: options.min_p,
      repetitionPenalty: options.repetition_penalty,
      stopStrings: options.stop,
      eosTokenIds: [...(options.ignore_eos ? [] : model.eosTokenIds), ...options.stop_token_ids],
      numGenerations: options.n,
      ...(options.seed !== undefined && { seed: options.seed }),
    },
  }
}
