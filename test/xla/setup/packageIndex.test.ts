import assert from 'node:assert/strict'
import fs from 'node:fs'
import { ConfigError, GrpoError } from '../../../src/errors.js'
import { installFolder } from '../../../src/xla/setup/installed.js'
import { indexSource } from '../../../src/xla/setup/packageIndex.js'
import { setUpPlugin } from '../../../src/xla/setup/setUp.js'
import type { SetUpOptions } from '../../../src/xla/setup/setUp.js'
import { useTemporaryFolder } from '../../io/temporaryFolder.js'
import { FakeIndex } from './fakeIndex.js'
import { useCacheFolder } from './cacheFolder.js'
import { libraryEntries, pluginEntries, releaseOf, writeWheel } from './wheelFile.js'
import type { WheelFile } from './wheelFile.js'

const network = { retries: 2, backoffMilliseconds: 1, stallMilliseconds: 2000, partBytes: 400 }

describe('xla/setup/packageIndex', () => {
  const inFolder = useTemporaryFolder()
  useCacheFolder(() => inFolder('cache'))
  let wheels: WheelFile[]
  let index: FakeIndex
  beforeEach(async () => {
    wheels = [
      writeWheel(inFolder('wheels'), 'own_plugin-1.0-py3-none-any.whl', pluginEntries),
      writeWheel(inFolder('wheels'), 'own_library-1.0-py3-none-any.whl', libraryEntries),
    ]
    index = await FakeIndex.start(wheels)
  })
  afterEach(() => index.stop())

  const setUp = (address = index.address, options: SetUpOptions = {}): Promise<boolean> =>
    setUpPlugin(releaseOf(wheels), indexSource(address, network), options)
  const pluginText = (): string => fs.readFileSync(`${installFolder(releaseOf(wheels))}/own_plugin/plugin.so`, 'utf8')

  for (const pages of ['html', 'json'] as const) {
    it(`fetches what pages in ${pages} link to by relative addresses`, async () => {
      index.pages = pages
      const loaded: number[] = []
      assert.equal(await setUp(index.address, { onProgress: ({ loadedBytes }) => loaded.push(loadedBytes) }), true)
      assert.equal(pluginText(), 'the plugin '.repeat(100))
      assert.equal(loaded.at(-1), wheels[0]!.bytes + wheels[1]!.bytes)
      assert.deepEqual(
        loaded,
        loaded.toSorted((a, b) => a - b),
      )
      assert.deepEqual(fs.readdirSync(inFolder('cache/xla/cuda12')), ['1.0'])
    })
  }

  it('goes on where a connection broke, and where an earlier attempt was given up', async () => {
    const { file, bytes } = wheels[0]!
    const ranges = (): (string | null)[] =>
      index.requests.filter(({ path, range }) => path === `/files/${file}` && range !== null).map(({ range }) => range)
    const inOnePart = indexSource(index.address, { ...network, partBytes: 1e6 })
    index.breaks.set(file, [100, ...Array.from({ length: 100 }, () => 0)])
    await assert.rejects(setUpPlugin(releaseOf(wheels), inOnePart), (error: Error) => {
      assert.ok(error instanceof GrpoError)
      assert.match(
        error.message,
        /downloading own_plugin-1\.0-py3-none-any\.whl: .*; check the network, then run it again/,
      )
      return true
    })
    index.breaks.set(file, [50])
    index.requests.length = 0
    await setUpPlugin(releaseOf(wheels), inOnePart)
    // Each twice: the index redirects to the files' own server.
    assert.deepEqual([...new Set(ranges())], [`bytes=100-${bytes - 1}`, `bytes=150-${bytes - 1}`])
    assert.equal(pluginText(), 'the plugin '.repeat(100))
  })

  it('unpacks nothing of a file with another content, whatever the page says', async () => {
    const wrong = Buffer.from(wheels[0]!.content)
    wrong[50]! ^= 1
    index.replaced.set(wheels[0]!.file, wrong)
    await assert.rejects(setUp(), /arrived 3 times with a wrong sha256; nothing was kept/)
    index.replaced.set(wheels[0]!.file, wheels[0]!.content.subarray(0, 100))
    await assert.rejects(setUp(), /own_plugin-1\.0-py3-none-any\.whl: (asked for|the answer ended)/)
    index.replaced.clear()
    index.hashes.set(wheels[0]!.file, '0'.repeat(64))
    await assert.rejects(setUp(), /lists another file as own_plugin-1\.0-py3-none-any\.whl: its SHA-256 is 0{64}/)
    assert.equal(fs.existsSync(installFolder(releaseOf(wheels))), false)
    index.hashes.set(wheels[0]!.file, '')
    assert.equal(await setUp(), true)
  })

  it('sends name and password to the index alone, and shows them to nobody', async () => {
    index.authorization = `Basic ${Buffer.from('us er:sec/ret').toString('base64')}`
    const address = index.addressWith('us%20er', 'sec%2Fret')
    const messages: string[] = [indexSource(address).name]
    await assert.rejects(setUp(), /answered 401: it wants a name and password/)
    for (const wrong of [index.addressWith('us%20er', 'wrong-secret'), `${address}/nowhere`]) {
      await assert.rejects(setUp(wrong), (error: Error) => {
        messages.push(error.stack!, JSON.stringify(error))
        return true
      })
    }
    await setUp(address, { onMessage: (message) => messages.push(message) })
    assert.doesNotMatch(messages.join('\n'), /sec|us%20er|us er|Basic/)
    // The second of each address is that of the files' own server.
    for (const { file } of wheels) {
      const sent = index.requests.filter(({ path, range }) => path === `/files/${file}` && range !== null)
      assert.deepEqual(new Set(sent.map(({ authorization }) => authorization)), new Set([index.authorization, null]))
    }
  })

  it('says what an index lacks, and what is none', async () => {
    const other = { ...wheels[0]!, file: 'unknown-1.0-py3-none-any.whl' }
    await assert.rejects(
      setUpPlugin(releaseOf([other]), indexSource(index.address, network)),
      /simple answered 404: it does not have this package; take another index by --index/,
    )
    const newer = { ...wheels[0]!, file: 'own_plugin-2.0-py3-none-any.whl' }
    await assert.rejects(
      setUpPlugin(releaseOf([newer]), indexSource(index.address, network)),
      /\/simple\/own-plugin\/ does not list own_plugin-2\.0-py3-none-any\.whl \(it lists 2 files\)/,
    )
    for (const address of ['pypi.org', 'file:///tmp', 'http://user:pass word@']) {
      assert.throws(
        () => indexSource(address),
        (error: Error) => {
          assert.ok(error instanceof ConfigError)
          assert.doesNotMatch(error.message, /pass/)
          return true
        },
      )
    }
  })
})
