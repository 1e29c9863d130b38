/** The small part of `npm run test:xla`: one model with layers of every kind, and all programs. */
import assert from 'node:assert/strict'
import type { Engine } from '../../../src/engine/engine.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { randomIds, randomPolicy } from '../../fixtures/policies.js'
import { assertSameCompletions, assertSameGradients, assertSameValues, gradientOf, ROWS } from './compare.js'
import { both, disposePair, loadTiny, requireXla, VOCABULARY } from './engines.js'
import type { Pair } from './engines.js'

/** Layers with and without rope, biases everywhere, a head of its own, rope of the type llama3. */
const MODEL = {
  architectures: ['SmolLM3ForCausalLM'],
  model_type: 'smollm3',
  no_rope_layers: [1, 0],
  attention_bias: true,
  mlp_bias: true,
  tie_word_embeddings: false,
  rope_scaling: {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 24,
  },
}
const ADAPTER = { r: 4, rankPattern: { q_proj: 5 }, excludeModules: ['layers.0.mlp.up_proj'], dropout: 0.2 }

describe('engine/xla', () => {
  let xla: Engine
  let models: Pair<CausalLM>
  let policies: Pair<CausalLM>
  before(async function () {
    xla = await requireXla(this)
    models = await loadTiny(xla, MODEL)
    policies = await both(models, (model) => randomPolicy(model, ADAPTER))
  })
  after(() => {
    for (const pair of [policies, models] as (Pair<CausalLM> | undefined)[]) if (pair) disposePair(pair)
  })

  it('computes the values and gradients of the cpu engine, with and without dropout', async () => {
    const dropout = { key: 5, rowNumbers: ROWS.map((_, i) => i) }
    await assertSameValues(policies)
    await assertSameGradients(policies, ROWS, { dropout })
  })

  it('samples what the cpu engine samples, and waiting prompts take the places of those that have ended', async () => {
    const prompts = Array.from({ length: 9 }, (_, i) => randomIds(1 + ((7 * i) % 17), VOCABULARY, i))
    const options = { maxCompletionLength: 16, numGenerations: 8, seed: 4, eosTokenIds: [1, 2, 3, 5, 8] }
    assert.ok(prompts.length * options.numGenerations > xla.info.budgets.decodeRows)
    const filters = { temperature: 1.1, topK: 60, topP: 0.95, minP: 0.01, repetitionPenalty: 1.2 }
    await assertSameCompletions(policies, prompts, { ...options, ...filters })
  })

  it('follows an adapter that changes, and leaves nothing behind', async () => {
    const before = xla.memory().used
    const other = randomPolicy(models.xla, ADAPTER)
    const dropout = { key: 5, rowNumbers: ROWS.map((_, i) => i) }
    const first = await gradientOf(other, ROWS, { dropout })
    other.adapter!.update((values) => {
      for (const [i, value] of values.entries()) values[i] = 0.5 * value
    })
    assert.notDeepEqual(await gradientOf(other, ROWS, { dropout }), first)
    other.dispose()
    assert.equal(xla.memory().used, before)
  })
})
