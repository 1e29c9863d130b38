import assert from 'node:assert/strict'
import { describeComparison } from '../../src/index.js'
import type { EvaluatedProblem, EvaluationSettings, Trace } from '../../src/run/evaluation.js'
import { summarizeTraces } from '../../src/eval/decodingResult.js'
import { evaluationSettings } from './review/evaluationFixture.js'
import { pairResults } from '../../src/eval/pairedResult.js'

const settings: EvaluationSettings = { ...evaluationSettings, maxCompletionLength: 8, resamples: 500 }

const noReasoning = {
  steps: 0,
  equations: 0,
  correctEquations: 0,
  selfCorrections: 0,
  helpfulSelfCorrections: 0,
  coherent: null,
}

/** `r` is right, `f` right but not in the form asked for, `w` wrong. */
function traceOf(letter: string): Trace[] {
  const correct = letter === 'r'
  const graded = { correct, correctLenient: correct || letter === 'f', extracted: letter, reason: null }
  return [{ text: letter, tokens: 3, finishReason: 'stop', ...graded, reasoning: noReasoning }]
}

function verdictOf(before: string, after: string): string[] {
  const problems = Array.from(before, (_, i): EvaluatedProblem => ({
    id: `p/${i}`,
    question: '',
    prompt: '',
    answer: '',
    difficulty: null,
  }))
  const [baseline, policy] = [before, after].map((letters) =>
    summarizeTraces(problems, Array.from(letters, traceOf), settings),
  )
  const greedy = pairResults(problems, baseline!, policy!, settings)
  return describeComparison({ baseline: 'base', policy: 'trained', greedy, sampled: null }, settings)
}

describe('eval/verdict', () => {
  it('calls a difference better or worse when chance would rarely do it', () => {
    const [better] = verdictOf('w'.repeat(20), 'r'.repeat(15) + 'w'.repeat(5))
    assert.match(
      better!,
      /^trained against base, greedy: \+75\.0 points \(95 % interval \+4\d\.\d to \+8\d\.\d\), p < 0\.0001 \(exact McNemar\), 15 problems better, 0 worse\. Better/,
    )
    const [worse] = verdictOf('r'.repeat(10), 'w'.repeat(10))
    assert.match(worse!, /^trained against base, greedy: -100\.0 points .*0 problems better, 10 worse\. Worse/)
  })

  it('tells a gain in form from one in right answers', () => {
    const [, form] = verdictOf('f'.repeat(12) + 'w'.repeat(8), 'r'.repeat(12) + 'w'.repeat(8))
    assert.match(form!, /^ {2}Answers in any form: 0\.0 points .*p = 1 .*that more of them are right is not shown\.$/)
    const [, both] = verdictOf('w'.repeat(20), 'r'.repeat(12) + 'w'.repeat(8))
    assert.match(both!, /More answers are right, not only more are in the form asked for\.$/)
  })

  it('says how large a difference would have been found where none is shown, and when all texts are the same', () => {
    const [unclear, ...rest] = verdictOf('wwwwwwrrrr', 'rwwwwwrrrr')
    assert.deepEqual(rest, [])
    assert.match(
      unclear!,
      /1 problem better, 0 worse\. No difference is shown; one of about \d+ points or more would be found in four of five such evaluations\.$/,
    )
    assert.match(verdictOf('rwrw', 'rwrw')[0]!, /: 0\.0 points .*All texts are the same\.$/)
  })
})
