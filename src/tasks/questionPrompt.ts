import type { ChatMessage, Tokenizer } from '../text/tokenizer.js'
import type { Problem } from '../grading/problem.js'
import type { Prompt } from './task.js'

/**
 * Builds the prompt of a question, after worked examples given as earlier turns.
 *
 * With a chat template: the system prompt, a user and an assistant turn for each example, the question as user turn, and
 * the generation prompt; special tokens inside these texts stay text. Without one: `Question: …\nAnswer:`, the examples
 * before it in the same form, no system prompt, and the special tokens that the tokenizer adds by itself (BOS).
 */
export function questionPrompt(
  question: string,
  examples: readonly Problem[],
  systemPrompt: string | null,
  tokenizer: Tokenizer | null,
): Prompt {
  if (tokenizer?.hasChatTemplate !== true) {
    const shots = examples.map(
      (example) => `Question: ${example.question}\nAnswer: ${example.solution ?? example.answer}`,
    )
    return plainPrompt([...shots, `Question: ${question}\nAnswer:`].join('\n\n'), tokenizer)
  }
  const messages: ChatMessage[] = systemPrompt === null ? [] : [{ role: 'system', content: systemPrompt }]
  for (const example of examples) {
    messages.push({ role: 'user', content: example.question })
    messages.push({ role: 'assistant', content: example.solution ?? example.answer })
  }
  messages.push({ role: 'user', content: question })
  return { text: tokenizer.applyChatTemplate(messages), ids: tokenizer.encodeChat(messages) }
}

/** A prompt that is given to the model as it stands, special tokens inside it kept as text. */
export function plainPrompt(text: string, tokenizer: Tokenizer | null): Prompt {
  return { text, ids: tokenizer?.encode(text, { addSpecialTokens: true, allowSpecialTokens: false }) ?? [] }
}
