import assert from 'node:assert/strict'
import fs from 'node:fs'
import { GrpoError } from '../../src/errors.js'
import { atomicWrite, atomicWriteFile, atomicWriteJson, writeFully } from '../../src/io/atomicWrite.js'
import { countOpenDescriptors, useTemporaryFolder } from './temporaryFolder.js'

describe('io/atomicWrite', () => {
  const inFolder = useTemporaryFolder()

  it('writes text, bytes and JSON, and replaces what was there', () => {
    const file = inFolder('a')
    atomicWriteFile(file, 'größer')
    assert.equal(fs.readFileSync(file, 'utf8'), 'größer')
    atomicWriteFile(file, Uint8Array.of(1, 2))
    assert.deepEqual([...fs.readFileSync(file)], [1, 2])
    atomicWriteJson(file, { r: 8 })
    assert.equal(fs.readFileSync(file, 'utf8'), '{\n  "r": 8\n}\n')
    assert.deepEqual(fs.readdirSync(inFolder()), ['a'])
  })

  it('leaves the earlier file, no temporary one and no descriptor when writing fails', () => {
    const file = inFolder('a')
    atomicWriteFile(file, 'before')
    const failure = new Error('no more tensors')
    assert.throws(
      () => {
        atomicWrite(file, (descriptor) => {
          writeFully(descriptor, Buffer.from('half'))
          throw failure
        })
      },
      (error) => error === failure,
    )
    assert.equal(fs.readFileSync(file, 'utf8'), 'before')
    assert.deepEqual(fs.readdirSync(inFolder()), ['a'])
    assert.equal(countOpenDescriptors(inFolder()), 0)
  })

  it('says which file and what to try when its folder is missing or its place is taken by a folder', () => {
    assert.throws(() => {
      atomicWriteFile(inFolder('missing', 'a'), 'x')
    }, /missing.a: cannot be written \(ENOENT.*check that its folder exists/)
    fs.mkdirSync(inFolder('folder'))
    assert.throws(() => {
      atomicWriteFile(inFolder('folder'), 'x')
    }, GrpoError)
    assert.deepEqual(fs.readdirSync(inFolder()), ['folder'])
  })

  it('says so when the disk is full', function () {
    if (!fs.existsSync('/dev/full')) this.skip()
    const descriptor = fs.openSync('/dev/full', 'w')
    try {
      assert.throws(() => {
        atomicWrite(inFolder('a'), () => {
          writeFully(descriptor, Buffer.from('x'))
        })
      }, /a: cannot be written \(ENOSPC.*free some space/)
    } finally {
      fs.closeSync(descriptor)
    }
    assert.deepEqual(fs.readdirSync(inFolder()), [])
  })
})
