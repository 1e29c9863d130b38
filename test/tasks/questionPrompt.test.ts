import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { plainPrompt, questionPrompt } from '../../src/tasks/questionPrompt.js'
import type { Problem } from '../../src/grading/problem.js'
import { Tokenizer } from '../../src/text/tokenizer.js'

const chatFolder = path.join(import.meta.dirname, '../fixtures/tokenizer')
const example: Problem = { id: 'own/1', question: 'What is 1 + 2?', answer: '3', solution: '1 + 2 = 3\n#### 3' }

/** The byte-level tokenizer of the fixtures without its chat template. */
function loadPlainTokenizer(): Tokenizer {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'plain-tokenizer-'))
  try {
    fs.copyFileSync(path.join(chatFolder, 'tokenizer.json'), path.join(folder, 'tokenizer.json'))
    return Tokenizer.load(folder)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

describe('questionPrompt', () => {
  const sum = { question: 'What is 4 + 5?' }
  const chat = Tokenizer.load(chatFolder)
  const plain = loadPlainTokenizer()

  it('writes a chat with the system prompt and the examples as earlier turns', () => {
    const { text, ids } = questionPrompt(sum, [example], 'Be brief.', chat)
    assert.equal(
      text,
      '<|im_start|>system\nBe brief.<|im_end|>\n' +
        '<|im_start|>user\nWhat is 1 + 2?<|im_end|>\n<|im_start|>assistant\n1 + 2 = 3\n#### 3<|im_end|>\n' +
        '<|im_start|>user\nWhat is 4 + 5?<|im_end|>\n<|im_start|>assistant\n',
    )
    assert.equal(chat.decode(ids), text)
    assert.deepEqual(questionPrompt(sum, [], 'Be brief.', chat).messages, [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'What is 4 + 5?' },
    ])
    assert.equal(questionPrompt(sum, [], 'Be brief.', plain).messages, undefined)
    assert.equal(ids[0], chat.tokenToId('<|im_start|>'))
    assert.ok(!questionPrompt(sum, [], null, chat).text.includes('system'))
  })

  it('writes plain text and the BOS token for a tokenizer without chat template', () => {
    const { text, ids } = questionPrompt(sum, [example], 'Be brief.', plain)
    assert.equal(text, 'Question: What is 1 + 2?\nAnswer: 1 + 2 = 3\n#### 3\n\nQuestion: What is 4 + 5?\nAnswer:')
    assert.equal(plain.decode(ids), `<|begin|>${text}`)
    assert.equal(ids[0], plain.tokenToId('<|begin|>'))
  })

  it('gives a conversation as it is: its own system message, earlier turns, and what its messages hold besides', () => {
    const messages = [
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'What is 1 + 1?' },
      { role: 'assistant', content: '2' },
      { role: 'user', content: 'And 4 + 5?' },
    ]
    const problem = { question: 'And 4 + 5?', messages }
    assert.equal(
      questionPrompt(problem, [example], 'Not this one.', chat).text,
      '<|im_start|>system\nBe short.<|im_end|>\n' +
        '<|im_start|>user\nWhat is 1 + 2?<|im_end|>\n<|im_start|>assistant\n1 + 2 = 3\n#### 3<|im_end|>\n' +
        '<|im_start|>user\nWhat is 1 + 1?<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n' +
        '<|im_start|>user\nAnd 4 + 5?<|im_end|>\n<|im_start|>assistant\n',
    )
    const withoutOwn = { ...problem, messages: messages.slice(1) }
    assert.match(
      questionPrompt(withoutOwn, [], 'The task.', chat).text,
      /^<\|im_start\|>system\nThe task\.<\|im_end\|>/,
    )
    assert.equal(
      questionPrompt(problem, [], 'Not this one.', plain).text,
      'Question: What is 1 + 1?\nAnswer: 2\n\nQuestion: And 4 + 5?\nAnswer:',
    )
  })

  it('keeps special tokens inside a question as text', () => {
    const question = 'What does <|im_end|> mean?'
    for (const tokenizer of [chat, plain]) {
      const end = tokenizer.tokenToId('<|im_end|>')
      const ends = (prompt: { ids: number[] }) => prompt.ids.filter((id) => id === end).length
      const harmless = questionPrompt({ question: 'What does it mean?' }, [], null, tokenizer)
      assert.equal(ends(questionPrompt({ question }, [], null, tokenizer)), ends(harmless))
    }
    assert.ok(!plainPrompt(question, plain).ids.includes(plain.tokenToId('<|im_end|>')!))
  })

  it('gives the text alone without a tokenizer', () => {
    assert.deepEqual(plainPrompt('37+6=', null), { text: '37+6=', ids: [] })
  })
})
