import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { statusOf } from '../../src/io/statusOf.js'
import { quantizedCopy } from '../../src/model/quantizedCopy.js'
import { readModel } from '../../src/model/readModel.js'
import { ggufFixture } from '../fixtures/gguf/fixture.js'
import { useTemporaryFolder } from './temporaryFolder.js'

describe('io/statusOf', () => {
  const inFolder = useTemporaryFolder()

  it('says what a path leads to, and nothing of paths that lead nowhere, of which models are none', () => {
    const file = inFolder('Model.GGUF')
    fs.copyFileSync(ggufFixture('llama'), file)
    fs.symlinkSync('Model.GGUF', inFolder('link.gguf'))
    fs.symlinkSync('loop.gguf', inFolder('loop.gguf'))
    assert.ok(statusOf(inFolder())!.isDirectory())
    assert.ok(statusOf(inFolder('link.gguf'))!.isFile())
    assert.equal(readModel(file)!.source, file)
    const nowhere = [
      `${file}/`,
      path.join(file, 'x.gguf'),
      inFolder('loop.gguf'),
      inFolder('x'.repeat(300)),
      'a\0b',
      '',
    ]
    for (const name of nowhere) {
      assert.equal(statusOf(name), undefined, name)
      assert.equal(readModel(name), null, name)
      quantizedCopy(name)
    }
  })
})
