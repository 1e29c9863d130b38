import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { EngineError } from '../../src/errors.js'
import { findAddons, requireAddon } from '../../src/io/nativeAddon.js'
import { temporaryFolder } from '../fixtures/tinyModel.js'

describe('io: addons', () => {
  const [file] = findAddons('pjrt-')
  const advice = '; install a C compiler and run `npm run build`, or install the package again'
  const refused = (folders: readonly string[], version: number, message: RegExp): void => {
    assert.throws(
      () => requireAddon('pjrt-', version, 'the addon', folders),
      (error: unknown) => error instanceof EngineError && message.test(error.message) && error.message.endsWith(advice),
    )
  }

  it('that are not there are told with what to do', () => {
    refused([], 1, /^the addon is not built for \w+-\w+;/)
    refused([temporaryFolder()], 1, /^the addon is not built for/)
  })

  it('that cannot be used are passed over, and the reason is told when there is no other', function () {
    if (file === undefined) this.skip()
    const [older, whole] = [temporaryFolder(), path.dirname(file)]
    const copy = path.join(older, path.basename(file))
    fs.copyFileSync(file, copy)
    refused([older], 1, /^the addon cannot be loaded: .*sha256 is missing/)
    fs.writeFileSync(`${copy}.sha256`, `${'0'.repeat(64)}  x\n`)
    refused([older], 1, /^the addon cannot be loaded: .* is damaged/)
    assert.equal(requireAddon('pjrt-', 1, 'the addon', [older, whole]).version, 1)
    refused([whole], 2, /^the addon is of version 1, expected 2;/)
  })
})
