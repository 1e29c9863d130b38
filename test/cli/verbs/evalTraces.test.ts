import assert from 'node:assert/strict'
import { formatTraces } from '../../../src/cli/verbs/eval/evalTraces.js'
import { evaluate, selectEngine } from '../../../src/index.js'
import type { EvaluateOptions } from '../../../src/index.js'
import { letterTask, withPolicies } from '../../eval/policies.js'

const options: EvaluateOptions = { maxCompletionLength: 8, samples: 0, resamples: 50 }

describe('cli/eval: completions', () => {
  before(async () => {
    await selectEngine()
  })

  it('shows of a few problems all, with what each policy wrote and its grade', async () => {
    await withPolicies(async (base, policy) => {
      const evaluation = await evaluate({ base, trained: policy }, letterTask(3), options)
      const text = formatTraces(evaluation, 1)
      for (const { id, question } of evaluation.problems) {
        assert.ok(text.includes(`${id}, answer `), text)
        assert.ok(text.includes(question.trim()), text)
      }
      assert.equal(text.match(/^ {2}(?:base|trained), (?:right|wrong).*:$/gm)?.length, 6, text)
      assert.equal(formatTraces(evaluation, 0), '')
    })
  })

  it('shows what a single policy wrote to a few problems, and nothing of many', async () => {
    await withPolicies(async (base) => {
      const few = formatTraces(await evaluate(base, letterTask(2), options), 1)
      assert.equal(few.match(/^ {2}model, (?:right|wrong).*:$/gm)?.length, 2, few)
      assert.equal(formatTraces(await evaluate(base, letterTask(6), options), 1), '')
    })
  })

  it('shows the first of many problems that became better and worse', async () => {
    await withPolicies(async (base, policy) => {
      const evaluation = await evaluate({ base, trained: policy }, letterTask(12), options)
      const { fixed, broken } = evaluation.comparisons[0]!.greedy!.strict
      assert.ok(fixed.length + broken.length > 0)
      const shown = [...formatTraces(evaluation, 1).matchAll(/^(better|worse): (\S+), answer/gm)]
      assert.deepEqual(
        shown.map(([, heading, id]) => [heading, id]),
        [...fixed.slice(0, 1).map((id) => ['better', id]), ...broken.slice(0, 1).map((id) => ['worse', id])],
      )
    })
  })
})
