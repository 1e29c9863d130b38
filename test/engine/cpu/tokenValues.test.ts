import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import { scoreTokens } from '../../../src/policy/score.js'
import { BACKENDS, memoryInUse, randomIds, randomPolicy } from '../../fixtures/policies.js'
import { rowValues } from '../../fixtures/tensors.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { assertClose } from '../../grpo/assertClose.js'

describe('engine/cpu/tokenValues', () => {
  after(() => selectEngine('reference'))

  for (const backend of BACKENDS) {
    it(`gives what scoring gives, with the adapter and without: ${backend}`, async () => {
      await selectEngine(backend)
      const base = await loadModel(temporaryTinyModel())
      const policy = randomPolicy(base)
      const promptIds = randomIds(6, 352, 1)
      const rows = [5, 1, 9].map((length) => ({ promptIds, completionIds: randomIds(length, 352, length) }))
      const before = memoryInUse()
      for (const [model, reference] of [
        [policy, false],
        [base, true],
      ] as const) {
        const actual = await rowValues(policy, rows, 0.9, { reference })
        const sequences = rows.map(({ completionIds }) => ({
          inputIds: [...promptIds, ...completionIds],
          promptLength: 6,
        }))
        const expected = await scoreTokens(model, sequences, { temperature: 0.9 })
        assert.equal(actual.logProbs.length, 3)
        for (const [i, { logProbs, entropies }] of expected.entries()) {
          assertClose(actual.logProbs[i]!, logProbs, backend === 'cpu' ? 0 : 1e-5)
          assertClose(actual.entropies[i]!, entropies, backend === 'cpu' ? 0 : 1e-5)
        }
      }
      assert.deepEqual(memoryInUse().tensors, before.tensors)
      policy.dispose()
      base.dispose()
    })
  }
})
