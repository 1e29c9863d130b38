import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import type { Completion } from '../../../src/engine/sampling.js'
import { generate } from '../../../src/policy/generate.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { serveForTest } from './served.js'
import type { Served, ServedCompletion } from './served.js'

const texts = ['Tom has 3 apples.', 'Ann buys 12 pens and gives 5 to Ben.', 'How many cards does Mia have?']

/** What a server tells of completions. */
function shared(completions: readonly Completion[]): ServedCompletion[] {
  return completions.map(({ ids, logProbs, text, finishReason }) => ({ ids, logProbs, text, finishReason }))
}

describe('server/completions', () => {
  let model: CausalLM
  let served: Served
  let prompts: number[][]

  before(async () => {
    await selectEngine('cpu', { threads: 2 })
    model = await loadModel('word-problems-1m')
    prompts = texts.map((text) => model.tokenizer!.encodeChat([{ role: 'user', content: text }]))
    served = await serveForTest(model)
  })

  after(async () => {
    await served.service.stop(0)
    model.dispose()
    await selectEngine('reference')
  })

  it('gives the completions of generate, bit for bit', async () => {
    const request = { prompt: prompts, n: 3, max_tokens: 40, seed: 7, temperature: 0.9 }
    const local = await generate(model, prompts, {
      numGenerations: 3,
      maxCompletionLength: 40,
      seed: 7,
      temperature: 0.9,
    })
    assert.deepEqual(await served.complete(request), shared(local.flat()))
    assert.notDeepEqual(await served.complete({ ...request, seed: 8 }), shared(local.flat()))
  })

  it('gives each of many requests at the same time what it gets alone, also of the same prompt', async () => {
    const asked = Array.from({ length: 24 }, (_, i) => ({
      prompt: [prompts[i % 3]!],
      n: 1 + (i % 2),
      seed: i % 4 === 0 ? 1 : 2,
    }))
    const answers = await Promise.all(asked.map((request) => served.complete({ ...request, max_tokens: 30 })))
    for (const [i, { prompt, n, seed }] of asked.entries()) {
      const local = await generate(model, prompt, { numGenerations: n, seed, maxCompletionLength: 30 })
      assert.deepEqual(answers[i], shared(local.flat()))
    }
  })
})
