import assert from 'node:assert/strict'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { FIXTURE, loadChanged } from './fixture.js'

const question = [{ role: 'user', content: 'Hi' }]

const withTemplateField = (chat_template: unknown) =>
  loadChanged(FIXTURE.byteLevel, {
    'tokenizer_config.json': (json) => {
      json.chat_template = chat_template
    },
  })

describe('ChatTemplate', () => {
  it('renders the template of tokenizer_config.json, with CRLF line ends as with LF', () => {
    const tokenizer = Tokenizer.load(FIXTURE.byteLevel)
    assert.equal(tokenizer.hasChatTemplate, true)
    const turn = '<|im_start|>user\nHi<|im_end|>\n'
    assert.equal(tokenizer.applyChatTemplate(question), `${turn}<|im_start|>assistant\n`)
    assert.equal(tokenizer.applyChatTemplate(question, { addGenerationPrompt: false }), turn)
    assert.equal(withTemplateField('a\r\nb\rc').applyChatTemplate([]), 'a\nb\nc')
  })

  it('prefers chat_template.jinja', () => {
    const tokenizer = loadChanged(FIXTURE.byteLevel, { 'chat_template.jinja': '{{ messages[0].content }}!' })
    assert.equal(tokenizer.applyChatTemplate(question), 'Hi!')
  })

  it('takes the default of several templates, and the one for tools when there are tools', () => {
    const tokenizer = withTemplateField([
      { name: 'tool_use', template: 'tools: {{ tools | length }}' },
      { name: 'default', template: 'no tools' },
    ])
    assert.equal(tokenizer.applyChatTemplate(question), 'no tools')
    assert.equal(tokenizer.applyChatTemplate(question, { tools: [{ name: 'f' }] }), 'tools: 1')
    assert.throws(() => withTemplateField([{ name: 'rag', template: '' }]).applyChatTemplate(question), {
      name: 'FileFormatError',
      message: /tokenizer_config\.json: .*'default', only \[ 'rag' \]/,
    })
  })

  it('passes special tokens and variables, and none of what was not given', () => {
    const source =
      '{{ bos_token }} {{ eos_token }} {{ unk_token is defined }} {{ tools is none }} {{ documents is none }} ' +
      '{{ date_string is defined }} {{ date_string }} {{ enable_thinking }}'
    const tokenizer = withTemplateField(source)
    assert.equal(tokenizer.applyChatTemplate([]), '<|begin|> <|im_end|> False True True False  ')
    assert.equal(
      tokenizer.applyChatTemplate([], { date_string: '26 Jul 2024', enable_thinking: false, bos_token: '' }),
      ' <|im_end|> False True True True 26 Jul 2024 False',
    )
  })

  it('leaves the date to the template unless it is given', () => {
    const tokenizer = withTemplateField(
      "{% if not date_string is defined %}{% set date_string = strftime_now('%Y') %}{% endif %}{{ date_string }}",
    )
    assert.match(tokenizer.applyChatTemplate([]), /^2\d\d\d$/)
    assert.equal(tokenizer.applyChatTemplate([], { date_string: 'today' }), 'today')
  })

  it('gives the message of a template that refuses the messages', () => {
    const tokenizer = Tokenizer.load(FIXTURE.llama2)
    const messages = [...question, ...question]
    const expected = {
      name: 'DataError',
      message: /chat_template\.jinja failed: Conversation roles must alternate .*had the roles user, user$/,
    }
    assert.throws(() => tokenizer.applyChatTemplate(messages), expected)
    assert.throws(() => tokenizer.encodeChat(messages), expected)
  })

  it('names the file of a template that cannot be parsed', () => {
    assert.throws(() => withTemplateField('{% if %}').applyChatTemplate(question), {
      name: 'FileFormatError',
      message: /tokenizer_config\.json: the chat template cannot be parsed/,
    })
  })

  it('refuses a template that is neither text nor a list of named ones', () => {
    for (const field of [3, ['x'], [{ name: 'default' }]]) {
      assert.throws(() => withTemplateField(field), {
        name: 'FileFormatError',
        message: /chat_template must be a string/,
      })
    }
  })

  it('says when a model has none', () => {
    const tokenizer = withTemplateField(null)
    assert.equal(tokenizer.hasChatTemplate, false)
    const expected = { name: 'UnsupportedError', message: /has no chat template/ }
    assert.throws(() => tokenizer.applyChatTemplate(question), expected)
    assert.throws(() => tokenizer.encodeChat(question), expected)
  })
})
