import type { ChatMessage, Tokenizer } from '../text/tokenizer.js'
import type { Problem } from '../grading/problem.js'
import type { Prompt } from './task.js'

/**
 * Builds the prompt of a problem, after worked examples given as earlier turns.
 *
 * With a chat template: the system prompt, unless the problem's conversation has a system message of its own, a user and an
 * assistant turn for each example, the conversation or the question as user turn, and the generation prompt; special tokens
 * inside these texts stay text. Without one: `Question: …\nAnswer:`, the examples and earlier turns before it in the same form,
 * no system prompt, and the special tokens that the tokenizer adds by itself (BOS).
 */
export function questionPrompt(
  problem: Pick<Problem, 'question' | 'messages'>,
  examples: readonly Problem[],
  systemPrompt: string | null,
  tokenizer: Tokenizer | null,
): Prompt {
  const conversation = problem.messages ?? [{ role: 'user', content: problem.question }]
  const turns = conversation.filter(({ role }) => role !== 'system')
  const shots = examples.flatMap((example): ChatMessage[] => [
    { role: 'user', content: example.question },
    { role: 'assistant', content: example.solution ?? example.answer },
  ])
  if (tokenizer?.hasChatTemplate !== true) return plainPrompt(plainText([...shots, ...turns]), tokenizer)
  const own = conversation.filter(({ role }) => role === 'system')
  const system = own.length === 0 && systemPrompt !== null ? [{ role: 'system', content: systemPrompt }] : own
  const messages = [...system, ...shots, ...turns]
  return { text: tokenizer.applyChatTemplate(messages), ids: tokenizer.encodeChat(messages), messages }
}

function plainText(turns: readonly ChatMessage[]): string {
  const text = turns.map(({ role, content }, i) => {
    if (role === 'assistant') return ` ${content}\n\n`
    // Between a question and its answer there may be several turns: what a tool said, for instance.
    const isAnswered = i === turns.length - 1 || turns[i + 1]?.role === 'assistant'
    return `${role === 'user' ? 'Question: ' : ''}${content}\n${isAnswered ? 'Answer:' : ''}`
  })
  return text.join('')
}

/** A prompt that is given to the model as it stands, special tokens inside it kept as text. */
export function plainPrompt(text: string, tokenizer: Tokenizer | null): Prompt {
  return { text, ids: tokenizer?.encode(text, { addSpecialTokens: true, allowSpecialTokens: false }) ?? [] }
}
