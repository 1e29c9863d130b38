import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { pinnedName, resolveModel } from '../../src/hub/resolve.js'
import { embeddedModels } from '../../src/hub/embeddedModels.js'
import { loadModel } from '../../src/policy/loadModel.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('hub/embeddedModels', () => {
  const inFolder = useTemporaryFolder()

  it('are the folders of checkpoints/', () => {
    const folder = path.resolve(import.meta.dirname, '../../checkpoints')
    assert.deepEqual([...embeddedModels], fs.readdirSync(folder))
  })

  it('are found by their names, which is also what names them for ever', async () => {
    const source = await resolveModel('word-problems-2m')
    assert.ok(fs.existsSync(path.join(source.folder, 'model.safetensors')))
    assert.equal(pinnedName(source), 'word-problems-2m')
    const model = await loadModel('word-problems-2m')
    assert.ok(model.tokenizer)
    model.dispose()
  })

  it('give way to a folder of the same name', async () => {
    const before = process.cwd()
    fs.mkdirSync(inFolder('word-problems-2m'))
    process.chdir(inFolder())
    try {
      assert.deepEqual(await resolveModel('word-problems-2m'), { folder: 'word-problems-2m', id: null })
    } finally {
      process.chdir(before)
    }
  })
})
