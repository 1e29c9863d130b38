import path from 'node:path'
import { Tokenizer } from './api.js'
import type { ChatMessage } from './api.js'
import { compareExactly } from './compare.js'
import type { Part } from './referenceFiles.js'
import { describing, readJson } from './referenceFiles.js'

interface ChatReference {
  model: string
  special: Record<'bos' | 'eos' | 'pad', string | null> & Record<'bos_id' | 'eos_id' | 'pad_id', number | null>
  chat: {
    messages: ChatMessage[]
    add_generation_prompt: boolean
    chat_template_kwargs: Record<string, unknown>
    text?: string
    ids?: number[]
    /** The template refuses the messages. */
    error?: string
  }[]
  encode: {
    text: string
    ids: number[]
    ids_with_special: number[]
    tokens: string[]
    decoded: string
    decoded_skip_special: string
  }[]
  decode: { ids: number[]; decoded: string; decoded_skip_special: string }[]
}

/** Tokenizers and chat templates. */
export const chat: Part = {
  name: 'chat',
  matches: /^chat\/[^/]+\.json$/,
  *run(file, context) {
    const reference = readJson(context, file) as ChatReference
    // Errors are told by other words; that there is one is compared.
    for (const one of reference.chat) describing(one, 'error')
    const tokenizer = Tokenizer.load(path.join(context.root, reference.model))
    const { special, encode, decode } = reference
    yield compareExactly(
      'BOS, EOS and pad ids',
      [tokenizer.bosTokenId ?? null, tokenizer.eosTokenId ?? null, tokenizer.padTokenId ?? null],
      [special.bos_id, special.eos_id, special.pad_id],
    )

    const text = (id: number | undefined): string | null =>
      id === undefined ? null : (tokenizer.idToToken(id) ?? null)
    yield compareExactly(
      'BOS, EOS and pad tokens',
      [text(tokenizer.bosTokenId), text(tokenizer.eosTokenId), text(tokenizer.padTokenId)],
      [special.bos, special.eos, special.pad],
    )

    // transformers turns special tokens inside a message into their ids, hence allowSpecialTokens.
    const chats = reference.chat.map(({ messages, add_generation_prompt, chat_template_kwargs }) => {
      const options = { addGenerationPrompt: add_generation_prompt, ...chat_template_kwargs }
      try {
        const ids = tokenizer.encodeChat(messages, { ...options, allowSpecialTokens: true })
        return { text: tokenizer.applyChatTemplate(messages, options), ids }
      } catch {
        return { text: 'refused', ids: [] }
      }
    })
    const expected = reference.chat.map(({ text, ids, error }) =>
      error === undefined ? { text, ids } : { text: 'refused', ids: [] },
    )
    yield compareExactly(
      'chat: text',
      chats.map(({ text }) => text),
      expected.map(({ text }) => text),
    )
    yield compareExactly(
      'chat: ids',
      chats.map(({ ids }) => ids),
      expected.map(({ ids }) => ids),
    )

    const encoded = encode.map(({ text }) => tokenizer.encode(text))
    yield compareExactly(
      'encode: ids',
      encoded,
      encode.map(({ ids }) => ids),
    )
    yield compareExactly(
      'encode: ids with special tokens',
      encode.map(({ text }) => tokenizer.encode(text, { addSpecialTokens: true })),
      encode.map(({ ids_with_special }) => ids_with_special),
    )
    yield compareExactly(
      'encode: tokens',
      encoded.map((ids) => ids.map((id) => tokenizer.idToToken(id))),
      encode.map(({ tokens }) => tokens),
    )

    const texts = [...encode, ...decode]
    yield compareExactly(
      'decode',
      texts.map(({ ids }) => tokenizer.decode(ids)),
      texts.map(({ decoded }) => decoded),
    )
    yield compareExactly(
      'decode without special tokens',
      texts.map(({ ids }) => tokenizer.decode(ids, { skipSpecialTokens: true })),
      texts.map(({ decoded_skip_special }) => decoded_skip_special),
    )
  },
}
