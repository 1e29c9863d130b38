import { globalFunctions } from './globals.js'
import { Meter, TemplateLimitError } from './limits.js'
import { Scope } from './scope.js'
import { render } from './statements.js'
import { parseTemplate } from './syntax.js'
import type { Node } from './syntax.js'
import { toDict } from './values.js'

/**
 * A template of Jinja, rendered as Python's Jinja renders it with the settings of transformers' `apply_chat_template`. The
 * parser is @huggingface/jinja's; its interpreter has JavaScript's values, texts and order, and no limits.
 *
 * Every part that is evaluated, every item and every character costs steps of which there is a number ({@link Meter}), so a
 * template ends on any machine alike, whatever it asks for.
 */
export class JinjaTemplate {
  readonly #statements: readonly Node[]

  /** Throws a SyntaxError for a template that cannot be parsed, a TemplateLimitError for one that is too large. */
  constructor(source: string) {
    this.#statements = parseTemplate(source)
  }

  /** Throws a TemplateError for what goes wrong in the template, a TemplateLimitError when it takes too many steps. */
  render(variables: Readonly<Record<string, unknown>>): string {
    const meter = new Meter()
    const globals = new Scope(meter)
    for (const [name, value] of globalFunctions(meter)) globals.set(name, value)
    const given = toDict(variables, (steps) => {
      meter.charge(steps)
    })
    for (const [name, value] of given) globals.set(name, value)
    try {
      return render(this.#statements, globals)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      throw new TemplateLimitError('it is nested too deeply', { cause: error })
    }
  }
}
