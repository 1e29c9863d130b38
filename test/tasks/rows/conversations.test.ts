import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { fileTask } from '../../../src/tasks/fileTask.js'
import type { FileTaskOptions } from '../../../src/tasks/fileTask.js'
import { problemOfRow } from '../../../src/tasks/loadTask.js'
import { readConversation } from '../../../src/tasks/rows/conversation.js'
import { Tokenizer } from '../../../src/text/tokenizer.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { requireShared } from '../../shared.js'

const fixtures = path.join(import.meta.dirname, '../../fixtures')
const system = { role: 'system', content: 'Be short.' }
const user = { role: 'user', content: 'What is 1 plus 2?' }
const assistant = { role: 'assistant', content: '1 + 2 = 3, so \\boxed{3}.' }

describe('conversations in data files', () => {
  const inFolder = useTemporaryFolder()

  async function load(row: unknown, options: Partial<FileTaskOptions> = {}) {
    const data = inFolder('train.jsonl')
    fs.writeFileSync(data, JSON.stringify(row))
    const { problems, ...task } = await fileTask({ data, ...options })
    return { problem: problems[0]!, task }
  }

  it('are prompts, with their system message and earlier turns', async () => {
    const earlier = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
    ]
    const { problem, task } = await load({ prompt: [system, ...earlier, user], answer: '3', level: 2 })
    assert.equal(problem.question, user.content)
    assert.deepEqual(problem.messages, [system, ...earlier, user])
    assert.deepEqual([problem.answer, problem.columns], ['3', { level: 2 }])
    const tokenizer = Tokenizer.load(path.join(fixtures, 'tokenizer'))
    const { text } = task.prompt(problem, tokenizer)
    assert.match(text, /system\nBe short\..*user\nHi.*assistant\nHello.*user\nWhat is 1 plus 2\?.*assistant\n$/s)
    assert.ok(!text.includes('Solve the problem'))
    assert.match(
      task.prompt((await load({ prompt: [user], answer: '3' })).problem, tokenizer).text,
      /Solve the problem/,
    )
    const replaced = await load({ prompt: [system, user], answer: '3' }, { systemPrompt: 'Think first.' })
    assert.match(replaced.task.prompt(replaced.problem, tokenizer).text, /system\nThink first\.<.*user\nWhat is/s)
    assert.ok(!replaced.task.prompt(replaced.problem, tokenizer).text.includes('Be short'))
  })

  it('end with a solution where the assistant speaks last', async () => {
    const { problem } = await load({ messages: [user, assistant], answer: '3' })
    assert.deepEqual(problem.messages, [user])
    assert.equal(problem.solution, '1 + 2 = 3, so 3.\nThe answer is $\\boxed{3}$.')
    assert.equal((await problem.grader!(problem.solution, problem)).correct, true)
    assert.equal(
      (await load({ messages: [user, { role: 'assistant', content: '3' }], answer: '3' })).problem.solution,
      'The answer is $\\boxed{3}$.',
    )
  })

  it('are read in the layouts of verl, ShareGPT, lists of columns and JSON text, with contents in parts', async () => {
    const verl = { prompt: [user], reward_model: { style: 'rule', ground_truth: '3' }, extra_info: { index: 7 } }
    assert.equal((await load(verl)).problem.answer, '3')
    assert.deepEqual((await load(verl)).problem.columns!.extra_info, { index: 7 })
    const shareGpt = [
      { from: 'system', value: 'Be short.' },
      { from: 'human', value: user.content },
      { from: 'gpt', value: '#### 3' },
    ]
    const { problem } = await load({ conversations: shareGpt })
    assert.deepEqual([problem.messages, problem.answer], [[system, user], '3'])
    const parts = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is' },
          { type: 'text', text: '1 plus 2?' },
        ],
      },
    ]
    assert.equal((await load({ prompt: parts, answer: 3 })).problem.question, 'What is\n1 plus 2?')
    const columns = { role: ['system', 'user'], content: ['Be short.', user.content] }
    assert.deepEqual((await load({ messages: columns, answer: '3' })).problem.messages, [system, user])
    assert.deepEqual((await load({ prompt: JSON.stringify([user]), answer: '3' })).problem.messages, [user])
    assert.deepEqual(readConversation([{ ...user, name: 'Ann', tool_calls: null }]), {
      messages: [{ ...user, name: 'Ann' }],
      question: user.content,
      solution: null,
    })
    assert.equal(readConversation('[{"a": 1}]'), null)
    assert.equal(readConversation('What?'), null)
  })

  it('come from parquet as well', async () => {
    const { problems } = await fileTask({ data: path.join(fixtures, 'parquet/train-verl.parquet') })
    assert.deepEqual(problems[1]!.messages, [system, { role: 'user', content: 'What is 1 plus 2?' }])
    assert.deepEqual(
      problems.map(({ answer }) => answer),
      ['2', '3', '4', '5'],
    )
    assert.deepEqual(problems[0]!.columns!.extra_info, { split: 'train', index: 0 })
  })

  it('can be named, nested ones by dots; a name that holds dots is one name', async () => {
    const row = { 'a.b': 'What is 1 plus 2?', a: { b: 'Not this.', c: { answer: ['3'] } } }
    const { problem } = await load(row, { questionColumn: 'a.b', answerColumn: 'a.c.answer' })
    assert.deepEqual([problem.question, problem.answer], ['What is 1 plus 2?', '3'])
    await assert.rejects(
      load(row, { questionColumn: 'a.x' }),
      /train\.jsonl:1 has no column a\.x; it has a\.b, a \(b, c\) \(question_column names another\)/,
    )
    await assert.rejects(load({ prompt: [user] }), /train\.jsonl:1 has no column answer; it has prompt/)
    await assert.rejects(load({ question: 'x', answer: 'y' }, { answerColumn: 'constructor' }), /no column constructor/)
    assert.equal((problemOfRow('file', { reward_model: { ground_truth: '3' } }, 'x') as { answer: string }).answer, '3')
    const options = { answerColumn: 'a.c.answer' }
    assert.equal((problemOfRow('file', row, 'x', options) as { answer: string }).answer, '3')
  })

  it('say what is wrong with them', async () => {
    const image = { role: 'user', content: [{ type: 'image', url: 'x.png' }] }
    await assert.rejects(load({ prompt: [user, image], answer: '3' }), /train\.jsonl:1 has a message 2 of 2 that holds/)
    await assert.rejects(load({ prompt: [{ role: 7, content: '' }], answer: '3' }), /has the role 7/)
    await assert.rejects(load({ prompt: [system], answer: '3' }), /without a message of the user/)
  })

  it('are split, and told from the test split, by all that is said in them', async () => {
    const ask = (first: string) => [
      { role: 'user', content: first },
      { role: 'assistant', content: 'Yes?' },
      { role: 'user', content: 'Go on.' },
    ]
    const rows = Array.from({ length: 100 }, (_, i) => JSON.stringify({ prompt: ask(`Count from ${i}.`), answer: '3' }))
    const data = inFolder('all.jsonl')
    fs.writeFileSync(data, rows.join('\n'))
    const [train, test] = [await fileTask({ data }), await fileTask({ data, split: 'test' })]
    assert.equal(train.problems.length + test.problems.length, 100)
    assert.ok(test.problems.length > 5, String(test.problems.length))
    fs.mkdirSync(inFolder('splits'))
    fs.writeFileSync(inFolder('splits/train.jsonl'), rows.slice(0, 3).join('\n'))
    fs.writeFileSync(inFolder('splits/test.jsonl'), rows.slice(3, 5).join('\n'))
    assert.equal((await fileTask({ data: inFolder('splits') })).problems.length, 3)
    fs.writeFileSync(inFolder('splits/test.jsonl'), rows.slice(2, 5).join('\n'))
    await assert.rejects(fileTask({ data: inFolder('splits') }), /asks the same as file\/test\/1/)
  })

  it('reads the files that had no question', async function () {
    for (const [name, question] of [
      ['prompt_conv.jsonl', 'What is 1 plus 2?'],
      ['messages.jsonl', 'What is 1 plus 2?'],
      ['verl.jsonl', 'What is 1 plus 2?'],
    ] as const) {
      const { problems } = await fileTask({ data: requireShared(this, 'faults', 'data', name), grader: 'number' })
      const found = problems.find((problem) => problem.question === question)
      assert.equal(found?.answer ?? '3', '3', name)
      assert.ok(problems.every(({ messages }) => messages !== undefined))
    }
  })
})
