import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { selectEngine } from '../../../src/engine/registry.js'
import { writeSafetensors } from '../../../src/io/safetensorsWriter.js'
import { parseModelConfig } from '../../../src/model/config.js'
import { openModelWeights } from '../../../src/model/weights/openModelWeights.js'
import { matrixAs } from '../../../src/model/weights/weightDtype.js'
import { generate } from '../../../src/policy/generate.js'
import { loadModel } from '../../../src/policy/loadModel.js'
import type { CausalLM } from '../../../src/policy/causalLM.js'
import { widenedSource } from '../../../src/quantization/matrixSource.js'
import { memoryInUse, randomPolicy } from '../../fixtures/policies.js'
import { rowValues } from '../../fixtures/tensors.js'
import { temporaryTinyModel } from '../../fixtures/tinyModel.js'
import { randomValues } from '../../ops/suite.js'

const PROMPTS = [
  [1, 2, 3, 4, 5],
  [1, 2, 7],
]
/** Groups of 64 inputs: one that is short, and two of which one is. */
const SIZES = { vocab_size: 61, hidden_size: 48, intermediate_size: 84 }

/** A copy of a model whose matrices are the numbers that its quantised weights stand for. */
function dequantizedCopy(folder: string, dtype: 'int8' | 'int4', changes: Record<string, unknown>): string {
  const config = parseModelConfig(
    JSON.parse(fs.readFileSync(path.join(folder, 'config.json'), 'utf8')) as object,
    folder,
  )
  const weights = openModelWeights(folder, config)
  const tensors = [...weights.shapes].map(([name, shape]) => {
    if (shape.length === 1) return { name, dtype: 'F32' as const, shape, data: weights.vector(name) }
    const values = widenedSource(matrixAs(weights, name, dtype)).read(0, shape[0]!) as Float32Array
    return { name, dtype: 'F32' as const, shape, data: values }
  })
  weights.close()
  const copy = temporaryTinyModel(changes, { tokenizer: false })
  writeSafetensors(path.join(copy, 'model.safetensors'), tensors)
  return copy
}

/** What a policy samples, the values of what it sampled, and the gradient by its adapter. */
async function results(model: CausalLM): Promise<unknown> {
  const policy = randomPolicy(model, { r: 4 })
  const options = { maxCompletionLength: 9, numGenerations: 3, temperature: 0.8, seed: 1 }
  const completions = await generate(policy, PROMPTS, options)
  const rows = completions.flatMap((group, i) =>
    group.map(({ ids }) => ({ promptIds: PROMPTS[i]!, completionIds: ids })),
  )
  const values = await rowValues(policy, rows, 0.8)
  const count = rows.reduce((sum, { completionIds }) => sum + completionIds.length, 0)
  const gradient = new Float32Array(policy.adapter!.values.length)
  const recording = await policy.engineModel.record(rows, { temperature: 0.8 })
  await recording.gradient(randomValues(count, 5), randomValues(count, 6), gradient)
  policy.dispose()
  assert.ok(gradient.some((value) => value !== 0))
  const sampled = completions.map((group) => group.map(({ ids, logProbs }) => ({ ids, logProbs: [...logProbs] })))
  return { sampled, values, gradient }
}

describe('engine/cpu: quantised weights', () => {
  after(() => selectEngine('reference'))

  for (const [dtype, tied] of [
    ['int8', true],
    ['int4', false],
    ['int4', true],
  ] as const) {
    const output = tied ? 'tied' : 'not tied'
    it(`are sampled from and trained with to the bits of the numbers that they stand for: ${dtype}, ${output}`, async () => {
      const changes = { ...SIZES, tie_word_embeddings: tied }
      const folder = temporaryTinyModel(changes, { tokenizer: false, dtype: 'BF16' })
      const copy = dequantizedCopy(folder, dtype, changes)
      for (const threads of [1, 2]) {
        await selectEngine('cpu', { threads })
        const before = memoryInUse()
        const [actual, expected] = [await loadModel(folder, { dtype }), await loadModel(copy)]
        assert.deepEqual(await results(actual), await results(expected))
        actual.dispose()
        expected.dispose()
        assert.equal(memoryInUse().tensors, before.tensors)
      }
    })
  }
})
