import assert from 'node:assert/strict'
import fs from 'node:fs'
import { removeCheckpoints } from '../../src/run/checkpointFolders.js'
import { useTemporaryFolder } from '../io/temporaryFolder.js'

describe('run/checkpointFolders', () => {
  const inFolder = useTemporaryFolder()

  it('removes the checkpoints of a run and nothing else in a folder of that name', () => {
    removeCheckpoints(inFolder('none'))
    const ours = ['step-1', 'step-20', 'step-3.damaged', '.step-4.saving', '.step-5.removing']
    const foreign = ['word-problems-2m', 'step-one', 'step-1.safetensors', 'notes.txt']
    for (const name of [...ours, ...foreign]) {
      fs.mkdirSync(inFolder('checkpoints', name), { recursive: true })
      fs.writeFileSync(inFolder('checkpoints', name, 'file'), name)
    }
    removeCheckpoints(inFolder())
    assert.deepEqual(fs.readdirSync(inFolder('checkpoints')).sort(), foreign.sort())
    for (const name of foreign) {
      assert.equal(fs.readFileSync(inFolder('checkpoints', name, 'file'), 'utf8'), name)
      fs.rmSync(inFolder('checkpoints', name), { recursive: true })
    }
    removeCheckpoints(inFolder())
    assert.equal(fs.existsSync(inFolder('checkpoints')), false)
  })
})
