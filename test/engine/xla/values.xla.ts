/** Log-probabilities, entropies and gradients of the engine xla against those of the cpu engine. */
import type { Engine } from '../../../src/engine/engine.js'
import type { LoraOptions } from '../../../src/model/loraOptions.js'
import { architectures } from '../../fixtures/architectures.js'
import { randomPolicy } from '../../fixtures/policies.js'
import { assertSameGradients, assertSameValues, printDifferences, ROWS, rowsBehind } from './compare.js'
import { both, disposePair, loadTiny, requireXla } from './engines.js'

/** Adapters of every kind. */
const ADAPTERS: Readonly<Record<string, LoraOptions>> = {
  'ranks and alphas of their own': {
    r: 16,
    rankPattern: { q_proj: 17, down_proj: 1, 'layers.1.self_attn.v_proj': 5 },
    alphaPattern: { up_proj: 3 },
  },
  'some projections only': { targetModules: ['k_proj', 'up_proj', 'o_proj'] },
  'one layer only': { layersToTransform: [1] },
  'projections of some layers left out': { excludeModules: ['layers.0.mlp.gate_proj', 'layers.1.self_attn.q_proj'] },
  'rank-stabilised': { useRslora: true },
}

describe('engine/xla: values and gradients', () => {
  let xla: Engine
  before(async function () {
    xla = await requireXla(this)
  })
  after(printDifferences)

  for (const [name, changes] of Object.entries(architectures)) {
    it(`are those of the cpu engine: ${name}`, async () => {
      const models = await loadTiny(xla, changes)
      await assertSameValues(models)
      const policies = await both(models, (model) => randomPolicy(model))
      await assertSameValues(policies)
      await assertSameValues(policies, ROWS, { reference: true })
      await assertSameGradients(policies)
      const trained = await both(models, (model) => model.trainable())
      await assertSameValues(trained)
      await assertSameGradients(trained)
      for (const pair of [policies, trained, models]) disposePair(pair)
    })
  }

  it('are those of the cpu engine for sizes that nothing divides', async () => {
    const models = await loadTiny(xla, { hidden_size: 23, intermediate_size: 37, head_dim: 6, vocab_size: 259 })
    const rows = [...rowsBehind(3, [16, 1], 259), ...rowsBehind(17, [33], 259), ...rowsBehind(2, [1, 2, 3, 4, 5], 259)]
    const policies = await both(models, (model) => randomPolicy(model))
    await assertSameValues(policies, rows)
    await assertSameGradients(policies, rows)
    for (const pair of [policies, models]) disposePair(pair)
  })

  for (const [name, options] of Object.entries(ADAPTERS)) {
    it(`are those of the cpu engine with an adapter of ${name}`, async () => {
      const models = await loadTiny(xla)
      const policies = await both(models, (model) => randomPolicy(model, options))
      await assertSameValues(policies)
      await assertSameGradients(policies)
      for (const pair of [policies, models]) disposePair(pair)
    })
  }

  it('are those of the cpu engine at any temperature, with and without entropies', async () => {
    const models = await loadTiny(xla)
    const policies = await both(models, (model) => randomPolicy(model))
    for (const temperature of [0.3, 1, 2]) {
      await assertSameValues(policies, ROWS, { temperature })
      await assertSameGradients(policies, ROWS, { temperature })
    }
    for (const pair of [policies, models]) disposePair(pair)
  })

  it('are those of the cpu engine where rows are cut, and with values that are known', async () => {
    const models = await loadTiny(xla)
    const policies = await both(models, (model) => randomPolicy(model))
    const known = await policies.cpu.engineModel.values(ROWS, { temperature: 0.9 })
    for (const maxTokens of [1, 40, 100]) {
      await assertSameValues(policies, ROWS, { maxTokens })
      await assertSameGradients(policies, ROWS, { maxTokens })
      await assertSameGradients(policies, ROWS, { maxTokens, known })
    }
    for (const pair of [policies, models]) disposePair(pair)
  })

  it('are those of the cpu engine with dropout, which leaves out the same numbers however rows are cut', async () => {
    const models = await loadTiny(xla)
    const policies = await both(models, (model) => randomPolicy(model, { dropout: 0.3 }))
    const rowNumbers = ROWS.map((_, i) => i + 2)
    for (const key of [3, -7]) {
      for (const maxTokens of [null, 40]) {
        await assertSameValues(policies, ROWS, { maxTokens, dropout: { key, rowNumbers } })
        await assertSameGradients(policies, ROWS, { maxTokens, dropout: { key, rowNumbers } })
      }
    }
    for (const pair of [policies, models]) disposePair(pair)
  })

  it('follow what is trained when it changes', async () => {
    const models = await loadTiny(xla)
    for (const make of [randomPolicy, (model: (typeof models)['cpu']) => model.trainable()]) {
      const policies = await both(models, (model) => make(model))
      await assertSameValues(policies)
      await both(policies, ({ trained }) => {
        trained!.parameters.update((values) => {
          for (const [i, value] of values.entries()) values[i] = 0.9 * value
        })
      })
      await assertSameValues(policies)
      await assertSameValues(policies, ROWS, { reference: true })
      disposePair(policies)
    }
    disposePair(models)
  })
})
