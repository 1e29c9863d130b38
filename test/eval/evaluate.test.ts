import assert from 'node:assert/strict'
import fs from 'node:fs'
import * as tf from '../../src/bundled/tfjs.js'
import { readEvaluation, writeEvaluation } from '../../src/files.js'
import { evaluate, GrpoError, loadModel, selectEngine } from '../../src/index.js'
import { analyseReasoning } from '../../src/rewards/index.js'
import { mcnemarTest } from '../../src/statistics.js'
import type { CausalLM, EvaluateOptions, Evaluation, EvaluationProgress } from '../../src/index.js'
import { generate } from '../../src/policy/generate.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { letterTask, withPolicies } from './policies.js'

const options: EvaluateOptions = { maxCompletionLength: 12, samples: 3, seed: 5, resamples: 200 }

/** Without what depends on the time. */
function timeless(evaluation: Evaluation): Evaluation {
  return { ...evaluation, createdAt: '' }
}

describe('eval/evaluate', () => {
  const temporary = useTemporaryFolder()

  before(async () => {
    await selectEngine()
  })

  it('asks the model with and without its adapter the same, by the same seeds, and leaves no tensors behind', async () => {
    await withPolicies(async (base, policy) => {
      const task = letterTask()
      const before = tf.memory().numTensors
      const { policies, problems, settings } = await evaluate(policy, task, options)
      assert.equal(tf.memory().numTensors, before)
      assert.deepEqual(
        policies.map(({ name }) => name),
        ['base', 'trained'],
      )
      assert.deepEqual(
        problems.map(({ id, prompt, difficulty }) => ({ id, prompt, difficulty })),
        task.problems.map(({ id, question, difficulty }) => ({ id, prompt: question, difficulty })),
      )
      const prompts = task.problems.map((problem) => task.prompt(problem, base.tokenizer).ids)
      for (const [i, model] of [base, policy].entries()) {
        const greedy = await generate(model, prompts, { maxCompletionLength: 12, temperature: 0 })
        const sampled = await generate(model, prompts, { maxCompletionLength: 12, numGenerations: 3, seed: 5 })
        const textsOf = (completions: readonly (readonly { text: string }[])[]): string[][] =>
          completions.map((row) => row.map(({ text }) => text))
        assert.deepEqual(textsOf(policies[i]!.greedy!.completions), textsOf(greedy))
        assert.deepEqual(textsOf(policies[i]!.sampled!.completions), textsOf(sampled))
      }
      assert.equal(settings.temperature, 1)
    })
  })

  it('leaves room for the prompts in a model of few positions', async () => {
    const [small, usual] = [
      await loadModel(temporaryTinyModel({ max_position_embeddings: 64 })),
      await loadModel(temporaryTinyModel()),
    ]
    try {
      const lengthOf = async (policies: Record<string, CausalLM>): Promise<number> =>
        (await evaluate(policies, letterTask(), { samples: 0, limit: 1 })).settings.maxCompletionLength
      assert.equal(await lengthOf({ small }), 32)
      assert.equal(await lengthOf({ usual }), 512)
      assert.equal(await lengthOf({ usual, small }), 32)
    } finally {
      small.dispose()
      usual.dispose()
    }
  })

  it('counts strict and lenient accuracy, difficulties, truncation and length', async () => {
    await withPolicies(async (base) => {
      const { policies, comparisons, problems } = await evaluate(base, letterTask(), options)
      assert.deepEqual(comparisons, [])
      assert.equal(policies[0]!.name, 'model')
      for (const result of [policies[0]!.greedy!, policies[0]!.sampled!]) {
        const traces = result.completions.flat()
        const share = (count: number): number => count / traces.length
        const near = (actual: number, expected: number): void => {
          assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}, expected ${expected}`)
        }
        near(result.accuracy.value, share(traces.filter(({ correct }) => correct).length))
        near(result.accuracyLenient.value, share(traces.filter(({ correctLenient }) => correctLenient).length))
        near(result.truncated.value, share(traces.filter(({ finishReason }) => finishReason === 'length').length))
        near(result.meanTokens.value, share(traces.reduce((sum, { tokens }) => sum + tokens, 0)))
        near(result.passAtK[0]!.strict.value, result.accuracy.value)
        near(result.reasoning.meanSteps.value, share(traces.reduce((sum, { reasoning }) => sum + reasoning.steps, 0)))
        for (const { text, reasoning } of traces) {
          const { steps, calculations, finalAnswerFollows } = analyseReasoning(text, 'e')
          assert.equal(reasoning.steps, steps.length)
          assert.equal(reasoning.equations, calculations.length)
          assert.equal(reasoning.coherent, finalAnswerFollows)
        }
        for (const { strict, lenient } of result.passAtK) {
          assert.ok(strict.value <= lenient.value)
          assert.ok(strict.low! <= strict.value && strict.value <= strict.high!)
        }
        assert.deepEqual(
          result.byDifficulty.map(({ difficulty, problems }) => [difficulty, problems]),
          [
            [0, 6],
            [1, 6],
          ],
        )
        const easy = result.completions.filter((_, i) => problems[i]!.difficulty === 0).flat()
        near(result.byDifficulty[0]!.accuracy.value, easy.filter(({ correct }) => correct).length / easy.length)
      }
      assert.deepEqual(
        policies[0]!.sampled!.passAtK.map(({ k }) => k),
        [1, 2, 3],
      )
      assert.equal(policies[0]!.greedy!.majority, null)
      assert.equal(policies[0]!.sampled!.majority!.k, 3)
    })
  })

  it('pairs the policies problem by problem', async () => {
    await withPolicies(async (base, policy) => {
      const { policies, comparisons } = await evaluate({ base, first: policy, again: policy }, letterTask(), options)
      assert.deepEqual(
        comparisons.map(({ baseline, policy: name }) => [baseline, name]),
        [
          ['base', 'first'],
          ['base', 'again'],
          ['first', 'again'],
        ],
      )
      const [changed, , same] = comparisons
      const rights = policies.map(({ greedy }) => greedy!.completions.map(([trace]) => trace!.correctLenient))
      const idsWhere = (before: boolean, after: boolean): string[] =>
        letterTask()
          .problems.filter((_, i) => rights[0]![i] === before && rights[1]![i] === after)
          .map(({ id }) => id)
      const { lenient } = changed!.greedy!
      assert.deepEqual(lenient.fixed, idsWhere(false, true))
      assert.deepEqual(lenient.broken, idsWhere(true, false))
      assert.equal(lenient.bothRight, idsWhere(true, true).length)
      assert.equal(lenient.bothWrong, idsWhere(false, false).length)
      assert.ok(lenient.fixed.length + lenient.broken.length > 0, 'the test needs policies that differ')
      assert.equal(lenient.pValue, mcnemarTest(lenient.broken.length, lenient.fixed.length))
      assert.equal(lenient.test, 'exact McNemar')
      const difference = (lenient.fixed.length - lenient.broken.length) / 12
      assert.ok(Math.abs(lenient.difference.value - difference) < 1e-12)
      assert.ok(lenient.difference.low! <= difference && difference <= lenient.difference.high!)
      assert.equal(changed!.sampled!.strict.test, 'sign-flip permutation')

      for (const [decoding, completions] of [
        ['greedy', 12],
        ['sampled', 36],
      ] as const) {
        const { strict, meanTokens, identicalCompletions } = same![decoding]!
        assert.equal(strict.pValue, 1)
        assert.deepEqual([strict.fixed, strict.broken], [[], []])
        assert.deepEqual(meanTokens, { value: 0, low: 0, high: 0 })
        assert.equal(identicalCompletions, completions)
      }
    })
  })

  it('gives the same again, also after a file', async () => {
    await withPolicies(async (_, policy) => {
      const evaluation = await evaluate(policy, letterTask(), { ...options, adapters: { trained: 'runs/x/adapter' } })
      assert.equal(evaluation.policies[1]!.adapter, 'runs/x/adapter')
      const again = await evaluate(policy, letterTask(), { ...options, adapters: { trained: 'runs/x/adapter' } })
      assert.deepEqual(timeless(again), timeless(evaluation))
      const file = temporary('eval.json')
      writeEvaluation(file, evaluation)
      assert.deepEqual(readEvaluation(file), evaluation)
      const raw = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>
      assert.equal(raw.version, 1)
      assert.ok('created_at' in raw && Array.isArray(raw.policies))
      assert.ok('pass_at_k' in (raw.policies[1] as { sampled: object }).sampled)
    })
  })

  it('takes the first problems only, and one way of decoding', async () => {
    await withPolicies(async (base) => {
      const greedy = await evaluate(base, letterTask(), { ...options, limit: 1, samples: 0 })
      assert.equal(greedy.problems.length, 1)
      assert.equal(greedy.policies[0]!.sampled, null)
      assert.deepEqual(Object.values(greedy.policies[0]!.greedy!.meanTokens).slice(1), [null, null])
      const sampled = await evaluate(base, letterTask(), { ...options, greedy: false, samples: 1, limit: 2 })
      assert.equal(sampled.policies[0]!.greedy, null)
      assert.equal(sampled.policies[0]!.sampled!.majority, null)
    })
  })

  it('takes policies over from an earlier evaluation, and asks only the others', async () => {
    await withPolicies(async (base, policy) => {
      const task = letterTask()
      const both = await evaluate({ base, trained: policy }, task, options)
      const earlier = await evaluate({ base }, task, options)
      const asked = new Set<string>()
      const after = await evaluate({ base, trained: policy }, task, {
        ...options,
        earlier,
        onProgress: ({ policy: name, done, total }) => {
          asked.add(name)
          assert.ok(done <= total)
        },
      })
      assert.deepEqual(timeless(after), timeless(both))
      assert.deepEqual([...asked], ['trained'])
      const differing: EvaluateOptions[] = [{ seed: 6 }, { samples: 2 }, { limit: 1 }]
      for (const other of differing) {
        await assert.rejects(
          evaluate({ base, trained: policy }, task, { ...options, ...other, earlier }),
          /the earlier evaluation has other (settings|problems)/,
        )
      }
    })
  })

  it('tells how far it is, and stops when asked to', async () => {
    await withPolicies(async (_, policy) => {
      const events: EvaluationProgress[] = []
      await evaluate(policy, letterTask(), { ...options, onProgress: (event) => events.push(event) })
      const phases = new Set(events.map((event) => `${event.policy} ${event.decoding} ${event.phase}`))
      assert.equal(phases.size, 8)
      // Two policies, twelve problems, four completions of at most twelve tokens.
      assert.ok(events.every(({ total }) => total === 2 * 12 * 4))
      assert.ok(events.every(({ done }, i) => done >= (events[i - 1]?.done ?? 0)))
      const { tokens, ...last } = events.at(-1)!
      assert.deepEqual(last, { policy: 'trained', decoding: 'sampled', phase: 'grading', done: 96, total: 96 })
      assert.ok(tokens >= 36 && tokens <= 36 * 12)
      const controller = new AbortController()
      const stopped = evaluate(policy, letterTask(), {
        ...options,
        signal: controller.signal,
        onProgress: ({ phase }) => {
          if (phase === 'grading') controller.abort(new Error('enough'))
        },
      })
      await assert.rejects(stopped, /enough/)
    })
  })

  it('refuses options that make no sense', async () => {
    await withPolicies(async (base) => {
      const cases: [EvaluateOptions, RegExp][] = [
        [{ samples: 1.5 }, /samples: expected a whole number, got 1\.5/],
        [{ limit: 0 }, /limit: expected a number above 0, got 0/],
        [{ greedy: false, samples: 0 }, /nothing would be sampled/],
        [{ temperature: 0 }, /temperature is 0, which greedy already covers/],
        [{ confidence: 95 }, /confidence: expected a number below 1, got 95/],
        [{ resamples: -1 }, /resamples: expected a number of at least 0, got -1/],
        [{ maxCompletionLength: 0 }, /maxCompletionLength: expected a number above 0, got 0/],
      ]
      for (const [wrong, message] of cases) await assert.rejects(evaluate(base, letterTask(), wrong), message)
      await assert.rejects(evaluate({}, letterTask()), /no policy/)
      await assert.rejects(evaluate(base, { ...letterTask(), problems: [] }), /no problems/)
      const broken = letterTask(1)
      const failing = broken.problems.map((problem) => ({
        ...problem,
        grader: () => {
          throw new Error('no gold answer')
        },
      }))
      await assert.rejects(evaluate(base, { ...broken, problems: failing }, options), (error: Error) => {
        assert.ok(error instanceof GrpoError)
        assert.match(error.message, /the grader failed: problem letters\/0: no gold answer/)
        return true
      })
    })
  })

  it('refuses files that hold no evaluation', () => {
    const file = temporary('eval.json')
    const cases: [string, RegExp][] = [
      ['{"version": 7}', /is an evaluation of version 7, expected 1/],
      ['{"version": 1, "task": "x"}', /createdAt is missing/],
      ['[]', /expected a JSON object/],
      ['{', /not valid JSON/],
    ]
    for (const [text, message] of cases) {
      fs.writeFileSync(file, text)
      assert.throws(() => readEvaluation(file), message)
    }
    assert.throws(() => readEvaluation(temporary('absent.json')), /make it with grpo-ts eval/)
  })
})
