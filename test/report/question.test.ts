import assert from 'node:assert/strict'
import { distinctParts } from '../../src/report/page/traces/question.js'

describe('report/page/question', () => {
  it('leaves out what all prompts have in common, line by line', () => {
    const prompt = (question: string): string => `<system>Be short.\n<user>\nAn example.\n${question}\n<assistant>\n`
    const questions = ['How many apples are left?', 'How many pears are there?', 'How much is 2 + 2?']
    const part = distinctParts(questions.map(prompt))
    assert.deepEqual(
      questions.map((question) => part(prompt(question))),
      questions,
    )
  })

  it('keeps questions that begin or end alike, and prompts that are all the same', () => {
    const part = distinctParts(['2 + 2 = ', '2 + 3 = '])
    assert.equal(part('2 + 2 = '), '2 + 2 =')
    assert.equal(distinctParts(['Tell me.\n', 'Tell me.\n'])('Tell me.\n'), 'Tell me.')
    assert.equal(distinctParts([])('anything'), 'anything')
  })
})
