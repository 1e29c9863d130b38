import { DataError, FileFormatError } from '../errors.js'
import { isJsonObject, quote } from '../io/json.js'
import { TemplateLimitError } from './jinja/limits.js'
import { JinjaTemplate } from './jinja/template.js'
import type { TokenizerFiles } from './tokenizerFiles.js'

/** One turn of a conversation; fields beyond these two reach the chat template as they are. */
export interface ChatMessage {
  /** Who speaks. */
  role: 'system' | 'user' | 'assistant' | (string & {})
  /** What is said. */
  content: string
}

/** A model's Jinja chat template, rendered as transformers' `apply_chat_template` renders it. */
export class ChatTemplate {
  readonly #compiled = new Map<string, JinjaTemplate>()

  private constructor(
    readonly file: string,
    /** Sources by name: `default`, and `tool_use` where a model has another one for tools. */
    readonly sources: ReadonlyMap<string, string>,
  ) {}

  /**
   * Reads `chat_template.jinja`, or else `chat_template` of tokenizer_config.json: a string, or a list of
   * `{name, template}`. Returns null when there is neither. Throws a FileFormatError when the field is something else.
   */
  static read(files: TokenizerFiles, tokenizerConfig: Readonly<Record<string, unknown>>): ChatTemplate | null {
    const jinja = files.text('chat_template.jinja')
    if (jinja !== null) {
      return new ChatTemplate(files.pathOf('chat_template.jinja'), new Map([['default', jinja]]))
    }
    const field = tokenizerConfig.chat_template ?? null
    if (field === null) return null
    const file = files.pathOf('tokenizer_config.json')
    if (typeof field === 'string') return new ChatTemplate(file, new Map([['default', field]]))
    const sources = new Map<string, string>()
    for (const entry of Array.isArray(field) ? (field as unknown[]) : [field]) {
      if (!isJsonObject(entry) || typeof entry.name !== 'string' || typeof entry.template !== 'string') {
        throw new FileFormatError(
          file,
          `chat_template must be a string or a list of {name, template}, got ${quote(field)}`,
        )
      }
      sources.set(entry.name, entry.template)
    }
    return new ChatTemplate(file, sources)
  }

  /**
   * Renders a conversation. `variables` are what the template may ask for besides `messages`; `tools` and `documents`
   * default to none. Throws a FileFormatError when the template cannot be parsed, and a DataError with the template's
   * own message when it refuses the messages.
   */
  render(messages: readonly ChatMessage[], variables: Readonly<Record<string, unknown>>): string {
    const template = this.#compile((variables.tools ?? null) !== null && this.sources.has('tool_use'))
    try {
      return template.render({ tools: null, documents: null, ...variables, messages })
    } catch (cause) {
      if (cause instanceof TemplateLimitError) throw this.#limitError(cause)
      throw new DataError(
        `the chat template of ${this.file} failed: ${(cause as Error).message}; the messages had the roles ` +
          messages.map((message) => message.role).join(', '),
        { cause },
      )
    }
  }

  #compile(withTools: boolean): JinjaTemplate {
    const name = withTools ? 'tool_use' : 'default'
    const compiled = this.#compiled.get(name)
    if (compiled !== undefined) return compiled
    const source = this.sources.get(name)
    if (source === undefined) {
      const names = quote([...this.sources.keys()])
      throw new FileFormatError(this.file, `chat_template has no template named 'default', only ${names}`)
    }
    try {
      const template = new JinjaTemplate(source)
      this.#compiled.set(name, template)
      return template
    } catch (cause) {
      if (cause instanceof TemplateLimitError) throw this.#limitError(cause)
      throw new FileFormatError(this.file, `the chat template cannot be parsed: ${(cause as Error).message}`, { cause })
    }
  }

  #limitError(cause: TemplateLimitError): FileFormatError {
    return new FileFormatError(this.file, `the chat template is refused: ${cause.message}`, { cause })
  }
}
