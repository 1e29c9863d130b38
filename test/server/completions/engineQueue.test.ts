import assert from 'node:assert/strict'
import type { Engine, EngineInfo, TokenIds } from '../../../src/engine/engine.js'
import { selectEngine } from '../../../src/engine/registry.js'
import type { Completion, SamplingOptions } from '../../../src/engine/sampling.js'
import { EngineError } from '../../../src/errors.js'
import { generate } from '../../../src/policy/generate.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { EngineQueue } from '../../../src/server/completions/engineQueue.js'
import { forwardingEngine } from '../../fixtures/forwardingEngine.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'

const [A, B, C] = [[5, 6, 7], [8, 9], [10]] as const
const options = { maxCompletionLength: 6, eosTokenIds: [] }

describe('server/completions/engineQueue', () => {
  let engine: Engine
  /** What the engine was called with. */
  let calls: { prompts: readonly TokenIds[]; options: SamplingOptions }[]
  /** Of the prompt that the engine fails at. */
  let failing: TokenIds | null
  let models: CausalLM[]

  before(async () => {
    ;({ engine } = await selectEngine('reference'))
  })

  beforeEach(() => {
    calls = []
    failing = null
    models = []
    ;({ signal } = new AbortController())
  })

  afterEach(() => {
    for (const model of models) model.dispose()
  })

  const load = async (info: Partial<EngineInfo> = {}): Promise<CausalLM> => {
    const recording = forwardingEngine(engine, {
      info,
      model: (inner) => ({
        generate: (prompts, given) => {
          calls.push({ prompts, options: given })
          if (prompts.some((ids) => ids === failing)) return Promise.reject(new EngineError('it broke'))
          return inner.generate(prompts, given)
        },
      }),
    })
    const model = await loadModel(temporaryTinyModel(), { engine: recording })
    models.push(model)
    return model
  }
  let signal: AbortSignal
  const idsOf = (groups: Completion[][]): number[][] => groups.flat().map(({ ids }) => ids)

  it('puts together what is alike, but never the same prompt twice', async () => {
    const model = await load()
    const queue = new EngineQueue(100)
    const job = { model, signal, options: { ...options, seed: 1 } }
    const asked: TokenIds[][] = [[A], [B], [A, C], [C], [A]]
    const answers = await Promise.all(asked.map((prompts) => queue.generate({ ...job, prompts })))
    assert.deepEqual(
      calls.map(({ prompts }) => prompts),
      [[A, B, C], [A, C], [A]],
    )
    for (const [i, prompts] of asked.entries()) {
      assert.deepEqual(idsOf(answers[i]!), idsOf(await generate(model, prompts, job.options)))
    }
  })

  it('keeps apart other options, seeds, and models', async () => {
    const [model, other] = [await load(), await load()]
    const queue = new EngineQueue(100)
    const ask = (prompts: TokenIds[], given: object, of = model): Promise<Completion[][]> =>
      queue.generate({ model: of, signal, prompts, options: { ...options, seed: 1, ...given } })
    await Promise.all([
      ask([A], {}),
      ask([B], { seed: 2 }),
      ask([B], { temperature: 0.5 }),
      ask([B], { numGenerations: 2 }),
      ask([B], {}, other),
      ask([C], {}),
    ])
    assert.deepEqual(
      calls.map(({ prompts }) => prompts),
      [[A, C], [B], [B], [B], [B]],
    )
  })

  it('puts together up to so many completions', async () => {
    const model = await load()
    const queue = new EngineQueue(4)
    const ask = (prompts: TokenIds[]): Promise<Completion[][]> =>
      queue.generate({ model, signal, prompts, options: { ...options, seed: 1, numGenerations: 2 } })
    await Promise.all([ask([A]), ask([B]), ask([C]), ask([A, B, C])])
    assert.deepEqual(
      calls.map(({ prompts }) => prompts),
      [[A, B], [C], [A, B, C]],
    )
  })

  it('puts together on an engine that is not batch-invariant only what has no seed, each call with another one', async () => {
    const model = await load({ isBatchInvariant: false })
    const queue = new EngineQueue(100)
    const ask = (prompts: TokenIds[], given: object): Promise<Completion[][]> =>
      queue.generate({ model, signal, prompts, options: { ...options, ...given } })
    await Promise.all([ask([A], { seed: 1 }), ask([B], { seed: 1 }), ask([A], {}), ask([A], {})])
    await ask([A], {})
    assert.deepEqual(
      calls.map(({ prompts }) => prompts),
      [[A], [B], [A, A], [A]],
    )
    const [, , first, second] = calls.map((call) => call.options.seed)
    assert.ok(Number.isSafeInteger(first) && first !== second)
  })

  it('takes out what is aborted while it waits, and ends a call when nobody waits for it any more', async () => {
    const model = await load()
    const queue = new EngineQueue(100)
    const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()]
    const long = { ...options, maxCompletionLength: 50 }
    const reason = new Error('gone')
    const ask = (prompts: TokenIds[], controller: AbortController, seed: number): Promise<Completion[][]> =>
      queue.generate({ model, signal: controller.signal, prompts, options: { ...long, seed } })
    const running = [ask([A], one, 1), ask([B], two, 1)]
    const waiting = ask([C], three, 2)
    while (queue.running === 0) await new Promise(setImmediate)
    assert.deepEqual([queue.running, queue.waiting], [2, 1])
    three.abort(reason)
    await assert.rejects(waiting, reason)
    assert.equal(queue.waiting, 0)
    one.abort(reason)
    await assert.rejects(running[0]!, reason)
    const [, { signal: ending }] = [null, calls[0]!.options]
    assert.equal(ending!.aborted, false)
    two.abort(reason)
    await assert.rejects(running[1]!, reason)
    assert.equal(ending!.aborted, true)
    await queue.idle()
    assert.equal(calls.length, 1)
    await assert.rejects(ask([A], one, 1), reason)
  })

  it('goes on for others when one of a call is aborted', async () => {
    const model = await load()
    const queue = new EngineQueue(100)
    const gone = new AbortController()
    const job = { model, options: { ...options, maxCompletionLength: 30, seed: 1 } }
    const left = queue.generate({ ...job, prompts: [A], signal: gone.signal })
    const stays = queue.generate({ ...job, prompts: [B], signal })
    while (queue.running === 0) await new Promise(setImmediate)
    gone.abort(new Error('gone'))
    await assert.rejects(left, /gone/)
    assert.deepEqual(idsOf(await stays), idsOf(await generate(model, [B], job.options)))
  })

  it('lets what breaks cost nobody else anything', async () => {
    const model = await load()
    const queue = new EngineQueue(100)
    failing = B
    const ask = (prompts: TokenIds[]): Promise<Completion[][]> =>
      queue.generate({ model, signal, prompts, options: { ...options, seed: 1 } })
    const [a, b, c] = await Promise.allSettled([ask([A]), ask([B]), ask([C])])
    assert.deepEqual([a.status, b.status, c.status], ['fulfilled', 'rejected', 'fulfilled'])
    assert.match(String((b as PromiseRejectedResult).reason), /it broke/)
  })

  it('has the engine to itself for what is to be done between calls', async () => {
    const model = await load()
    const queue = new EngineQueue(100)
    const ask = (prompts: TokenIds[], seed: number): Promise<Completion[][]> =>
      queue.generate({ model, signal: new AbortController().signal, prompts, options: { ...options, seed } })
    const asked = [ask([A], 1), ask([B], 2)]
    while (queue.running === 0) await new Promise(setImmediate)
    const task = queue.exclusively(() => [queue.running, queue.waiting, calls.length])
    const broken = assert.rejects(
      queue.exclusively(() => {
        throw new Error('no such folder')
      }),
      /no such folder/,
    )
    assert.deepEqual(await task, [0, 1, 1])
    await Promise.all([...asked, broken])
  })
})
