import assert from 'node:assert/strict'
import type { EvaluationSettings, Trace, TraceReasoning } from '../../src/run/evaluation.js'
import { summarizeReasoning } from '../../src/eval/reasoningQuality.js'

const settings: EvaluationSettings = {
  maxCompletionLength: 8,
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  stopStrings: [],
  greedy: false,
  samples: 2,
  seed: 0,
  confidence: 0.95,
  resamples: 500,
}

function traceOf(reasoning: Partial<TraceReasoning>): Trace {
  const none = { steps: 0, equations: 0, correctEquations: 0, selfCorrections: 0, helpfulSelfCorrections: 0 }
  return {
    text: '',
    tokens: 1,
    finishReason: 'stop',
    correct: false,
    correctLenient: false,
    extracted: null,
    reason: null,
    reasoning: { ...none, coherent: null, ...reasoning },
  }
}

describe('eval/reasoningQuality', () => {
  it('averages over problems, and leaves out completions that have nothing to count', () => {
    const quality = summarizeReasoning(
      [
        [
          traceOf({ steps: 3, equations: 4, correctEquations: 3, coherent: true }),
          traceOf({ steps: 1, coherent: false }),
        ],
        [
          traceOf({ steps: 2, equations: 1, correctEquations: 1 }),
          traceOf({ selfCorrections: 2, helpfulSelfCorrections: 1 }),
        ],
        [traceOf({}), traceOf({})],
      ],
      settings,
    )
    assert.equal(quality.withSteps.value, 0.5)
    assert.equal(quality.meanSteps.value, 1)
    assert.equal(quality.correctEquations!.value, (0.75 + 1) / 2)
    assert.equal(quality.coherent!.value, 0.5)
    assert.ok(Math.abs(quality.selfCorrecting.value - 1 / 6) < 1e-12)
    assert.deepEqual(quality.selfCorrections, { count: 2, helpful: 1 })
    for (const estimate of [quality.withSteps, quality.correctEquations!, quality.coherent!]) {
      assert.ok(estimate.low! < estimate.value && estimate.value < estimate.high!)
    }
  })

  it('gives nothing where nothing was counted', () => {
    const { correctEquations, coherent, withSteps } = summarizeReasoning([[traceOf({})], [traceOf({})]], settings)
    assert.deepEqual([correctEquations, coherent], [null, null])
    assert.deepEqual([withSteps.value, withSteps.low], [0, 0])
  })
})
