import assert from 'node:assert/strict'
import { asides, productEndings, quotientEndings, storyFamilies } from '../../src/pretrain/stories/families.js'
import type { StoryFamily } from '../../src/pretrain/stories/families.js'
import { numberInWords, tell } from '../../src/pretrain/stories/phrase.js'
import { situations } from '../../src/pretrain/stories/situations.js'
import { drawVariedStory, isKept } from '../../src/pretrain/stories/variedStory.js'
import { drawCast } from '../../src/pretrain/stories/words.js'
import { Draw } from '../../src/tasks/generators/wordProblems/draw.js'
import { wordProblems } from '../../src/tasks/generators/wordProblems/wordProblems.js'
import { calculate } from '../../src/tasks/generators/wordProblems/story.js'

const SIZE = { largestSum: 40, largestProduct: 60, lengths: { 1: 1, 2: 1, 3: 1, 4: 1 } }

const families: readonly StoryFamily[] = Object.values(storyFamilies).flat()

const wordings: readonly string[] = [
  ...families.flatMap((family) => family.wordings),
  ...Object.values(situations).flatMap((situation) => Object.values<readonly string[]>({ ...situation }).flat()),
  ...productEndings,
  ...quotientEndings,
  ...asides,
]

describe('pretrain/stories', () => {
  it('are solved by their calculations, whose numbers are small and whole', () => {
    const draw = new Draw(1)
    for (let i = 0; i < 5000; i++) {
      const { text, calculations } = drawVariedStory(draw, SIZE, 'corpus')
      assert.ok(calculations.length >= 1 && calculations.length <= 4, text)
      for (const { left, operator, right, result } of calculations) {
        assert.equal(calculate(left, operator, right).result, result)
        if (operator === '/') assert.equal(left % right, 0, text)
        assert.ok(result >= 1 && result <= 80, `${text}: ${result}`)
      }
    }
  })

  it('tell every number that they are solved with, and leave no slot open', () => {
    const draw = new Draw(2)
    for (let i = 0; i < 5000; i++) {
      const { text, calculations } = drawVariedStory(draw, SIZE, 'corpus')
      assert.doesNotMatch(text, /[[\]{}|]|undefined| [.,?]| {2}/, text)
      const told = ` ${text.toLowerCase()} `
      const results = calculations.map(({ result }) => result)
      for (const [index, { left, right }] of calculations.entries()) {
        for (const number of [left, right]) {
          const isTold = told.includes(String(number)) || told.includes(numberInWords(number))
          assert.ok(isTold || results.slice(0, index).includes(number) || number === 2, `${text}: ${number}`)
        }
      }
    }
  })

  it('share no sentence with the wordings that are never seen', () => {
    const shape = (text: string): string => text.replace(/\d+/g, '#')
    const unseen = new Set<string>()
    const words = 'Tom Anna Ben Lisa Max Emma Sam Mia Leo Nora Jack Ella Paul Lucy Omar Zoe'
    const blank = (text: string): string =>
      shape(text)
        .replace(new RegExp(`\\b(${words.replaceAll(' ', '|')})\\b`, 'g'), 'N')
        .replace(/\b(apples|books|coins|cards|shells|stamps|pens|marbles|eggs|balls|cookies|stickers)\b/g, 'T')
    for (const { question } of wordProblems({ split: 'test', variant: 'unseen-wording', limit: 500 }).problems) {
      for (const sentence of question.split(/(?<=[.?]) /)) unseen.add(blank(sentence))
    }
    assert.ok(unseen.size > 15)
    const draw = new Draw(3)
    for (let i = 0; i < 20_000; i++) {
      for (const part of ['corpus', 'kept'] as const) {
        for (const sentence of drawVariedStory(draw, SIZE, part).text.split(/(?<=[.?]) /)) {
          assert.ok(!unseen.has(blank(sentence)), sentence)
        }
      }
    }
  })

  it('keep some wordings for measuring, which the corpus has not', () => {
    const kept = wordings.filter(isKept)
    assert.ok(kept.length > 20 && kept.length < wordings.length / 5, `${kept.length} of ${wordings.length}`)
  })

  it('have wordings whose slots all exist', () => {
    const draw = new Draw(4)
    for (const wording of wordings) {
      for (let i = 0; i < 5; i++) {
        const text = tell(draw, wording, drawCast(draw), { a: 3, b: 4, c: 5, d: 6 }, 'digits')
        assert.doesNotMatch(text, /undefined|[[\]{}|]/, wording)
        assert.match(text, /^[A-Z0-9]/)
      }
    }
  })

  it('write numbers in words', () => {
    assert.deepEqual([0, 7, 12, 20, 21, 99, 100].map(numberInWords), [
      'zero',
      'seven',
      'twelve',
      'twenty',
      'twenty-one',
      'ninety-nine',
      '100',
    ])
  })
})
