import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { strftime } from '../../../src/text/jinja/strftime.js'
import { JinjaTemplate } from '../../../src/text/jinja/template.js'

const fixtures = path.join(import.meta.dirname, '../../fixtures/jinja')

function readFixture<T>(name: string): T {
  return JSON.parse(fs.readFileSync(path.join(fixtures, name), 'utf8')) as T
}

/** What a template makes; null for an error, as in the fixtures. */
function rendered(template: string, context: Readonly<Record<string, unknown>>): string | null {
  try {
    return new JinjaTemplate(template).render(context)
  } catch (error) {
    assert.match((error as Error).name, /^(TemplateError|SyntaxError)$/, String(error))
    return null
  }
}

/** Errors in Python's Jinja that harm nobody here: what it gives are iterators, which have no length. */
const lenient = /\|(map|select|reject|batch|unique|slice)\b(?!.*\|list)/

describe('Jinja as in Python', () => {
  type Cases = readonly (readonly [Record<string, unknown>, readonly (readonly [string, string | null])[]])[]

  it('evaluates expressions and statements as Jinja 3.1.6 does', () => {
    let compared = 0
    for (const [context, templates] of readFixture<Cases>('expressions.json')) {
      for (const [template, expected] of templates) {
        if (lenient.test(template)) continue
        assert.equal(rendered(template, context), expected, `${template} of ${JSON.stringify(context)}`)
        compared++
      }
    }
    assert.ok(compared > 1400, String(compared))
  })

  it('renders chat templates as transformers does, for conversations with odd contents', () => {
    const { conversations, variables, chats } = readFixture<{
      conversations: readonly unknown[]
      variables: readonly Record<string, unknown>[]
      chats: Record<string, { template: string; outputs: readonly (string | null)[] }>
    }>('chats.json')
    for (const [name, { template, outputs }] of Object.entries(chats)) {
      const made = conversations.flatMap((messages) =>
        variables.map((given) => {
          const common = { bos_token: '<s>', eos_token: '</s>', tools: null, documents: null }
          return rendered(template, { ...common, ...given, messages })
        }),
      )
      assert.deepEqual(made, outputs, name)
      assert.ok(
        made.some((text) => text !== null),
        name,
      )
    }
  })

  it('keeps a blank behind </think>, which lstrip with an argument does not take away', () => {
    const template = "{{ content.split('</think>')[-1].lstrip('\\n') }}"
    assert.equal(new JinjaTemplate(template).render({ content: '<think>x</think>\n odd' }), ' odd')
    assert.equal(new JinjaTemplate("{{ '\ufeff x'.strip() }}").render({}), '\ufeff x')
  })

  it('gives functions and other values of JavaScript to a template', () => {
    const context = { f: (x: number, y: unknown) => [x + 1, y], big: 5n, missing: undefined, nothing: null, half: 0.5 }
    assert.equal(
      new JinjaTemplate('{{ f(1, {"a": 2.5}) }} {{ big }} {{ missing is defined }} {{ nothing }} {{ half }}').render(
        context,
      ),
      "[2, {'a': 2.5}] 5 False None 0.5",
    )
  })

  it('names the months in English wherever it runs', () => {
    const date = new Date(2025, 6, 4, 15, 7, 9)
    assert.equal(
      strftime(date, '%d %B %Y, %A %b %a %H:%M:%S %I %p %j %y %e %-d %% %Q'),
      '04 July 2025, Friday Jul Fri 15:07:09 03 PM 185 25  4 4 % %Q',
    )
    assert.match(new JinjaTemplate("{{ strftime_now('%Y-%m-%d') }}").render({}), /^\d{4}-\d\d-\d\d$/)
  })
})
