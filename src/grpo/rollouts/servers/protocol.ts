import { z } from 'zod'

/**
 * The part of vLLM's HTTP protocol (0.22 and later) that sampling from a policy needs: `/v1/models`, `/v1/completions` with prompts as
 * token ids, `/tokenize`, `/v1/load_lora_adapter` and `/v1/unload_lora_adapter`. `grpo-ts serve` answers it too, and takes what stands below
 * as an extension.
 */

const tokenIds = z.array(z.int().nonnegative())

/** What `POST /v1/completions` is sent. All options are said: vLLM takes what is left out from the model's generation_config.json. */
export const completionsRequestSchema = z.object({
  /** The served model, or an adapter by the name that it was loaded with. */
  model: z.string(),
  /** [P] prompts as token ids. */
  prompt: z.array(tokenIds),
  /** Completions of each. */
  n: z.int().positive().default(1),
  max_tokens: z.int().positive(),
  temperature: z.number().nonnegative().default(1),
  top_p: z.number().default(1),
  top_k: z.int().default(0),
  min_p: z.number().default(0),
  repetition_penalty: z.number().default(1),
  /** Sent to `grpo-ts serve` only: one in a request ends the engine of vLLM 0.32 on CPUs. */
  seed: z.int().nonnegative().nullish(),
  stop: z.array(z.string()).nullish(),
  /** Tokens that end a completion besides the model's EOS. */
  stop_token_ids: tokenIds.nullish(),
  /** Alternatives beside each sampled token: 0. */
  logprobs: z.int().nonnegative().nullish(),
  return_token_ids: z.boolean().default(false),
  add_special_tokens: z.boolean().default(false),
  skip_special_tokens: z.boolean().default(true),
  stream: z.literal(false).nullish(),
})
export type CompletionsRequest = z.input<typeof completionsRequestSchema>

/** What it answers, as far as it is read. */
export const completionsResponseSchema = z.object({
  model: z.string().optional(),
  choices: z.array(
    z.object({
      /** Prompt after prompt, n each. */
      index: z.int().nonnegative(),
      text: z.string(),
      finish_reason: z.string().nullable(),
      /** The sampled tokens, the one that ended the completion included. */
      token_ids: tokenIds,
      prompt_token_ids: tokenIds.nullish(),
      logprobs: z.object({ token_logprobs: z.array(z.number().nullable()) }).nullish(),
    }),
  ),
})
export type CompletionsResponse = z.output<typeof completionsResponseSchema>

/** What `GET /v1/models` answers, as far as it is read: a base model has no parent. */
export const modelsResponseSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      parent: z.string().nullish(),
      root: z.string().nullish(),
      max_model_len: z.number().nullish(),
      /** `grpo-ts` of our own servers. */
      owned_by: z.string().nullish(),
    }),
  ),
})

/** What `POST /v1/load_lora_adapter` is sent; it answers 200, 400 for a name that is loaded, 404 for a folder that it does not see. */
export const loadAdapterRequestSchema = z.object({
  lora_name: z.string(),
  /** The folder, as the server sees it. */
  lora_path: z.string(),
  /**
   * Extension of `grpo-ts serve`: the adapter's files by their names, in base64, for servers on other machines, which do not see the
   * folder.
   */
  files: z.record(z.string(), z.string()).optional(),
})

/** What `POST /v1/unload_lora_adapter` is sent. */
export const unloadAdapterRequestSchema = z.object({ lora_name: z.string() })

/** What `POST /tokenize` is sent, with a text or with the messages of a chat, and what it answers, as far as it is read. */
export const tokenizeRequestSchema = z.union([
  z.object({ model: z.string().optional(), prompt: z.string(), add_special_tokens: z.boolean().default(true) }),
  z.object({
    model: z.string().optional(),
    messages: z.array(z.object({ role: z.string(), content: z.string() })),
    add_generation_prompt: z.boolean().default(true),
    add_special_tokens: z.boolean().default(false),
  }),
])
export const tokenizeResponseSchema = z.object({ tokens: tokenIds, count: z.int().nonnegative() })
