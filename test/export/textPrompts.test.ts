import assert from 'node:assert/strict'
import { textPrompts } from '../../src/export/textPrompts.js'
import { questionPrompt } from '../../src/tasks/questionPrompt.js'
import type { Task } from '../../src/tasks/task.js'
import type { Tokenizer } from '../../src/text/tokenizer.js'
import { FIXTURE, loadChanged } from '../text/fixture.js'

const TEMPLATE = '{{ bos_token }}{% for message in messages %}[INST] {{ message.content }} [/INST]{% endfor %}'

function textsOf(
  tokenizer: Tokenizer,
  questions: readonly string[],
  options: { addSpecialTokens?: boolean } = {},
): { texts: string[]; ids: number[][]; ours: string[] } {
  const problems = questions.map((question, i) => ({ id: `p${i}`, question, answer: '1' }))
  const task: Task = {
    name: 'own',
    problems,
    systemPrompt: null,
    prompt: (problem, given) => questionPrompt(problem, [], null, given),
  }
  const prompts = problems.map((problem) => task.prompt(problem, tokenizer))
  const texts = textPrompts({ prompts, task, tokenizer }, options)
  return { texts, ids: prompts.map(({ ids }) => ids), ours: prompts.map(({ text }) => text) }
}

/** As an engine reads a text. */
function read(tokenizer: Tokenizer, text: string): number[] {
  return tokenizer.encode(text, { addSpecialTokens: true, allowSpecialTokens: true })
}

describe('prompts as text', () => {
  const chatOf = (folder: string): Tokenizer => loadChanged(folder, { 'chat_template.jinja': TEMPLATE })

  it('leave out the BOS token of the chat template where the tokenizer puts one in front', () => {
    const tokenizer = chatOf(FIXTURE.llama2)
    const { texts, ids, ours } = textsOf(tokenizer, ['How many?', 'And now?'])
    assert.equal(ids[0]![0], tokenizer.bosTokenId)
    assert.ok(ours[0]!.startsWith('<s>'))
    assert.deepEqual(
      texts.map((text) => read(tokenizer, text)),
      ids,
    )
    assert.notDeepEqual(read(tokenizer, ours[0]!), ids[0])
  })

  it('of a model without a chat template are the plain text, to which the tokenizer adds its BOS', () => {
    const tokenizer = loadChanged(FIXTURE.llama2, { 'chat_template.jinja': null })
    const { texts, ids, ours } = textsOf(tokenizer, ['How many?'])
    assert.deepEqual(texts, ours)
    assert.deepEqual(read(tokenizer, texts[0]!), ids[0])
  })

  it('hold the BOS token for an engine that adds none', () => {
    for (const template of [TEMPLATE, null]) {
      const tokenizer = loadChanged(FIXTURE.llama2, { 'chat_template.jinja': template })
      const { texts, ids } = textsOf(tokenizer, ['How many?'], { addSpecialTokens: false })
      assert.ok(texts[0]!.startsWith('<s>'))
      assert.deepEqual(tokenizer.encode(texts[0]!, { addSpecialTokens: false, allowSpecialTokens: true }), ids[0])
    }
  })

  it('are refused where a question holds the spelling of a special token, with the first problem', () => {
    const tokenizer = chatOf(FIXTURE.llama2)
    assert.throws(() => textsOf(tokenizer, ['How many?', 'What is </s> for?']), /1 of 2 problems .*'p1'/)
  })
})
