import { isJsonObject, quote } from '../../io/json.js'
import type { ChatMessage } from '../../text/chatTemplate.js'

/** A conversation of a data set, cut where the model's turn is. */
export interface Conversation {
  /** What the model is given; ends with the turn that it answers. */
  readonly messages: readonly ChatMessage[]
  /** The last message of the user among them. */
  readonly question: string
  /** The assistant's message at the end, which is a solution and no part of the prompt; null if there is none. */
  readonly solution: string | null
}

/** Roles of ShareGPT and its relatives by their names in chat templates. */
const roles = new Map([
  ['human', 'user'],
  ['gpt', 'assistant'],
  ['chatgpt', 'assistant'],
  ['bot', 'assistant'],
  ['model', 'assistant'],
  ['observation', 'tool'],
  ['function_response', 'tool'],
])

/**
 * Reads a list of messages: `{role, content}` as chat templates take them, `{from, value}` as in ShareGPT, lists of roles and
 * contents, or any of these as JSON text. Contents may be lists of parts (`{type: 'text', text}`).
 *
 * Returns null for a value that is no list of messages, and the reason for one that cannot be used.
 */
export function readConversation(value: unknown): Conversation | string | null {
  const list = messageList(value)
  if (list === null) return null
  const messages: ChatMessage[] = []
  for (const [i, entry] of list.entries()) {
    const message = readMessage(entry)
    if (typeof message === 'string') return `has a message ${i + 1} of ${list.length} that ${message}`
    messages.push(message)
  }
  const last = messages.at(-1)
  const solution = last?.role === 'assistant' ? last.content : null
  if (solution !== null) messages.pop()
  const question = messages.findLast(({ role }) => role === 'user')?.content
  if (question === undefined) return 'has a conversation without a message of the user'
  return { messages, question, solution }
}

/** The entries, if the value has the shape of a conversation. */
function messageList(value: unknown): readonly Record<string, unknown>[] | null {
  if (typeof value === 'string') return /^\s*\[\s*\{/.test(value) ? messageList(parsed(value)) : null
  if (isJsonObject(value)) {
    const [names, texts] = 'role' in value ? [value.role, value.content] : [value.from, value.value]
    if (!Array.isArray(names) || !Array.isArray(texts) || names.length !== texts.length) return null
    return messageList(names.map((role: unknown, i) => ({ role, content: texts[i] as unknown })))
  }
  if (!Array.isArray(value) || value.length === 0) return null
  const entries: readonly unknown[] = value
  return entries.every((entry) => isJsonObject(entry) && ('role' in entry || 'from' in entry))
    ? (entries as readonly Record<string, unknown>[])
    : null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function readMessage(entry: Record<string, unknown>): ChatMessage | string {
  const { role: name, content: given, from, value, ...others } = entry
  const role = name ?? from
  if (typeof role !== 'string') return `has the role ${quote(role)}; expected a text such as user`
  const content = textOf(given ?? value ?? '')
  if (content === null) return `holds ${quote(given ?? value)}; expected text, for the model reads nothing else`
  // Columns of parquet are there in every message, whether it has them or not.
  const extra = Object.fromEntries(Object.entries(others).filter(([, entry]) => entry !== null))
  return { ...extra, role: roles.get(role.toLowerCase()) ?? role, content }
}

/** A text or a list of parts that are all text; null for anything else. */
function textOf(content: unknown): string | null {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return null
  const parts = content.map((part: unknown) => {
    if (typeof part === 'string') return part
    const isText = isJsonObject(part) && (part.type === undefined || part.type === 'text')
    return isText && typeof part.text === 'string' ? part.text : null
  })
  return parts.includes(null) ? null : parts.join('\n')
}
