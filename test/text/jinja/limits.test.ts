import assert from 'node:assert/strict'
import { FileFormatError } from '../../../src/errors.js'
import { JinjaTemplate } from '../../../src/text/jinja/template.js'
import { FIXTURE, loadChanged } from '../fixture.js'

/** Doubles something a hundred times. */
const doubled = (start: string, twice: string): string =>
  `{% set ns = namespace(x=${start}, y=${start}) %}{% for i in range(100) %}{% set ns.x = ${twice} %}{% endfor %}`

/** Goes on for ever, or fills the memory, in an interpreter without limits. */
const hostile: Readonly<Record<string, string>> = {
  'a long loop': '{% for i in range(1000000000) %}x{% endfor %}',
  'loops in loops': '{% for i in range(30000) %}{% for j in range(30000) %}x{% endfor %}{% endfor %}',
  'a long list': '{{ range(100000000)|join }}',
  'a large template': '{{ 1 }}'.repeat(800_000),
  'a text that doubles': doubled('"ab"', 'ns.x ~ ns.x'),
  'a list that doubles': doubled('[1]', 'ns.x + ns.x'),
  'a list of itself twice, printed': `${doubled('[1]', '[ns.x, ns.x]')}{{ ns.x }}`,
  'a list of itself twice, as JSON': `${doubled('[1]', '[ns.x, ns.x]')}{{ ns.x|tojson }}`,
  'a list of itself twice, joined': `${doubled('[1]', '[ns.x, ns.x]')}{{ ns.x|join }}`,
  'a list of itself twice, compared': `${doubled('[1]', '[ns.x, ns.x]')}{% set a = ns.x %}${doubled('[1]', '[ns.x, ns.x]')}{{ a == ns.x }}`,
  'a namespace in itself': '{% set ns = namespace() %}{% set ns.a = [ns, ns] %}{{ ns }}',
  'a repeated text': '{{ "x" * 1000000000 }}',
  'a repeated list': '{{ [1] * 1000000000 }}',
  'letters replaced by books': '{{ ("a" * 1000000)|replace("a", "b" * 1000000) }}',
  'nothing replaced': '{{ ("a" * 7000000)|replace("", "bbb") }}',
  'indented by a billion': '{{ "a"|indent(1000000000) }}',
  'indented lines': '{{ ("\\n" * 1000000)|indent(1000000, true, true) }}',
  'centered in a billion': '{{ "a".center(1000000000) }}',
  'filled up with zeros': '{{ "a".zfill(1000000000) }}',
  'JSON with wide margins': '{{ [1]|tojson(indent=1000000000) }}',
  'a billion batches': '{{ [1]|slice(1000000000) }}',
  'a macro of itself': '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  'a macro of itself twice': '{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(190) }}',
  'callers that call twice': `{% macro f() %}{{ caller() }}{{ caller() }}{% endmacro %}${'{% call f() %}'.repeat(60)}x${'{% endcall %}'.repeat(60)}`,
  'a long text in a longer one': '{% set a = "a" * 7000000 %}{{ (("a" * 3000000) ~ "b") in a }}',
  'a search again and again':
    '{% set a = "a" * 7000000 %}{% for i in range(100000) %}{% set b = a.find("b") %}{% endfor %}',
  'a copy again and again': '{% set a = "a" * 7000000 %}{% for i in range(100000) %}{% set b = a|upper %}{% endfor %}',
  'blanks again and again':
    '{% set a = "x" ~ (" " * 7000000) ~ "x" %}{% for i in range(100000) %}{% set b = a|trim %}{% endfor %}',
  'a sort again and again': '{% for i in range(100000) %}{% set a = range(100000)|sort %}{% endfor %}',
  'blocks again and again': '{% for i in range(100000) %}{% set b %}{{ "a" * 1000000 }}{% endset %}{% endfor %}',
  'a long output': '{% for i in range(100000) %}{{ "a" * 10000 }}{% endfor %}',
  'deep parentheses': `{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`,
  'a long sum': `{{ ${'1+'.repeat(200_000)}1 }}`,
  'a long chain of filters': `{{ "a"${'|upper'.repeat(100_000)} }}`,
  'open loops': '{% for x in y %}'.repeat(50_000),
  'a megabyte of blanks': ' '.repeat(900_000),
}

describe('limits of Jinja templates', () => {
  for (const [name, template] of Object.entries(hostile)) {
    it(`ends ${name} by a named error`, () => {
      assert.throws(() => new JinjaTemplate(template).render({}), { name: 'TemplateLimitError', message: /^it/ })
    })
  }

  it('has room for long conversations and large messages', () => {
    const template = new JinjaTemplate(
      "{% for m in messages %}{% for n in messages[::-1] %}{% if n.role == 'user' %}{% break %}{% endif %}{% endfor %}" +
        "{{ m.content.split('</think>')[-1].strip() ~ m.role|upper }}{% endfor %}",
    )
    const messages = Array.from({ length: 1000 }, (_, i) => ({
      role: i % 2 ? 'assistant' : 'user',
      content: 'x'.repeat(1000),
    }))
    assert.equal(template.render({ messages }).length, 1_006_500)
    assert.equal(template.render({ messages: [{ role: 'user', content: 'y'.repeat(3_000_000) }] }).length, 3_000_004)
  })

  it('names the file of the template', () => {
    const withTemplate = (source: string) => loadChanged(FIXTURE.byteLevel, { 'chat_template.jinja': source })
    const messages = [{ role: 'user', content: 'Hi' }]
    for (const source of [hostile['a long loop']!, hostile['a large template']!, hostile['a macro of itself']!]) {
      assert.throws(
        () => withTemplate(source).encodeChat(messages),
        (error) =>
          error instanceof FileFormatError &&
          error.message.includes('chat_template.jinja: the chat template is refused: it'),
      )
    }
  })
})
