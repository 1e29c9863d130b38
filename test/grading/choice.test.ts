import assert from 'node:assert/strict'
import { choiceGrader, yesOrNo } from '../../src/grading/choice.js'
import { namedGrader } from '../../src/grading/namedGraders.js'
import type { Grader } from '../../src/grading/problem.js'

const letters = namedGrader('choice', ['A', 'B', 'C', 'D'])

function isRight(grader: Grader, said: string, answer: string): boolean {
  const grade = grader(`#### ${said}`, { id: 'any', question: '', answer })
  assert.ok(!(grade instanceof Promise))
  return grade.correct
}

describe('choiceGrader', () => {
  it('takes no answer that names two choices, whatever stands between and around them', () => {
    const marks = [
      '/',
      ' /',
      '-',
      ' -',
      ' #',
      ' @',
      '|',
      '&',
      ' → ',
      ' — ',
      '…',
      '\\\\',
      '\u200b',
      '\u3000',
      ', ',
      '; ',
    ]
    const around = [
      ['[', ']'],
      ['<', '>'],
      ['“', '”'],
      ['~', '~'],
      ['(', ')'],
    ] as const
    const said = [
      ...marks.map((mark) => `A${mark}B`),
      ...around.map(([open, close]) => `A ${open}B${close}`),
      'A Ｂ',
      `A ${'x '.repeat(300)} B`,
    ]
    assert.deepEqual(
      said.filter((text) => isRight(letters, text, 'A')),
      [],
    )
  })

  it('takes one choice in any brackets and quotes', () => {
    for (const said of ['A', '(A)', '[A]', '“A”', '**A**', 'Ａ', 'a.']) assert.ok(isRight(letters, said, 'A'), said)
    assert.ok(isRight(choiceGrader(yesOrNo), '“Yes”', 'yes'))
    assert.ok(isRight(choiceGrader(yesOrNo), "no, it can't be", 'no'))
  })

  it('parts no word at a character that a choice has', () => {
    const languages = namedGrader('choice', ['C', 'C++', '-1', '1'])
    assert.ok(isRight(languages, 'C++', 'C++'))
    assert.ok(!isRight(languages, 'C++', 'C'))
    assert.ok(!isRight(languages, '-1', '1'))
  })
})
