import assert from 'node:assert/strict'
import { grade } from '../../src/grading/number.js'
import { answerStyles, writeAnswer } from '../../src/pretrain/answers.js'
import { parsePretrainConfig } from '../../src/pretrain/config.js'
import { drawVariedProblem, PretrainCorpus, vocabularyTexts } from '../../src/pretrain/corpus.js'
import { writeTokenizer } from '../../src/pretrain/tokenizerFiles.js'
import { Draw } from '../../src/tasks/generators/wordProblems/draw.js'
import { drawWordProblem, wordProblems } from '../../src/tasks/generators/wordProblems/wordProblems.js'
import { Tokenizer } from '../../src/text/tokenizer.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

const NO_SLIPS = { answer: 0, calculation: 0, steps: 0, checked: 0 }

describe('pretrain/answers', () => {
  it('gives the right answer in every style when there are no slips', () => {
    const draw = new Draw(1)
    for (let i = 0; i < 300; i++) {
      const problem = drawWordProblem(draw, 'standard', 'train')
      for (const style of answerStyles) {
        const answer = writeAnswer(draw, problem.calculations, style, NO_SLIPS)
        assert.ok(grade(answer, problem).correct, `${problem.question}\n${answer}`)
        const equations = [...answer.matchAll(/(\d+) ([-+*/]) (\d+) = (\d+)/g)]
        const times = { answer: 0, calculation: 1, steps: 1, checked: 2 }[style]
        assert.equal(equations.length, times * problem.calculations.length)
      }
    }
  })

  it('repairs every slip in the checked style, and says so', () => {
    const draw = new Draw(2)
    const slips = { ...NO_SLIPS, checked: 1 }
    for (let i = 0; i < 300; i++) {
      const problem = drawWordProblem(draw, 'standard', 'train')
      const answer = writeAnswer(draw, problem.calculations, 'checked', slips)
      assert.ok(grade(answer, problem).correct, answer)
      assert.equal(answer.match(/Wait, it is/g)?.length, problem.calculations.length)
    }
  })

  it('carries a slip on to the answer in the other styles', () => {
    const draw = new Draw(3)
    for (const style of ['answer', 'calculation', 'steps'] as const) {
      let right = 0
      for (let i = 0; i < 400; i++) {
        const problem = drawWordProblem(draw, 'standard', 'train')
        const answer = writeAnswer(draw, problem.calculations, style, { ...NO_SLIPS, [style]: 0.25 })
        if (grade(answer, problem).correct) right++
      }
      assert.ok(right < 330 && right > 200, `${style}: ${right} of 400 right`)
    }
  })
})

describe('pretrain/corpus', () => {
  const inFolder = useTemporaryFolder()
  const config = parsePretrainConfig({ tokensPerStep: 600, maxSteps: 10, decaySteps: 0, warmupSteps: 0 })

  const makeCorpus = (options = config): { corpus: PretrainCorpus; tokenizer: Tokenizer } => {
    writeTokenizer(inFolder('t'), vocabularyTexts(options), options.vocabularySize)
    const tokenizer = Tokenizer.load(inFolder('t'))
    return { corpus: new PretrainCorpus(tokenizer, options), tokenizer }
  }

  it('is the same for the same seed and update, and another for others', () => {
    const { corpus } = makeCorpus()
    const again = makeCorpus().corpus
    const other = makeCorpus({ ...config, seed: 1 }).corpus
    assert.deepEqual(again.batch(3), corpus.batch(3))
    assert.notDeepEqual(corpus.batch(4).targets, corpus.batch(3).targets)
    assert.notDeepEqual(other.batch(3).targets, corpus.batch(3).targets)
  })

  it('learns what follows, sees no other text, and of drills the results alone', () => {
    const { corpus, tokenizer } = makeCorpus()
    let drills = 0
    for (let step = 0; step < 6; step++) {
      const { batch, rows, targets } = corpus.batch(step)
      assert.ok(batch.tokenIds.length > 500) // The last token of a text is no input.
      const text = (from: number, count: number): string => tokenizer.decode(batch.tokenIds.slice(from, from + count))
      for (const { queryStart, queryLength, prefixStart, prefixLength, keyStart, keyLength } of batch.segments) {
        assert.equal(keyStart, queryStart)
        assert.equal(keyLength, queryLength)
        if (prefixLength === 0) continue
        const prompt = text(prefixStart, prefixLength)
        assert.ok(prompt.startsWith('<|user|>'))
        if (!prompt.includes('Calculate.')) continue
        drills++
        for (const [i, row] of rows.entries()) {
          if (row < queryStart || row >= queryStart + queryLength) continue
          assert.match(tokenizer.decode([targets[i]!]), /^ ?\d$|^\.$/)
          if (row + 1 < queryStart + queryLength) assert.equal(targets[i], batch.tokenIds[row + 1])
        }
      }
    }
    assert.ok(drills > 0, 'there are drills')
  })

  it('has no problem of a test split: of none of the variants', () => {
    const held = new Set(
      (['standard', 'unseen-wording', 'longer', 'larger'] as const).flatMap((variant) =>
        wordProblems({ split: 'test', variant }).problems.map(({ calculations }) => JSON.stringify(calculations)),
      ),
    )
    assert.ok(held.size > 1400)
    const draw = new Draw(5)
    for (let i = 0; i < 20_000; i++) {
      const { calculations } = drawWordProblem(draw, 'standard', 'train')
      assert.ok(!held.has(JSON.stringify(calculations)))
    }
    for (let i = 0; i < 20_000; i++) {
      assert.ok(!held.has(JSON.stringify(drawVariedProblem(draw, 'corpus').calculations)))
    }
    for (const { calculations } of wordProblems({ limit: 3000, seed: 7 }).problems) {
      assert.ok(!held.has(JSON.stringify(calculations)))
    }
  })

  it('tells problems in many wordings, and has orderings and programs, as often as is asked for', () => {
    const questions = (options: Partial<typeof config>): string[] => {
      const { corpus, tokenizer } = makeCorpus({ ...config, drillShare: 0, questionShare: 0, ...options })
      return Array.from({ length: 5 }, (_, step) => tokenizer.decode(corpus.batch(step).batch.tokenIds))
        .join('')
        .split('<|user|>')
        .slice(1)
    }
    const isExercise = (text: string): boolean => /Write (a function )?f\b|Who is/.test(text)
    const few = questions({ exerciseShare: 0, variedShare: 0 })
    assert.ok(few.every((text) => !isExercise(text) && /How (many|much)/.test(text)))
    const known = questions({ exerciseShare: 0, variedShare: 1 })
    assert.ok(
      known.some((text) => !/Tom|Anna|Ben|Lisa|Max|Emma|Sam|Mia|Leo|Nora|Jack|Ella|Paul|Lucy|Omar|Zoe/.test(text)),
    )
    // The first text of an update is a word problem.
    const exercises = questions({ exerciseShare: 1 })
    assert.equal(exercises.filter((text) => !isExercise(text)).length, 5)
    assert.ok(exercises.length > 10)
  })

  it('changes the styles when the learning rate decays', () => {
    const only = (style: string): Record<string, number> => ({ ...NO_SLIPS, [style]: 1 })
    const options = parsePretrainConfig({
      styles: only('answer'),
      decayStyles: only('checked'),
      drillShare: 0,
      questionShare: 0,
      tokensPerStep: 300,
      maxSteps: 4,
      decaySteps: 2,
      warmupSteps: 0,
    })
    const { corpus, tokenizer } = makeCorpus(options)
    const text = (step: number): string => tokenizer.decode(corpus.batch(step).targets)
    assert.doesNotMatch(text(1), /Check/)
    assert.match(text(2), /Check/)
  })
})
