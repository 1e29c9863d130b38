import { ConfigError } from '../../errors.js'
import { quote } from '../../io/json.js'
import type { ExportPlan } from '../exportPlan.js'
import type { VerlRow } from './parquet.js'

/**
 * [problems] The conversations that verl applies the model's chat template to, which it always does.
 *
 * Throws a ConfigError for a model without a chat template, for prompts that are no conversation, and for those that come out as
 * other tokens than here: verl reads the spelling of special tokens inside a question, and takes role and content of a message only.
 */
export function chatPrompts({
  prompts,
  task,
  tokenizer,
}: Pick<ExportPlan, 'prompts' | 'task' | 'tokenizer'>): VerlRow['prompt'][] {
  if (!tokenizer.hasChatTemplate) {
    throw new ConfigError(
      'verl applies the chat template of the model to every prompt, and this model has none; take an instruct model, or export to TRL',
    )
  }
  const bad: { readonly id: string; readonly why: string }[] = []
  const chats = prompts.map(({ messages, ids }, i) => {
    const { id } = task.problems[i]!
    if (messages === undefined) {
      bad.push({ id, why: 'is plain text or made by a prompt function that returns no messages' })
      return []
    }
    const chat = messages.map(({ role, content }) => ({ role, content }))
    const theirs = tokenizer.encodeChat(chat, { allowSpecialTokens: true })
    if (theirs.length !== ids.length || theirs.some((token, k) => token !== ids[k])) {
      bad.push({ id, why: 'would be other tokens, as where a question holds the spelling of a special token' })
    }
    return chat
  })
  const [first] = bad
  if (first === undefined) return chats
  throw new ConfigError(
    `the prompts of ${bad.length} of ${prompts.length} problems cannot be handed to verl, which applies the chat template to messages: ` +
      `that of ${quote(first.id)} ${first.why}; leave these problems out, or export to TRL`,
  )
}
