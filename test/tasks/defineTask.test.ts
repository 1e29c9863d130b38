import assert from 'node:assert/strict'
import { ConfigError, DataError } from '../../src/errors.js'
import { gradeOf } from '../../src/grading/gradeOf.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { defineTask } from '../../src/tasks/defineTask.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'

const capitals = [
  { question: 'What is the capital of France?', answer: 'Paris' },
  { question: 'What is the capital of Italy?', answer: 'Rome' },
]

describe('defineTask', () => {
  it('gives problems ids, the form and the grader, and asks them as a chat in the marks of the model', async () => {
    const task = defineTask({
      name: 'capitals',
      problems: capitals,
      grader: 'exact',
      answerForm: 'boxed',
      answerHint: 'city',
    })
    assert.deepEqual(
      task.problems.map(({ id, answerForm }) => [id, answerForm]),
      [
        ['capitals/1', 'boxed'],
        ['capitals/2', 'boxed'],
      ],
    )
    const [france, italy] = task.problems
    assert.equal((await gradeOf('It is \\boxed{Paris}.', france!)).correct, true)
    assert.equal((await gradeOf('It is \\boxed{Paris}.', italy!)).correctLenient, false)
    assert.equal(
      task.systemPrompt,
      'Solve the problem. Reason step by step, then end with the final answer as \\boxed{city}.',
    )
    assert.equal(task.prompt(france!, null).text, `Question: ${capitals[0]!.question}\nAnswer:`)
    const model = await loadModel(temporaryTinyModel({}, { tokenizer: true }))
    const { text, ids } = task.prompt(france!, model.tokenizer)
    const messages = [
      { role: 'system', content: task.systemPrompt },
      { role: 'user', content: capitals[0]!.question },
    ]
    assert.equal(text, model.tokenizer!.applyChatTemplate(messages))
    assert.deepEqual(ids, model.tokenizer!.encodeChat(messages))
    model.dispose()
  })

  it('keeps what a problem brings itself, and shows worked examples', async () => {
    const task = defineTask({
      name: 'sums',
      problems: [{ id: 'own', question: '1 + 2 =', answer: '3', answerForm: 'bare' }],
      examples: [{ question: '1 + 1 =', answer: '2', solution: '#### 2' }],
      systemPrompt: null,
    })
    assert.equal(task.problems[0]!.id, 'own')
    assert.equal((await gradeOf('3', task.problems[0]!)).correct, true)
    assert.equal(task.systemPrompt, null)
    assert.equal(
      task.prompt(task.problems[0]!, null).text,
      'Question: 1 + 1 =\nAnswer: #### 2\n\nQuestion: 1 + 2 =\nAnswer:',
    )
  })

  it('takes a grader of its own, and choices from the answers', async () => {
    const grader = () => ({ correct: true, correctLenient: true, extracted: null })
    const own = defineTask({ name: 'own', problems: capitals, grader })
    assert.equal((await gradeOf('anything', own.problems[0]!)).correct, true)
    const [france] = defineTask({ name: 'choice', problems: capitals, grader: 'choice' }).problems
    assert.equal((await gradeOf('#### Paris', france!)).correct, true)
    assert.equal((await gradeOf('#### Paris or Rome', france!)).correctLenient, false)
  })

  it('refuses what is no problem, and what is unknown', () => {
    const problems = [{ question: 'Q' }] as never
    assert.throws(
      () => defineTask({ name: 'x', problems }),
      (error) => error instanceof DataError && error.message.includes('task x: problem 0 is'),
    )
    const twice = capitals.map((problem) => ({ ...problem, id: 'same' }))
    assert.throws(() => defineTask({ name: 'x', problems: twice }), /id 'same' is there twice/)
    const old = [{ ...capitals[0]!, answerFormat: 'boxed' }]
    assert.throws(() => defineTask({ name: 'x', problems: old }), /answerFormat 'boxed'; it is answerForm/)
    assert.throws(() => defineTask({ name: 'x', problems: capitals, answerForm: 'xml' as 'bare' }), ConfigError)
    assert.throws(() => defineTask({ name: 'x', problems: capitals, grader: 'best' as 'exact' }), ConfigError)
  })
})
