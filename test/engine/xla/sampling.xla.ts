/** Completions of the engine xla against those of the cpu engine: both draw by the same uniform numbers. */
import assert from 'node:assert/strict'
import type { Engine } from '../../../src/engine/engine.js'
import type { SamplingOptions } from '../../../src/engine/sampling.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { architectures } from '../../fixtures/architectures.js'
import { randomIds, randomPolicy, sequenceLogits } from '../../fixtures/policies.js'
import { assertOnBorder, uniformOf } from './borders.js'
import { assertSameCompletions, printDifferences } from './compare.js'
import { both, disposePair, loadTiny, requireXla, VOCABULARY } from './engines.js'
import type { Pair } from './engines.js'

/** Prompts of different lengths, of which one occurs twice, and one is a single token. */
const PROMPTS = [randomIds(9, VOCABULARY, 1), [4], randomIds(18, VOCABULARY, 3), randomIds(9, VOCABULARY, 1)]
const EOS = [1, 2, 3, 5, 8, 13]
const OPTIONS = { maxCompletionLength: 12, numGenerations: 4, seed: 5, temperature: 0.9, eosTokenIds: EOS }

/** How tokens are drawn. */
const RULES: Readonly<Record<string, Partial<SamplingOptions>>> = {
  'at temperature 0': { temperature: 0 },
  'at temperature 0, with a repetition penalty': { temperature: 0, repetitionPenalty: 1.3 },
  'at a high temperature': { temperature: 1.7 },
  'of the likeliest tokens': { topK: 3 },
  'of the one likeliest token': { topK: 1 },
  'of more likely tokens than there are': { topK: 1000 },
  'of a nucleus': { topP: 0.6 },
  'of tokens that are not too unlikely': { minP: 0.2 },
  'with a repetition penalty': { repetitionPenalty: 1.4 },
  'with all filters': { temperature: 1.2, topK: 40, topP: 0.9, minP: 0.01, repetitionPenalty: 0.8 },
}

describe('engine/xla: sampling', () => {
  let xla: Engine
  let models: Pair<CausalLM>
  before(async function () {
    xla = await requireXla(this)
    models = await loadTiny(xla)
  })
  after(() => {
    // Where the engine cannot run there are none.
    if (models as Pair<CausalLM> | undefined) disposePair(models)
    printDifferences()
  })

  for (const [name, rule] of Object.entries(RULES)) {
    it(`draws the cpu engine's tokens ${name}`, async () => {
      await assertSameCompletions(models, PROMPTS, { ...OPTIONS, ...rule })
    })
  }

  for (const [name, changes] of Object.entries(architectures)) {
    it(`draws the cpu engine's tokens of ${name}, by itself, with an adapter, and with weights that are trained`, async () => {
      const others = await loadTiny(xla, changes)
      const drawn = new Set<string>()
      for (const make of [randomPolicy, (model: CausalLM) => model.trainable(), (model: CausalLM) => model]) {
        const policies = await both(others, (model) => make(model))
        await both(policies, ({ trained }) => {
          trained?.parameters.update((values) => {
            for (const [i, value] of values.entries()) values[i] = 1.1 * value
          })
        })
        drawn.add(JSON.stringify(await assertSameCompletions(policies, PROMPTS, OPTIONS)))
        if (policies.cpu !== others.cpu) disposePair(policies)
      }
      assert.equal(drawn.size, 3)
      disposePair(others)
    })
  }

  for (const numGenerations of [1, 3, 8, 11]) {
    it(`draws the cpu engine's tokens for ${numGenerations} completions of a prompt`, async () => {
      await assertSameCompletions(models, PROMPTS, { ...OPTIONS, numGenerations })
    })
  }

  it("draws the cpu engine's tokens where prompts wait for those before them", async () => {
    const { decodeRows } = xla.info.budgets
    const prompts = Array.from({ length: 21 }, (_, i) => randomIds(1 + ((7 * i) % 20), VOCABULARY, i))
    const numGenerations = 8
    assert.ok(prompts.length * numGenerations > 2 * decodeRows)
    const completions = await assertSameCompletions(models, prompts, { ...OPTIONS, numGenerations })
    const lengths = new Set(completions.flat().map(({ ids }) => ids.length))
    assert.ok(lengths.size > 3 && lengths.has(OPTIONS.maxCompletionLength))
  })

  for (const maxCompletionLength of [1, 16, 17, 45]) {
    it(`draws the cpu engine's tokens up to ${maxCompletionLength} of them`, async () => {
      const options = { ...OPTIONS, maxCompletionLength, eosTokenIds: [] }
      for (const completion of (await assertSameCompletions(models, PROMPTS, options)).flat()) {
        assert.deepEqual([completion.ids.length, completion.finishReason], [maxCompletionLength, 'length'])
      }
    })
  }

  it('ends early when all completions have ended', async () => {
    const all = Array.from({ length: VOCABULARY }, (_, id) => id)
    for (const completion of (await assertSameCompletions(models, PROMPTS, { ...OPTIONS, eosTokenIds: all })).flat()) {
      assert.deepEqual([completion.ids.length, completion.finishReason], [1, 'stop'])
    }
  })

  it('ends at stop strings as the cpu engine', async () => {
    const others = await loadTiny(xla, { vocab_size: 352 }, true)
    const options = { ...OPTIONS, maxCompletionLength: 40, eosTokenIds: [] }
    const whole = (await assertSameCompletions(others, PROMPTS, options)).flat()
    // Texts that occur, one of them behind the tokens of one call.
    const stopStrings = [whole[0]!.text.slice(4, 6), whole[5]!.text.slice(-3)]
    const stopped = (await assertSameCompletions(others, PROMPTS, { ...options, stopStrings })).flat()
    assert.ok(stopped.some(({ finishReason }) => finishReason === 'stop'))
    assert.ok(stopped.some(({ ids }) => ids.length < 40))
    disposePair(others)
  })

  it('would see a token that is not on a border', async () => {
    const options = { ...OPTIONS, numGenerations: 1, eosTokenIds: [] }
    const promptIds = PROMPTS[0]!
    const { ids } = (await models.cpu.engineModel.generate([promptIds], options))[0]![0]!
    for (const place of [0, 5]) {
      const history = [...promptIds, ...ids.slice(0, place)]
      const logits = sequenceLogits(models.cpu, history).slice(-VOCABULARY)
      const uniform = uniformOf(promptIds, options, 0, place)
      const id = ids[place]!
      assertOnBorder({ logits, history, uniform, ids: [id, id] }, options)
      for (const other of [(id + 1) % VOCABULARY, (id + VOCABULARY - 1) % VOCABULARY]) {
        assert.throws(() => {
          assertOnBorder({ logits, history, uniform, ids: [id, other] }, options)
        }, assert.AssertionError)
      }
    }
  })
})
