/** What the engine xla leaves on its device: nothing, whatever happens. */
import assert from 'node:assert/strict'
import type { Engine } from '../../../src/engine/engine.js'
import { xlaEngine } from '../../../src/engine/xla/xlaEngine.js'
import { EngineError, GrpoError } from '../../../src/errors.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { randomIds, randomPolicy } from '../../fixtures/policies.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { randomValues } from '../../ops/suite.js'
import { completionTokens, gradientOf, rowsBehind } from './compare.js'
import { requireXlaRunner } from './engines.js'
import { WatchedRunner } from './watchedRunner.js'

/** Tokens of the tiny model. */
const VOCABULARY = 352
const ROWS = [...rowsBehind(5, [3, 7], VOCABULARY), ...rowsBehind(2, [4], VOCABULARY)]
const PROMPTS = [randomIds(5, VOCABULARY, 1), randomIds(9, VOCABULARY, 2)]
/** More tokens than one call samples. */
const SAMPLING = { maxCompletionLength: 40, numGenerations: 2, seed: 1 }

/** Everything that a model does. */
const WORK: Readonly<Record<string, (policy: CausalLM) => Promise<unknown>>> = {
  'computing values': ({ engineModel }) => engineModel.values(ROWS, { temperature: 1 }),
  'computing values of the reference': ({ engineModel }) =>
    engineModel.values(ROWS, { temperature: 1, reference: true }),
  'computing a gradient': (policy) => gradientOf(policy, ROWS),
  'computing a gradient in several passes': (policy) => gradientOf(policy, ROWS, { maxTokens: 50 }),
  sampling: ({ engineModel }) => engineModel.generate(PROMPTS, SAMPLING),
  'sampling and training': async (policy) => [
    await policy.engineModel.generate(PROMPTS, SAMPLING),
    await gradientOf(policy, ROWS),
    await policy.engineModel.generate(PROMPTS, SAMPLING),
  ],
}

/** What is trained. */
const POLICIES: Readonly<Record<string, (model: CausalLM) => CausalLM>> = {
  'an adapter': (model) => randomPolicy(model),
  'all weights': (model) => model.trainable(),
}

describe('engine/xla: what is left on the device', () => {
  const folder = temporaryTinyModel()
  let runner: WatchedRunner
  let engine: Engine
  let model: CausalLM
  let alive: number
  before(async function () {
    runner = new WatchedRunner(await requireXlaRunner(this))
    engine = xlaEngine(runner)
    model = await loadModel(folder, { engine })
    alive = runner.alive
  })
  afterEach(() => {
    assert.equal(runner.alive, alive)
  })

  for (const [what, make] of Object.entries(POLICIES)) {
    for (const [name, work] of Object.entries(WORK)) {
      it(`is nothing after ${name} with ${what}, and whichever call of the device fails it is nothing and works again`, async () => {
        const used = engine.memory().used
        let expected: unknown = null
        for (let call = 1; expected === null; call++) {
          const policy = make(model)
          runner.failAt(call)
          try {
            expected = await work(policy)
          } catch (error) {
            assert.ok(error instanceof EngineError && error.message === `call ${call} fails`, String(error))
          }
          runner.failAt(Infinity)
          // Every tenth, for the others differ in the place only.
          if (expected === null && call % 10 === 0) await work(policy)
          policy.dispose()
          assert.equal(runner.alive, alive, `after call ${call} has failed`)
          assert.equal(engine.memory().used, used)
        }
        const again = make(model)
        assert.deepEqual(await work(again), expected)
        again.dispose()
      })
    }
  }

  it('is nothing where a model could not be loaded', async () => {
    for (let call = 1; ; call++) {
      runner.failAt(call)
      try {
        const other = await loadModel(folder, { engine })
        other.dispose()
        assert.ok(call > alive)
        break
      } catch (error) {
        assert.ok(error instanceof EngineError && error.message === `call ${call} fails`, String(error))
      } finally {
        runner.failAt(Infinity)
      }
      assert.equal(runner.alive, alive)
    }
  })

  it('is nothing after sampling was aborted, which is between two calls', async () => {
    const policy = randomPolicy(model)
    const controller = new AbortController()
    let calls = 0
    const onProgress = (): void => {
      calls++
      controller.abort(new Error('enough'))
    }
    await assert.rejects(
      policy.engineModel.generate(PROMPTS, { ...SAMPLING, eosTokenIds: [], signal: controller.signal, onProgress }),
      /^Error: enough$/,
    )
    assert.equal(calls, 1)
    policy.dispose()
  })

  it('is nothing where sampling was aborted before it began, and no program is compiled for it', async () => {
    const { programs } = runner
    const options = { ...SAMPLING, maxCompletionLength: 200, signal: AbortSignal.abort(new Error('enough')) }
    await assert.rejects(model.engineModel.generate(PROMPTS, options), /^Error: enough$/)
    assert.equal(runner.programs, programs)
  })

  it('is nothing where a policy or its model was disposed between two calls of sampling, which says so', async () => {
    for (const disposesModel of [false, true]) {
      const other = await loadModel(folder, { engine })
      const policy = randomPolicy(other)
      const onProgress = (): void => {
        if (disposesModel) other.dispose()
        else policy.dispose()
      }
      await assert.rejects(
        policy.engineModel.generate(PROMPTS, { ...SAMPLING, eosTokenIds: [], onProgress }),
        (error) => error instanceof EngineError && error.message.includes('was disposed'),
      )
      policy.dispose()
      other.dispose()
    }
  })

  it('is nothing after weights that are not numbers, and sampling says so', async () => {
    const policy = randomPolicy(model)
    policy.adapter!.setValues(policy.adapter!.values.map(() => NaN))
    await assert.rejects(
      policy.engineModel.generate(PROMPTS, SAMPLING),
      (error) => error instanceof GrpoError && error.message.includes('are not numbers (NaN)'),
    )
    policy.dispose()
  })

  it('is nothing of a recording whose gradient is not wanted, also behind its policy', async () => {
    const policy = randomPolicy(model)
    const recordings = [0, 1].map(() => policy.engineModel.record(ROWS, { temperature: 1 }))
    const [first, second] = await Promise.all(recordings)
    first!.dispose()
    first!.dispose()
    policy.dispose()
    second!.dispose()
  })

  it('is what the model needs: a disposed one frees it, and is refused afterwards', async () => {
    const other = await loadModel(folder, { engine })
    const policies = Object.values(POLICIES).map((make) => make(other))
    for (const policy of policies) {
      await policy.engineModel.generate(PROMPTS, SAMPLING)
      policy.dispose()
      policy.dispose()
    }
    for (const { engineModel } of policies) await assertRefused(engineModel)
    const last = randomPolicy(other)
    other.dispose()
    other.dispose()
    await assertRefused(other.engineModel)
    // Its weights are gone.
    await assertRefused(last.engineModel)
    last.dispose()
  })

  async function assertRefused(engineModel: CausalLM['engineModel']): Promise<void> {
    const isRefused = (error: unknown): boolean =>
      error instanceof EngineError && error.message.includes('was disposed')
    await assert.rejects(engineModel.generate(PROMPTS, SAMPLING), isRefused)
    await assert.rejects(engineModel.values(ROWS, { temperature: 1 }), isRefused)
    await assert.rejects(engineModel.record(ROWS, { temperature: 1 }), isRefused)
  }

  it('is nothing of what was refused', async () => {
    const policy = randomPolicy(model)
    const { engineModel } = policy
    const bad = [
      [{ promptIds: [1, VOCABULARY], completionIds: [3] }],
      [{ promptIds: [1], completionIds: [-1] }],
      [{ promptIds: [1], completionIds: [2.5] }],
      [{ promptIds: [], completionIds: [2] }],
    ]
    for (const rows of bad) {
      await assert.rejects(engineModel.values(rows, { temperature: 1 }), GrpoError)
      await assert.rejects(engineModel.record(rows, { temperature: 1 }), GrpoError)
    }
    await assert.rejects(engineModel.generate([[VOCABULARY]], SAMPLING), GrpoError)
    const long = [{ promptIds: randomIds(1000, VOCABULARY, 1), completionIds: randomIds(30, VOCABULARY, 2) }]
    await assert.rejects(
      engineModel.values(long, { temperature: 1 }),
      (error) => error instanceof GrpoError && error.message.includes('1024 positions'),
    )
    policy.dispose()
  })

  for (const [what, make] of Object.entries(POLICIES)) {
    it(`is nothing where ${what} changed and went while somebody computed with it, and what was computed is what it was before`, async () => {
      const first = make(model)
      const expected = await gradientOf(first, ROWS)
      const values = await first.engineModel.values(ROWS, { temperature: 1 })
      first.dispose()

      const policy = make(model)
      const { parameters } = policy.trained!
      const double = (): void => {
        parameters.update((all) => {
          for (const [i, value] of all.entries()) all[i] = 2 * value
        })
      }
      const tokens = completionTokens(ROWS)
      const recording = await policy.engineModel.record(ROWS, { temperature: 0.9 })
      const computing = policy.engineModel.values(ROWS, { temperature: 1 })
      double()
      const others = await policy.engineModel.values(ROWS, { temperature: 1 })
      assert.deepEqual(await computing, values)
      assert.notDeepEqual(others, values)
      policy.dispose()
      const sum = new Float32Array(parameters.values.length)
      await recording.gradient(randomValues(tokens, 1), randomValues(tokens, 2), sum)
      assert.deepEqual(sum, expected)
    })

    it(`is nothing where ${what} went at the moment when sampling began, which ends or is refused`, async () => {
      const policy = make(model)
      const sampling = policy.engineModel.generate(PROMPTS, SAMPLING)
      policy.dispose()
      await sampling.catch((error: unknown) => {
        assert.ok(error instanceof EngineError && error.message.includes('was disposed'))
      })
    })
  }

  it('samples with the adapter that it began with where others sample, train and set another one meanwhile', async () => {
    const policy = randomPolicy(model)
    const { engineModel } = policy
    const options = { ...SAMPLING, eosTokenIds: [] }
    const expected = await engineModel.generate(PROMPTS, options)
    const others: Promise<unknown>[] = []
    const onProgress = (): void => {
      if (others.length > 0) return
      policy.adapter!.update((values) => {
        for (const [i, value] of values.entries()) values[i] = 2 * value
      })
      others.push(engineModel.generate(PROMPTS, options), gradientOf(policy, ROWS))
    }
    const both = [engineModel.generate(PROMPTS, { ...options, onProgress }), engineModel.generate(PROMPTS, options)]
    for (const completions of await Promise.all(both)) assert.deepEqual(completions, expected)
    const [other] = await Promise.all(others)
    assert.notDeepEqual(other, expected)
    policy.dispose()
  })
})
