import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { quantizedCopy } from '../../src/model/quantizedCopy.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('quantizedCopy', () => {
  const inFolder = useTemporaryFolder()

  it('is what config.json says, and nothing for files that say nothing or cannot be read', () => {
    for (const [content, expected] of [
      ['{}', null],
      ['[]', null],
      ['{', null],
      ['{"quantization_config":"int4"}', null],
      [
        '{"compression_config":{"quant_method":"compressed-tensors"}}',
        { method: 'compressed-tensors', original: null },
      ],
      ['{"quantization_config":{}}', { method: 'quantised', original: null }],
      ['{"quantization_config":{"quant_method":"gptq","base_model":7}}', { method: 'gptq', original: null }],
      [
        '{"quantization_config":{"quant_method":"grpo-ts","base_model":"owner/name@abc"}}',
        { method: 'grpo-ts', original: 'owner/name@abc' },
      ],
    ] as const) {
      fs.writeFileSync(inFolder('config.json'), content)
      assert.deepEqual(quantizedCopy(inFolder()), expected, content)
    }
    assert.equal(quantizedCopy(inFolder('missing')), null)
    assert.deepEqual(quantizedCopy(inFolder('model-Q4_0.gguf')), { method: 'GGUF', original: null })
  })

  it('is a GGUF file where a folder holds nothing else, and not for a folder of such a name', () => {
    const folder = inFolder('folder.gguf')
    fs.mkdirSync(folder)
    assert.equal(quantizedCopy(folder), null)
    fs.writeFileSync(path.join(folder, 'model.gguf'), '')
    assert.deepEqual(quantizedCopy(folder), { method: 'GGUF', original: null })
    fs.writeFileSync(path.join(folder, 'config.json'), '{}')
    assert.equal(quantizedCopy(folder), null)
  })
})
