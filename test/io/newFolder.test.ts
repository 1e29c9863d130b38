import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { ConfigError, GrpoError } from '../../src/errors.js'
import { checkNewFolder, writeNewFolder } from '../../src/io/newFolder.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'

describe('io/newFolder', () => {
  const root = temporaryFolder()
  const place = (name: string): string => path.join(root, name)
  const writing =
    (text: string) =>
    async (staging: string): Promise<void> => {
      await new Promise(setImmediate)
      fs.writeFileSync(path.join(staging, 'a'), text)
    }
  const refused = (folder: string, message: RegExp): void => {
    assert.throws(
      () => {
        checkNewFolder(folder)
      },
      (error: Error) => error instanceof ConfigError && message.test(error.message),
      folder,
    )
  }

  it('appears with all that was written, also where an empty one was, or a link to one', async () => {
    fs.mkdirSync(place('empty'))
    fs.mkdirSync(place('linked'))
    fs.symlinkSync('linked', place('link'))
    for (const name of ['new/in/new', 'slash/', 'empty', 'link']) {
      checkNewFolder(place(name))
      await writeNewFolder(place(name), writing(name))
      assert.equal(fs.readFileSync(path.join(place(name), 'a'), 'utf8'), name)
    }
    assert.ok(fs.lstatSync(place('link')).isSymbolicLink())
    assert.equal(fs.readFileSync(place('linked/a'), 'utf8'), 'link')
    assert.equal(fs.statSync(place('new/in/new')).mode, fs.statSync(place('new/in')).mode)
    assert.deepEqual(fs.readdirSync(root).sort(), ['empty', 'link', 'linked', 'new', 'slash'])
  })

  it('of two writers one wins, and the other is told', async () => {
    const results = await Promise.allSettled(['1', '2'].map((text) => writeNewFolder(place('both'), writing(text))))
    const failed = results.filter((result) => result.status === 'rejected')
    assert.equal(failed.length, 1)
    assert.ok(failed[0]!.reason instanceof GrpoError)
    assert.match(failed[0]!.reason.message, /both: cannot be written/)
    assert.deepEqual(fs.readdirSync(place('both')), ['a'])
    assert.deepEqual(
      fs.readdirSync(root).filter((name) => name.includes('writing')),
      [],
    )
  })

  it('does not take up what a process that was killed has left', async () => {
    const left = place(`late.writing-${process.pid}`)
    fs.mkdirSync(left)
    fs.writeFileSync(path.join(left, 'junk'), '')
    await writeNewFolder(place('late'), writing('late'))
    assert.deepEqual(fs.readdirSync(place('late')), ['a'])
  })

  it('is refused before anything is done where it cannot be', () => {
    fs.writeFileSync(place('file'), '')
    fs.symlinkSync('nothing', place('dangling'))
    fs.symlinkSync('loop', place('loop'))
    refused(place('file'), /is a file/)
    refused(root, /is not empty/)
    refused(place('file/below'), /cannot be made \(ENOTDIR/)
    refused(place('x'.repeat(300)), /cannot be made \(ENAMETOOLONG/)
    refused(place('loop'), /cannot be made \(ELOOP/)
    refused(place('dangling'), /is a link to nothing/)
    refused('', /is no name of a folder/)
    refused('a\0b', /is no name of a folder/)
    const before = process.cwd()
    fs.mkdirSync(place('here'))
    process.chdir(place('here'))
    try {
      refused('.', /is the folder that this runs in/)
    } finally {
      process.chdir(before)
    }
  })
})
