/** What every engine of the registry has to do: a new one is tried by being in the list, or skipped where it cannot run. */
import assert from 'node:assert/strict'
import type { Engine, EngineModel, EngineRow, TokenValues } from '../../src/engine/engine.js'
import { engines, selectEngine } from '../../src/engine/registry.js'
import type { EngineEntry } from '../../src/engine/registry.js'
import { EngineError } from '../../src/errors.js'
import type { LoraAdapter } from '../../src/model/lora.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { randomIds, randomPolicy } from '../fixtures/policies.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'
import { randomValues } from '../ops/suite.js'

/** Tokens of the tiny model. */
const VOCABULARY = 352
const TEMPERATURE = 0.9
/** Most nats by which two passes over the same tokens may differ. */
const ROUNDING = 1e-3

function rowsOf(promptIds: readonly number[], lengths: readonly number[]): EngineRow[] {
  return lengths.map((length, i) => ({ promptIds, completionIds: randomIds(length, VOCABULARY, 10 * length + i) }))
}

function largestDifference(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  assert.deepEqual(
    a.map((row) => row.length),
    b.map((row) => row.length),
  )
  return Math.max(...a.flatMap((row, i) => row.map((value, t) => Math.abs(value - b[i]![t]!))))
}

/** Σ weight · log π + weight · entropy of all tokens, the function whose gradient is taken. */
function weighted({ logProbs, entropies }: TokenValues, weights: Float32Array, entropyWeights: Float32Array): number {
  const [all, allEntropies] = [logProbs.flat(), entropies.flat()]
  return all.reduce((sum, value, i) => sum + weights[i]! * value + entropyWeights[i]! * allEntropies[i]!, 0)
}

describe('engine conformance', () => {
  after(() => selectEngine('reference'))

  for (const entry of engines as readonly EngineEntry[]) {
    describe(entry.name, () => {
      let engine: Engine
      let base: CausalLM
      let policy: CausalLM
      let adapter: LoraAdapter
      let model: EngineModel
      const promptIds = randomIds(6, VOCABULARY, 1)
      const rows = rowsOf(promptIds, [5, 1, 9])

      before(async function () {
        try {
          engine = (await selectEngine(entry.name as 'cpu')).engine
        } catch (error) {
          if (!(error instanceof EngineError)) throw error
          console.log(`      skipped: ${error.message}`)
          this.skip()
        }
        base = await loadModel(temporaryTinyModel(), { engine })
        policy = randomPolicy(base)
        adapter = policy.adapter!
        model = policy.engineModel
      })
      after(() => {
        // Where the engine cannot run there is neither.
        for (const one of [policy, base] as (CausalLM | undefined)[]) one?.dispose()
      })

      it('says what it is, and what it holds', () => {
        const { name, description, samplingTolerance, tensorLimit, budgets } = engine.info
        assert.equal(name, entry.name)
        assert.ok(description.length > 0 && (samplingTolerance ?? 0) >= 0 && tensorLimit > 0)
        for (const size of Object.values(budgets)) assert.ok(Number.isInteger(size) && size > 0)
        const { used, peak, available } = engine.memory()
        assert.ok(used >= model.weightBytes, `${used} bytes with a model of ${model.weightBytes}`)
        assert.ok(peak === null || peak >= used)
        assert.ok(available > 0)
      })

      it('samples the same completions for the same seed, whatever is sampled with them where it is batch-invariant', async () => {
        const options = { maxCompletionLength: 8, numGenerations: 3, seed: 5, temperature: TEMPERATURE }
        const other = randomIds(11, VOCABULARY, 2)
        const alone = await model.generate([promptIds], options)
        assert.deepEqual(await model.generate([promptIds], options), alone)
        assert.notDeepEqual(await model.generate([promptIds], { ...options, seed: 6 }), alone)
        if (engine.info.isBatchInvariant) {
          assert.deepEqual((await model.generate([other, promptIds], options))[1], alone[0])
        }
      })

      it('samples tokens with the log-probabilities and entropies that training computes, within its tolerance', async () => {
        const { samplingTolerance } = engine.info
        const options = { maxCompletionLength: 12, numGenerations: 4, seed: 1, temperature: TEMPERATURE }
        const completions = (await model.generate([promptIds], options))[0]!
        const sampled = completions.map(({ ids }) => ({ promptIds, completionIds: ids }))
        const values = await model.values(sampled, { temperature: TEMPERATURE })
        for (const key of ['logProbs', 'entropies'] as const) {
          const difference = largestDifference(
            values[key],
            completions.map((completion) => completion[key]),
          )
          assert.ok(samplingTolerance === null || difference <= samplingTolerance, `${key} differ by ${difference}`)
        }
      })

      it('computes rows however they are cut, and the reference without the adapter', async () => {
        const whole = await model.values(rows, { temperature: TEMPERATURE })
        const cut = await model.values(rows, { temperature: TEMPERATURE, maxTokens: 8 })
        const allowed = engine.info.isBatchInvariant ? 0 : ROUNDING
        assert.ok(largestDifference(whole.logProbs, cut.logProbs) <= allowed)
        const reference = await model.values(rows, { temperature: TEMPERATURE, reference: true })
        const plain = await base.engineModel.values(rows, { temperature: TEMPERATURE })
        assert.deepEqual(reference, plain)
        assert.ok(largestDifference(whole.logProbs, plain.logProbs) > 1e-3, 'the adapter changes nothing')
      })

      for (const maxTokens of [null, 8]) {
        it(`has the gradient of finite differences, added to what is there, ${maxTokens ? 'in several passes' : 'in one'}`, async () => {
          const tokens = rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
          const [weights, entropyWeights] = [randomValues(tokens, 1), randomValues(tokens, 2)]
          const sum = new Float32Array(adapter.values.length).fill(1)
          const recording = await model.record(rows, { temperature: TEMPERATURE, maxTokens })
          const values = await model.values(rows, { temperature: TEMPERATURE, maxTokens })
          assert.ok(largestDifference(recording.logProbs, values.logProbs) <= ROUNDING)
          const again = await recording.gradient(weights, entropyWeights, sum)
          assert.ok(largestDifference(again, values.logProbs) <= ROUNDING)

          const before = adapter.values.slice()
          const direction = randomValues(before.length, 3)
          const length = Math.hypot(...direction)
          const at = async (distance: number): Promise<number> => {
            adapter.setValues(before.map((value, i) => value + (distance * direction[i]!) / length))
            return weighted(await model.values(rows, { temperature: TEMPERATURE }), weights, entropyWeights)
          }
          const step = 1e-2
          const numeric = ((await at(step)) - (await at(-step))) / (2 * step)
          adapter.setValues(before)
          const analytic = sum.reduce((total, value, i) => total + ((value - 1) * direction[i]!) / length, 0)
          assert.ok(
            Math.abs(numeric - analytic) <= 0.02 * Math.max(1, Math.abs(numeric)),
            `gradient ${analytic}, finite difference ${numeric}`,
          )
        })
      }

      it('trains on what sampling kept as on what it computes anew', async () => {
        const tokens = 64
        model.startKeeping(tokens)
        try {
          const options = { maxCompletionLength: 6, numGenerations: 3, seed: 2, temperature: TEMPERATURE, keep: true }
          const completions = (await model.generate([promptIds], options))[0]!
          const sampled = completions.map(({ ids }) => ({ promptIds, completionIds: ids }))
          const count = sampled.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
          const gradients = []
          for (const asSampled of [true, false]) {
            const recording = await model.record(sampled, { temperature: TEMPERATURE, asSampled })
            const sum = new Float32Array(adapter.values.length)
            await recording.gradient(new Float32Array(count).fill(1), null, sum)
            gradients.push(sum)
          }
          const [kept, anew] = gradients as [Float32Array, Float32Array]
          const scale = Math.max(...anew.map(Math.abs))
          assert.ok(scale > 0)
          assert.ok(kept.every((value, i) => Math.abs(value - anew[i]!) <= 1e-3 * scale))
        } finally {
          model.stopKeeping()
        }
      })

      it('frees what it made', async () => {
        const before = engine.memory().used
        const recording = await model.record(rows, { temperature: TEMPERATURE })
        recording.dispose()
        await model.values(rows, { temperature: TEMPERATURE })
        const other = randomPolicy(base)
        await other.engineModel.generate([promptIds], { maxCompletionLength: 4 })
        other.dispose()
        // Scratch memory that an engine keeps for its next call is no leak: the second time nothing is added.
        const settled = engine.memory().used
        const last = randomPolicy(base)
        await last.engineModel.generate([promptIds], { maxCompletionLength: 4 })
        last.dispose()
        assert.equal(engine.memory().used, settled)
        assert.ok(settled - before < model.weightBytes)
      })

      it('forecasts what a step takes', async () => {
        const workload = {
          promptTokens: 10,
          prompts: 2,
          numGenerations: 4,
          maxCompletionLength: 16,
          rows: 8,
          maxTokens: null,
        }
        const { sampling, activations } = await model.forecast(workload)
        assert.ok(sampling > 0 && activations > 0)
        const larger = await model.forecast({ ...workload, maxCompletionLength: 64 })
        assert.ok(larger.sampling > sampling && larger.activations > activations)
      })
    })
  }
})
