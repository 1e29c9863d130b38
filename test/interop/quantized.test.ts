import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { selectEngine } from '../../src/engine/registry.js'
import { Safetensors } from '../../src/io/safetensors.js'
import { forEachPiece, widenRows } from '../../src/quantization/matrixSource.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { unpackedModel } from '../conformance/command.js'
import { sequenceLogits } from '../fixtures/policies.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'
import { openCheckpoint } from '../model/quantizedCheckpoint.js'
import { pythonWith } from '../python.js'
import { requireShared } from '../shared.js'

/** As in make.py. */
const ids = [1, 5, 3, 3, 17, 0, 22, 9, 8, 2, 11, 20]

const cases: Record<string, readonly string[]> = {
  'nf4-double': ['bitsandbytes'],
  fp4: ['bitsandbytes'],
  int8: ['bitsandbytes'],
  'gptq-4-zeros': ['gptqmodel'],
  'gptq-8': ['gptqmodel'],
  awq: ['awq'],
  'compressed-tensors-4': ['compressed_tensors'],
}

describe('packages that quantise SmolLM2-135M-Instruct', () => {
  for (const [name, packages] of Object.entries(cases)) {
    it(`${name}: make of every code the same number, and the model has the same logits`, async function () {
      const python = pythonWith(this, 'torch', 'transformers', 'accelerate', ...packages)
      const model = unpackedModel(requireShared(this, 'models'))
      const output = temporaryFolder()
      const program = path.join(import.meta.dirname, '../fixtures/quantized/make.py')
      const env = { ...process.env, HF_HUB_OFFLINE: '1', HF_HUB_DISABLE_TELEMETRY: '1', CUDA_VISIBLE_DEVICES: '' }
      const args = ['-W', 'ignore', program, model, output, name]
      const { status, stderr } = spawnSync(python, args, { env, encoding: 'utf8' })
      assert.equal(status, 0, stderr)

      const folder = path.join(output, name)
      using expected = Safetensors.open(path.join(folder, 'expected.safetensors'))
      const weights = openCheckpoint(folder)
      const matrices = expected.names().filter((one) => one !== 'logits')
      assert.equal(matrices.length, 210)
      for (const one of matrices) {
        const width = weights.shapes.get(one)![1]!
        forEachPiece(weights.matrix(one), (rows, first, count) => {
          const theirs = expected.readFloat32(one, { first: first * width, count: count * width })
          assert.equal(Buffer.compare(bytesOf(widenRows(rows)), bytesOf(theirs)), 0, one)
        })
      }
      weights.close()

      await selectEngine('cpu')
      const policy = await loadModel(folder)
      const logits = sequenceLogits(policy, ids)
      const theirs = expected.readFloat32('logits')
      assert.equal(logits.length, theirs.length)
      const largest = theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - logits[i]!)), 0)
      console.log(`      logits differ by ${largest.toExponential(1)}`)
      // Logits go to 33; in float32 those of transformers are off by 6e-4 from those in float64.
      assert.ok(largest <= 5e-3, `logits differ by ${largest}`)
      policy.dispose()
    })
  }
})

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
