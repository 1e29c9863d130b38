/** The engine xla against the reference numbers of transformers, PEFT and TRL. */
import assert from 'node:assert/strict'
import { selectEngine } from '../../../src/engine/registry.js'
import { unpackedModel } from '../../conformance/command.js'
import { runConformance } from '../../conformance/run.js'
import { randomPolicy } from '../../fixtures/policies.js'
import { requireShared } from '../../shared.js'
import { assertSameGradients, assertSameValues, printDifferences, rowsBehind } from './compare.js'
import { both, disposePair, loadFolder, requireXla, requireXlaRunner } from './engines.js'

/** Rounding of 30 layers instead of two, in single matrices of the first ones. */
const DEEP_GRADIENT_TOLERANCE = 5e-4

describe('engine/xla: reference numbers', () => {
  after(async () => {
    printDifferences()
    await selectEngine('reference')
  })

  for (const [folder, part] of [
    ['golden', 'logits'],
    ['golden', 'greedy'],
    ['golden', 'lora'],
    ['golden', 'step'],
    ['golden-smollm2', 'smollm2'],
  ] as const) {
    it(`are met: ${folder}, ${part}`, async function () {
      await requireXlaRunner(this)
      const root = requireShared(this, folder)
      await selectEngine('xla', { device: 'cpu', precision: 'float32' })
      let passed = 0
      for await (const row of runConformance({ root, modelFolder: () => unpackedModel(root) }, [part])) {
        assert.notEqual(row.status, 'fail', `${row.file}: ${row.quantity}: ${row.note}`)
        if (row.status === 'pass') passed++
      }
      assert.ok(passed > 0)
    })
  }

  it('are met: LoRA gradients of SmolLM2-135M against the cpu engine', async function () {
    const xla = await requireXla(this)
    const models = await loadFolder(xla, unpackedModel(requireShared(this, 'golden-smollm2')))
    const policies = await both(models, (model) => randomPolicy(model, { r: 8, rankPattern: { q_proj: 4 } }))
    // Not so large that hardly anything is left of the model.
    await both(policies, ({ adapter }) => {
      adapter!.update((values) => {
        for (const [i, value] of values.entries()) values[i] = 0.2 * value
      })
    })
    const { vocabularySize } = models.cpu.config
    const rows = [...rowsBehind(14, [12, 5, 16], vocabularySize), ...rowsBehind(9, [7], vocabularySize)]
    await assertSameValues(policies, rows)
    await assertSameGradients(policies, rows, {}, DEEP_GRADIENT_TOLERANCE)
    for (const pair of [policies, models]) disposePair(pair)
  })
})
