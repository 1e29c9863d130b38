import assert from 'node:assert/strict'
import fc from 'fast-check'
import { DataError, UnsupportedError } from '../../src/errors.js'
import { Tokenizer, type ChatMessage } from '../../src/text/tokenizer.js'
import { FIXTURE, loadChanged } from './fixture.js'

describe('LiteralEncoder', () => {
  const tokenizer = Tokenizer.load(FIXTURE.byteLevel)
  const id = (token: string) => tokenizer.tokenToId(token)!
  const literally = (text: string) => tokenizer.encode(text, { allowSpecialTokens: false })

  /** The ChatML format, put together by hand. */
  const chatMl = (messages: readonly ChatMessage[]) => [
    ...messages.flatMap(({ role, content }) => [
      id('<|im_start|>'),
      ...literally(`${role}\n${content.trim()}`),
      id('<|im_end|>'),
      ...literally('\n'),
    ]),
    id('<|im_start|>'),
    ...literally('assistant\n'),
  ]

  const anyText = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '<|im_end|>',
        '<|im_start|>',
        '<|endoftext|>',
        '<think>',
        '<|im_',
        'end|>',
        ' ',
        '\n',
        '\uE000',
        '\uE001',
      ),
    ),
    { maxLength: 8 },
  )
  const anyMessages = fc.array(
    fc.record({ role: fc.constantFrom('user', 'assistant'), content: anyText.map((parts) => parts.join('')) }),
    { maxLength: 4 },
  )

  it('leaves the special tokens of the template as the only ones', () => {
    fc.assert(
      fc.property(anyMessages, (messages) => {
        const ids = tokenizer.encodeChat(messages)
        assert.deepEqual(ids, chatMl(messages))
        assert.equal(tokenizer.decode(ids), tokenizer.applyChatTemplate(messages))
      }),
    )
  })

  it('changes nothing in messages without special tokens', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (content) => {
        const messages = [{ role: 'user', content }]
        assert.deepEqual(tokenizer.encodeChat(messages), tokenizer.encode(tokenizer.applyChatTemplate(messages)))
      }),
    )
  })

  it('turns special tokens inside messages into control tokens when asked', () => {
    const messages = [{ role: 'user', content: 'a<|im_end|>b' }]
    const ids = tokenizer.encodeChat(messages, { allowSpecialTokens: true })
    assert.deepEqual(ids, tokenizer.encode(tokenizer.applyChatTemplate(messages)))
    assert.equal(ids.filter((token) => token === id('<|im_end|>')).length, 2)
  })

  it('keeps markup that is not special one token inside messages', () => {
    const ids = tokenizer.encodeChat([{ role: 'user', content: '<|im_end|><think>' }])
    assert.ok(ids.includes(id('<think>')))
    assert.equal(ids.filter((token) => token === id('<|im_end|>')).length, 1)
  })

  it('lets the template split, trim and search messages as before', () => {
    const thinking = loadChanged(FIXTURE.byteLevel, {
      'chat_template.jinja':
        '{% for m in messages %}{% set content = m.content %}' +
        "{% if '</think>' in content %}{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}" +
        "{{ '<|im_start|>' + (m.reasoning or '') + content | trim + '<|im_end|>' }}{% endfor %}",
    })
    const messages = [{ role: 'user', content: ' <|im_end|></think>\n<|im_start|> it \n', reasoning: '<|endoftext|>' }]
    assert.equal(thinking.applyChatTemplate(messages), '<|im_start|><|endoftext|><|im_start|> it<|im_end|>')
    assert.deepEqual(thinking.encodeChat(messages), [
      id('<|im_start|>'),
      ...literally('<|endoftext|><|im_start|> it'),
      id('<|im_end|>'),
    ])
  })

  it('encodes what the template writes as without protection: stripping tokens, BOS, prefix spaces', () => {
    const stripping = loadChanged(FIXTURE.byteLevel, {
      'tokenizer.json': (json) => {
        for (const token of json.added_tokens as Record<string, unknown>[]) token.rstrip = token.lstrip = true
      },
    })
    const llama2 = Tokenizer.load(FIXTURE.llama2)
    for (const other of [stripping, llama2]) {
      const messages = [
        { role: 'user', content: 'she sold  clips' },
        { role: 'assistant', content: '72.' },
      ]
      assert.deepEqual(other.encodeChat(messages), other.encode(other.applyChatTemplate(messages)))
    }
    const ids = llama2.encodeChat([{ role: 'user', content: 'a </s> b' }])
    assert.equal(ids.filter((token) => token === llama2.bosTokenId).length, 1)
    assert.ok(!ids.includes(llama2.eosTokenId!))
    assert.equal(llama2.decode(ids), '<s> [INST] a </s> b [/INST]')
  })

  it('does not let a normalizer make a special token of other characters', () => {
    const normalizing = loadChanged(FIXTURE.byteLevel, {
      'tokenizer.json': (json) => {
        json.normalizer = { type: 'NFKC' }
      },
    })
    const fullWidth = '\uFF1C|im_end|\uFF1E'
    assert.ok(normalizing.encode(fullWidth).includes(id('<|im_end|>')))
    assert.deepEqual(normalizing.encode(fullWidth, { allowSpecialTokens: false }), literally('<|im_end|>'))
    const ids = normalizing.encodeChat([{ role: 'user', content: fullWidth }])
    assert.equal(ids.filter((token) => token === id('<|im_end|>')).length, 1)
  })

  it('says so when the model itself makes a special token of ordinary text', () => {
    const ambiguous = loadChanged(FIXTURE.byteLevel, {
      'tokenizer.json': (json) => {
        ;(json.added_tokens as object[]).push({ id: id('clips'), content: 'clips', special: true })
      },
    })
    assert.throws(() => ambiguous.encodeChat([{ role: 'user', content: 'clips' }]), {
      name: UnsupportedError.name,
      message: /tokenizer\.json: .*among clips.*allowSpecialTokens: true/,
    })
    assert.deepEqual(ambiguous.encode('clips', { allowSpecialTokens: true }), [id('clips')])
    const unknown = Tokenizer.load(FIXTURE.llama2).encode('<unk>', { allowSpecialTokens: false })
    assert.ok(!unknown.includes(0))
  })

  it('refuses messages that leave no unused character', () => {
    const everyPrivateCharacter = String.fromCharCode(...Array.from({ length: 6400 }, (_, i) => 0xe000 + i))
    const chat = (content: string) => tokenizer.encodeChat([{ role: 'user', content }])
    assert.throws(() => chat(everyPrivateCharacter), DataError)
    assert.ok(chat(everyPrivateCharacter.slice(2)).length > 0)
  })
})
