import { z } from 'zod'
import { roomForCompletion } from '../../engine/sampling.js'
import { DataError } from '../../errors.js'
import { quote } from '../../io/json.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { Tokenizer } from '../../text/tokenizer.js'
import { checkTokenIds, tokenIdsSchema } from './batchFiles.js'

/** A prompt in a line of JSON lines: as tokens, as text, or as the messages of a chat. */
export const promptFields = {
  input_ids: tokenIdsSchema.optional(),
  prompt: z.string().optional(),
  messages: z
    .array(z.looseObject({ role: z.string(), content: z.string() }))
    .min(1)
    .optional(),
}

export type PromptRow = z.output<z.ZodObject<typeof promptFields>>

/** Throws a DataError that names the line unless it has exactly one of input_ids, prompt and messages. */
export function checkPromptRow(
  { input_ids: inputIds, prompt, messages }: PromptRow,
  value: unknown,
  where: string,
): void {
  if ([inputIds, prompt, messages].filter((form) => form !== undefined).length === 1) return
  throw new DataError(`${where}: expected one of input_ids, prompt and messages, got ${quote(value)}`)
}

/**
 * The tokens of a prompt. A text is encoded as by transformers' tokenizer(text): special tokens in it count as such, and a
 * BOS is added where the model has one. Throws a DataError that names the line.
 */
export function promptTokens(
  { input_ids: inputIds, prompt, messages }: PromptRow,
  model: CausalLM,
  where: string,
): number[] {
  if (inputIds !== undefined) {
    checkTokenIds(inputIds, model, where)
    return inputIds
  }
  const tokenizer = tokenizerOf(model, where)
  const ids =
    prompt === undefined ? tokenizer.encodeChat(messages ?? []) : tokenizer.encode(prompt, { addSpecialTokens: true })
  if (ids.length > 0) return ids
  throw new DataError(`${where}: the prompt has no token; expected at least one character`)
}

/** Throws a DataError that names the line when a prompt and the longest completion have no room in the model. */
export function checkRoom(
  promptIds: readonly number[],
  maxCompletionLength: number,
  { config: { maxPositions } }: CausalLM,
  where: string,
): void {
  const room = roomForCompletion(promptIds.length, maxPositions)
  if (maxCompletionLength <= room) return
  throw new DataError(
    `${where}: the prompt has ${promptIds.length} tokens, which leaves no room for ${maxCompletionLength} more in the ` +
      `${maxPositions} positions of the model; shorten it` +
      (room < 1 ? '' : `, or set --max-completion-length to ${room} or less`),
  )
}

/** Throws a DataError that names the line when the model has no tokenizer. */
export function tokenizerOf(model: CausalLM, where: string): Tokenizer {
  if (model.tokenizer) return model.tokenizer
  throw new DataError(`${where}: ${model.folder} has no tokenizer.json, so prompts must be given as input_ids`)
}
