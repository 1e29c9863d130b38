import { setImmediate } from 'node:timers/promises'
import { roomForCompletion } from '../../engine/sampling.js'
import { quote } from '../../io/json.js'
import type { CausalLM } from '../../policy/causalLM.js'
import type { ChatMessage, Tokenizer } from '../../text/tokenizer.js'
import { HttpError } from '../http/httpError.js'
import { limits } from './limits.js'

type Model = Pick<CausalLM, 'config' | 'tokenizer'>

/**
 * The prompts of a request as token ids: it gives a text, a list of texts, the ids of one prompt, or a list of those.
 * @throws HttpError 400 for what is none, and for prompts that are empty or have no room for a completion in the model
 */
export async function promptsOf(
  value: unknown,
  model: Model,
  options: { readonly add_special_tokens: boolean; readonly max_tokens: number },
): Promise<number[][]> {
  const list: unknown[] = typeof value === 'string' ? [value] : Array.isArray(value) ? value : []
  if (list.length === 0) {
    throw new HttpError(400, `prompt: expected a text, token ids, or a list of either, got ${quote(value)}`)
  }
  const given: unknown[] = typeof list[0] === 'number' ? [list] : list
  if (given.length > limits.prompts) {
    throw new HttpError(
      400,
      `prompt: ${given.length} prompts, at most ${limits.prompts} are taken; send smaller batches`,
    )
  }
  const prompts: number[][] = []
  for (const [index, prompt] of given.entries()) {
    const where = given.length === 1 ? 'prompt' : `prompt.${index}`
    const isText = typeof prompt === 'string'
    const ids = isText ? encodeText(prompt, model, options.add_special_tokens, where) : checkedIds(prompt, model, where)
    // The first one that is too long ends it, before all the others are cut.
    checkRoom(ids, options.max_tokens, model, where)
    prompts.push(ids)
    // Long texts take a while, and others ask meanwhile.
    if (isText) await setImmediate()
  }
  return prompts
}

/** The tokens of a text; special tokens in it count as such. Throws an HttpError 400. */
export function encodeText(text: string, model: Model, addSpecialTokens: boolean, where: string): number[] {
  checkLength(text.length, model, where)
  return tokenizerOf(model).encode(text, { addSpecialTokens })
}

/** The tokens of a chat in the model's chat template. Throws an HttpError 400, and what the template throws. */
export function encodeMessages(
  messages: readonly ChatMessage[],
  model: Model,
  addGenerationPrompt: boolean,
): readonly number[] {
  const characters = messages.reduce((sum, { role, content }) => sum + role.length + content.length, 0)
  checkLength(characters, model, 'messages')
  return tokenizerOf(model).encodeChat(messages, { addGenerationPrompt })
}

/** Throws an HttpError 400 for texts that are longer than the model can read; they would take the time of everybody else. */
function checkLength(characters: number, { config: { maxPositions } }: Model, where: string): void {
  if (characters <= limits.charactersPerPosition * maxPositions) return
  throw new HttpError(
    400,
    `${where}: a text of ${characters} characters is longer than the ${maxPositions} positions of the model`,
  )
}

/** Throws an HttpError 400 when the model has no tokenizer. */
function tokenizerOf({ tokenizer }: Model): Tokenizer {
  if (tokenizer) return tokenizer
  throw new HttpError(400, 'the model has no tokenizer.json; give prompts as token ids')
}

function checkedIds(prompt: unknown, { config: { vocabularySize } }: Model, where: string): number[] {
  if (!Array.isArray(prompt)) throw new HttpError(400, `${where}: expected a text or token ids, got ${quote(prompt)}`)
  const at = prompt.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < vocabularySize))
  if (at < 0) return prompt as number[]
  throw new HttpError(
    400,
    `${where}: token ${at} is ${quote(prompt[at])}; expected whole numbers from 0 to ${vocabularySize - 1}`,
  )
}

/** Throws an HttpError 400 for a prompt that is empty or has no room for a completion in the model. */
function checkRoom(
  { length }: readonly number[],
  maxTokens: number,
  { config: { maxPositions } }: Model,
  where: string,
): void {
  if (length === 0) throw new HttpError(400, `${where}: it has no token; expected at least one`)
  const room = roomForCompletion(length, maxPositions)
  if (maxTokens <= room) return
  throw new HttpError(
    400,
    `${where}: ${length} tokens and max_tokens ${maxTokens} are more than the ${maxPositions} positions of the model; ` +
      (room < 1 ? 'shorten it' : `shorten it, or set max_tokens to ${room} or less`),
  )
}
