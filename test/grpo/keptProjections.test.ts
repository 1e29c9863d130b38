import assert from 'node:assert/strict'
import { selectEngine } from '../../src/engine/registry.js'
import { parseGRPOConfig } from '../../src/grpo/config/config.js'
import { PolicyUpdate } from '../../src/grpo/update/policyUpdate.js'
import { keptRows, packRows } from '../../src/engine/cpu/packRows.js'
import type { TrainingRow } from '../../src/grpo/update/trainingRow.js'
import { loadModel } from '../../src/policy/loadModel.js'
import type { CausalLM } from '../../src/policy/causalLM.js'
import { generate } from '../../src/policy/generate.js'
import { BACKENDS, memoryInUse, randomIds, randomPolicy } from '../fixtures/policies.js'
import { decoderOf } from '../fixtures/tensors.js'
import { temporaryTinyModel } from '../fixtures/tinyModel.js'

const VOCABULARY = 30
const CONFIG = parseGRPOConfig({ numGenerations: 3, perDeviceTrainBatchSize: 9 })
const POSITION = { numItemsInBatch: 30, gradientAccumulationSteps: 1, stepsPerGeneration: 1 }

/** Samples three completions of each prompt, some of which end early, and gives them advantages. */
async function sampleRows(policy: CausalLM, prompts: readonly number[][], keep = false): Promise<TrainingRow[]> {
  const groups = await generate(policy, prompts, {
    maxCompletionLength: 9,
    numGenerations: 3,
    seed: 3,
    eosTokenIds: [1, 2, 3],
    keep,
  })
  return groups.flatMap((completions, g) =>
    completions.map(({ ids, logProbs, entropies }, i) => ({
      promptIds: prompts[g]!,
      completionIds: ids,
      advantage: i - 0.9,
      inLoss: true,
      samplingLogProbs: logProbs,
      samplingEntropies: entropies,
      oldLogProbs: null,
      refLogProbs: null,
    })),
  )
}

/** The same policy on an engine model of its own, which keeps nothing. */
function withoutKept(policy: CausalLM): CausalLM {
  const copy = policy.baseModel.withLora({ r: 3, alpha: 6 })
  copy.adapter!.setValues(policy.adapter!.values)
  return copy
}

describe('engine/cpu/keptProjections', () => {
  after(() => selectEngine('reference'))

  for (const backend of BACKENDS) {
    for (const [name, capacity] of Object.entries({ 'all of it fits': 100, 'a part fits': 33, 'nothing fits': 2 })) {
      it(`changes no bit of log-probabilities and gradients on ${backend}: ${name}`, async () => {
        await selectEngine(backend)
        const base = await loadModel(temporaryTinyModel({ vocab_size: VOCABULARY }, { tokenizer: false }))
        const policy = randomPolicy(base)
        const alike = randomIds(6, VOCABULARY, 1)
        const prompts = [
          [...alike, 5],
          [...alike.slice(0, 4), 7, 8],
          [9, 10, 11],
          [...alike, 5],
        ]
        const before = memoryInUse().tensors
        const decoder = decoderOf(policy)
        decoder.startKeeping(capacity)
        const kept = decoder.kept!
        const rows = await sampleRows(policy, prompts, true)
        assert.deepEqual(rows, await sampleRows(policy, prompts), 'keeping changes nothing in what is sampled')

        const places = (some: readonly TrainingRow[]): Int32Array | null => keptRows(some, packRows(some), kept)
        assert.equal(places(rows) !== null, capacity === 100)
        assert.equal(places(rows.slice(0, 3)) !== null, capacity >= 33, 'what was begun first is kept longest')
        const copies = rows.map((row) => ({ ...row, completionIds: [...row.completionIds] }))
        assert.equal(places(copies), null, 'other ids, even the same ones, are not known')
        const knows = (some: readonly TrainingRow[], temperature: number): boolean =>
          kept.distributions.of(
            some.map(({ completionIds }) => completionIds),
            temperature,
          ) !== null
        // Of distributions there is always room; only our backend has a kernel that gives them.
        assert.equal(knows(rows, 1), backend === 'cpu')
        assert.ok(!knows(copies, 1) && !knows(rows, 0.9))

        for (const some of [rows, rows.slice(0, 3), rows.slice(3, 9), [rows[10]!, rows[1]!]]) {
          const results = []
          for (const own of [withoutKept(policy), policy]) {
            const update = new PolicyUpdate(own, CONFIG, 10)
            const { logProbs } = await update.accumulate(some, POSITION, { asSampled: true })
            results.push({ logProbs, gradients: update.gradients })
            if (own !== policy) own.dispose()
          }
          assert.ok(results[0]!.gradients.some((gradient) => gradient !== 0))
          assert.deepEqual(results[1], results[0])
        }
        decoder.stopKeeping()
        assert.equal(memoryInUse().tensors, before)
        policy.dispose()
        base.dispose()
      })
    }
  }

  it('takes the kept projections instead of computing them', async () => {
    await selectEngine('cpu')
    const base = await loadModel(temporaryTinyModel({ vocab_size: VOCABULARY }, { tokenizer: false }))
    const policy = randomPolicy(base)
    const decoder = decoderOf(policy)
    decoder.startKeeping(100)
    const kept = decoder.kept!
    const rows = await sampleRows(policy, [randomIds(5, VOCABULARY, 4)], true)
    const gradients = async (): Promise<Float32Array> => {
      const update = new PolicyUpdate(policy, CONFIG, 10)
      await update.accumulate(rows, POSITION, { asSampled: true })
      return update.gradients
    }
    const before = await gradients()
    // Another adapter would give other projections; what is kept stays what the old one gave.
    const adapter = policy.adapter!
    const { b } = adapter.entries.at(-1)!
    b.values.set(b.values.map((value) => 2 * value))
    adapter.setValues(adapter.values)
    decoder.lora!.refresh()
    const places = keptRows(rows, packRows(rows), kept)!
    const known = decoder.forward(packRows(rows).batch, { kept: { projections: kept, rows: places } })
    const anew = decoder.forward(packRows(rows).batch)
    assert.notDeepEqual([...known.dataSync()], [...anew.dataSync()])
    assert.notDeepEqual(await gradients(), before)
    decoder.stopKeeping()
    policy.dispose()
    base.dispose()
  })
})
